"""Everything that a ledger promises is there, through both doors.

verify.py URL BUCKET MOUNT LEDGER
"""

import hashlib
import os
import sys

import boto3

URL, BUCKET, MOUNT, LEDGER = sys.argv[1:5]
CLIENT = boto3.client("s3", endpoint_url=URL)

promises = {}
with open(LEDGER, encoding="ascii") as file:
    for line in file:
        name, digest = line.split()
        promises[name] = digest
listed = set()
for prefix in ("o/", "f/"):
    pages = CLIENT.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=BUCKET, Prefix=prefix + os.path.basename(LEDGER) + "/"):
        listed.update(entry["Key"] for entry in page.get("Contents", []))
missing = sorted(set(promises) - listed)
assert not missing, f"{len(missing)} of {len(promises)} are not listed: {missing[:5]}"
for name, digest in promises.items():
    with open(os.path.join(MOUNT, name), "rb") as file:
        assert hashlib.sha256(file.read()).hexdigest() == digest, f"{name} differs in the mount"
for name in list(promises)[-20:]:
    body = CLIENT.get_object(Bucket=BUCKET, Key=name)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == promises[name], f"{name} differs as an object"
print(f"{len(promises)} promises kept")
