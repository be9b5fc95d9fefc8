"""What the documentation promises, asked by boto3.

rules.py URL BUCKET
"""

import base64
import hashlib
import sys
import zlib

import boto3
import botocore.config
import botocore.exceptions

URL, BUCKET = sys.argv[1:3]
CONFIG = botocore.config.Config(retries={"max_attempts": 1})
CLIENT = boto3.client("s3", endpoint_url=URL, config=CONFIG)
MIB = 1 << 20


def refused(code, call, **arguments):
    """The call fails with this code."""
    try:
        call(Bucket=BUCKET, **arguments)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code or found in code, f"{found}, not {code}"
    else:
        raise AssertionError(f"{code}: it succeeded")


def put(key, body=b"", **more):
    return CLIENT.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def get(key, **more):
    return CLIENT.get_object(Bucket=BUCKET, Key=key, **more)


def keys(**more):
    page = CLIENT.list_objects_v2(Bucket=BUCKET, **more)
    return [entry["Key"] for entry in page.get("Contents", [])]


def entity_tags_and_metadata():
    body = b"some text"
    done = put("etag", body, ContentType="text/plain", CacheControl="no-cache",
               Metadata={"colour": "blue"}, Tagging="a=1&b=2")
    assert done["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    found = CLIENT.head_object(Bucket=BUCKET, Key="etag")
    assert (found["ContentType"], found["CacheControl"]) == ("text/plain", "no-cache")
    assert found["Metadata"] == {"colour": "blue"}
    assert found["ContentLength"] == len(body)
    tags = CLIENT.get_object_tagging(Bucket=BUCKET, Key="etag")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2"}
    put("plain", b"")
    assert get("plain")["ContentType"] == "binary/octet-stream"


def ranges_and_conditions():
    body = bytes(range(256)) * 40
    tag = put("range", body)["ETag"]
    assert get("range", Range="bytes=10-19")["Body"].read() == body[10:20]
    assert get("range", Range="bytes=-5")["Body"].read() == body[-5:]
    assert get("range", Range="bytes=10000-")["Body"].read() == body[10000:]
    refused("InvalidRange", CLIENT.get_object, Key="range", Range="bytes=20000-")
    refused("PreconditionFailed", CLIENT.get_object, Key="range", IfMatch='"x"')
    refused("304", CLIENT.get_object, Key="range", IfNoneMatch=tag)
    refused("PreconditionFailed", CLIENT.put_object, Key="range", Body=b"", IfNoneMatch="*")
    refused("PreconditionFailed", CLIENT.put_object, Key="range", Body=b"", IfMatch='"x"')
    put("range", b"new", IfMatch=tag)
    refused("NoSuchKey", CLIENT.get_object, Key="absent")


def checksums():
    body = b"checked" * 1000
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    put("crc", body, ChecksumCRC32=crc)
    found = CLIENT.head_object(Bucket=BUCKET, Key="crc", ChecksumMode="ENABLED")
    assert found["ChecksumCRC32"] == crc, found
    wrong = base64.b64encode(b"\0\0\0\0").decode()
    refused(("BadDigest", "InvalidRequest"), CLIENT.put_object, Key="bad", Body=body,
            ChecksumCRC32=wrong)
    refused("BadDigest", CLIENT.put_object, Key="bad", Body=body,
            ContentMD5=base64.b64encode(b"\0" * 16).decode())
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        try:
            done = put("algorithm", body, ChecksumAlgorithm=algorithm)
        except botocore.exceptions.MissingDependencyException:
            continue
        assert done[f"Checksum{algorithm}"], done
    assert "bad" not in keys()


def listings():
    for key in ("l/a", "l/b/c", "l/b/d", "l/e", "l/a//b", "l/../x", "l/\u00e9 \u2603"):
        put(key)
    page = CLIENT.list_objects_v2(Bucket=BUCKET, Prefix="l/", Delimiter="/")
    prefixes = [entry["Prefix"] for entry in page["CommonPrefixes"]]
    assert prefixes == ["l/../", "l/a/", "l/b/"], prefixes
    assert [entry["Key"] for entry in page["Contents"]] == ["l/a", "l/e", "l/\u00e9 \u2603"]
    everything, token = [], {}
    while True:
        page = CLIENT.list_objects_v2(Bucket=BUCKET, Prefix="l/", MaxKeys=2, **token)
        everything += [entry["Key"] for entry in page.get("Contents", [])]
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert everything == sorted(everything, key=lambda key: key.encode()), everything
    assert len(everything) == 7, everything


def parts():
    upload = CLIENT.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
    bodies = [b"1" * (5 * MIB), b"2" * (6 * MIB + 1), b"3"]
    done = []
    for number, body in enumerate(bodies, 1):
        part = CLIENT.upload_part(
            Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=number, Body=body)
        done.append({"PartNumber": number, "ETag": part["ETag"]})
    refused("InvalidPartOrder", CLIENT.complete_multipart_upload, Key="parts", UploadId=upload,
            MultipartUpload={"Parts": done[::-1]})
    wrong = [{**done[0], "ETag": '"0"'}]
    refused("InvalidPart", CLIENT.complete_multipart_upload, Key="parts", UploadId=upload,
            MultipartUpload={"Parts": wrong})
    refused("NoSuchKey", CLIENT.get_object, Key="parts")
    complete = CLIENT.complete_multipart_upload(
        Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload={"Parts": done})
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert complete["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"', complete
    assert get("parts")["Body"].read() == b"".join(bodies)
    assert get("parts", PartNumber=2)["Body"].read() == bodies[1]
    refused("NoSuchUpload", CLIENT.abort_multipart_upload, Key="parts", UploadId=upload)
    refused("InvalidArgument", CLIENT.upload_part, Key="x", UploadId=upload, PartNumber=10_001,
            Body=b"")


def copies_and_deletes():
    put("from", b"copied", Metadata={"m": "1"}, ContentType="text/plain")
    source = {"Bucket": BUCKET, "Key": "from"}
    CLIENT.copy_object(Bucket=BUCKET, Key="to", CopySource=source)
    found = get("to")
    assert (found["Body"].read(), found["Metadata"]) == (b"copied", {"m": "1"})
    CLIENT.copy_object(Bucket=BUCKET, Key="from", CopySource=source, MetadataDirective="REPLACE",
                       Metadata={"m": "2"})
    assert get("from")["Metadata"] == {"m": "2"}
    gone = CLIENT.delete_objects(
        Bucket=BUCKET, Delete={"Objects": [{"Key": "from"}, {"Key": "to"}, {"Key": "never"}]})
    assert sorted(entry["Key"] for entry in gone["Deleted"]) == ["from", "never", "to"], gone
    refused("NoSuchKey", CLIENT.get_object, Key="to")


def directories():
    put("explicit/", b"", Metadata={"d": "1"})
    put("explicit/a/b")
    assert keys(Prefix="explicit/") == ["explicit/", "explicit/a/b"]
    refused("404", CLIENT.head_object, Key="explicit/a/")
    CLIENT.delete_object(Bucket=BUCKET, Key="explicit/a/b")
    assert keys(Prefix="explicit/") == ["explicit/"]
    refused("KeyTooLongError", CLIENT.put_object, Key="k" * 1025, Body=b"")
    put("k" * 1024)
    refused("InvalidArgument", CLIENT.put_object, Key=".snapshots/a", Body=b"")


for rule in (entity_tags_and_metadata, ranges_and_conditions, checksums, listings, parts,
             copies_and_deletes, directories):
    print(rule.__name__, flush=True)
    rule()
