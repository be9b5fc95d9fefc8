"""What the rules of buckets are asked with: a client of objects and a mount of the same bucket.

Each file of this folder holds rules by number and is called so: FILE URL BUCKET MOUNT RULE SEED
"""

import os
import pathlib
import random
import sys

import boto3
import botocore.config
import botocore.exceptions

URL, BUCKET = sys.argv[1:3]
MOUNT = pathlib.Path(sys.argv[3])
RANDOM = random.Random(int(sys.argv[5]))
MIB = 1 << 20


def client(**credentials):
    """An S3 client that reports an error at once."""
    config = botocore.config.Config(
        retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=URL, config=config, **credentials)


CLIENT = client()


def put(key, body=b"", **more):
    return CLIENT.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def get(key, **more):
    return CLIENT.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def head(key, **more):
    return CLIENT.head_object(Bucket=BUCKET, Key=key, **more)


def delete(key, **more):
    return CLIENT.delete_object(Bucket=BUCKET, Key=key, **more)


def copy(source, target, **more):
    return CLIENT.copy_object(
        Bucket=BUCKET, Key=target, CopySource={"Bucket": BUCKET, "Key": source}, **more)


def upload(key, bodies):
    """A multipart upload of these parts."""
    at = {"Bucket": BUCKET, "Key": key}
    at["UploadId"] = CLIENT.create_multipart_upload(**at)["UploadId"]
    parts = [
        {"PartNumber": number,
         "ETag": CLIENT.upload_part(**at, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    return CLIENT.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})["ETag"]


def keys(**more):
    """All keys of a listing."""
    pages = CLIENT.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, **more)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def refused(code, call, *arguments, **more):
    """The call fails with this code, or status."""
    try:
        call(*arguments, **more)
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        found = (error.response["Error"]["Code"], str(status))
        assert code in found, f"{found}, not {code}: {error}"
        return error
    raise AssertionError(f"{code}: it succeeded")


def is_object(key):
    try:
        head(key)
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
        return False
    return True


def fails(number, call, *arguments):
    """The call of the operating system fails with this errno."""
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno == number, f"{error}, not {os.strerror(number)}"
        return
    raise AssertionError(f"{os.strerror(number)}: it succeeded")


def mode(path):
    return path.stat().st_mode & 0o7777


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def main(names):
    """Runs the rule that the command line names."""
    names[sys.argv[4]]()
