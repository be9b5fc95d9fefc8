"""Each change through one door is seen by the next call through the other.

coherence.py URL BUCKET MOUNT ROUNDS
"""

import os
import sys

import boto3
import botocore.exceptions

URL, BUCKET, MOUNT = sys.argv[1:4]
ROUNDS = int(sys.argv[4])
CLIENT = boto3.client("s3", endpoint_url=URL)


def path(key):
    return os.path.join(MOUNT, key)


def read(key):
    with open(path(key), "rb") as file:
        return file.read()


def get(key):
    return CLIENT.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def absent(key):
    try:
        CLIENT.head_object(Bucket=BUCKET, Key=key)
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404, error
    else:
        raise AssertionError(f"{key} is there")


def put_then_read(n):
    key = f"put/{n % 3}/file"
    body = f"{n:08d}".encode() * 700
    CLIENT.put_object(Bucket=BUCKET, Key=key, Body=body)
    assert read(key) == body, f"stale after PUT {n}"
    assert os.stat(path(key)).st_size == len(body)
    CLIENT.delete_object(Bucket=BUCKET, Key=key)
    assert not os.path.exists(path(key)), f"there after DELETE {n}"


def write_then_get(n):
    key = f"write/{n % 3}"
    body = f"{n:08d}".encode() * 900
    os.makedirs(path("write"), exist_ok=True)
    with open(path(key), "wb") as file:
        file.write(body)
        file.flush()
        assert get(key) == body, f"stale after write {n}"
    os.unlink(path(key))
    absent(key)


def copy_then_read(n):
    body = f"copied {n}".encode()
    CLIENT.put_object(Bucket=BUCKET, Key="source", Body=body)
    target = f"copies/{n % 3}"
    CLIENT.copy_object(
        Bucket=BUCKET, Key=target, CopySource={"Bucket": BUCKET, "Key": "source"})
    assert read(target) == body, f"stale after copy {n}"


def complete_then_read(n):
    upload = CLIENT.create_multipart_upload(Bucket=BUCKET, Key="large")["UploadId"]
    bodies = [bytes([n % 256]) * (5 << 20), b"tail %d" % n]
    parts = []
    for number, body in enumerate(bodies, 1):
        done = CLIENT.upload_part(
            Bucket=BUCKET, Key="large", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    CLIENT.complete_multipart_upload(
        Bucket=BUCKET, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    assert read("large") == b"".join(bodies), f"stale after complete {n}"


def rename_then_list(n):
    os.makedirs(path(f"old{n}"))
    for name in ("a", "b"):
        with open(path(f"old{n}/{name}"), "w", encoding="ascii") as file:
            file.write(name)
    os.rename(path(f"old{n}"), path(f"new{n}"))
    listed = CLIENT.list_objects_v2(Bucket=BUCKET, Prefix=f"new{n}/")["Contents"]
    keys = [entry["Key"] for entry in listed]
    assert keys == [f"new{n}/", f"new{n}/a", f"new{n}/b"], keys
    absent(f"old{n}/a")


for number in range(ROUNDS):
    put_then_read(number)
    write_then_get(number)
    copy_then_read(number)
    if number % 10 == 0:
        complete_then_read(number)
        rename_then_list(number)
print("coherent")
