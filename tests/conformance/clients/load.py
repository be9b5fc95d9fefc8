"""Puts objects and writes files until the server is gone; a ledger line for each promise.

load.py URL BUCKET MOUNT LEDGER SEED
"""

import hashlib
import os
import random
import sys
import threading

import boto3
import botocore.config

URL, BUCKET, MOUNT, LEDGER, SEED = sys.argv[1:6]
CONFIG = botocore.config.Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20)
LOCK = threading.Lock()
LEDGER_FILE = open(LEDGER, "w", encoding="ascii")


def promise(name, body):
    """Writes down that `name` must hold `body` from now on."""
    with LOCK:
        LEDGER_FILE.write(f"{name} {hashlib.sha256(body).hexdigest()}\n")
        LEDGER_FILE.flush()


def objects(worker):
    """A put that was answered is there."""
    rng = random.Random(f"{SEED} {worker}")
    client = boto3.client("s3", endpoint_url=URL, config=CONFIG)
    tag = os.path.basename(LEDGER)
    try:
        for count in range(1_000_000):
            body = rng.randbytes(rng.choice([0, 10, 3000, 70_000, 300_000]))
            name = f"o/{tag}/{worker}/{count % 7}/{count}"
            client.put_object(Bucket=BUCKET, Key=name, Body=body)
            promise(name, body)
    except Exception as error:  # the server is killed: that is the point
        print(type(error).__name__)


def files(worker):
    """A file that was synced, in a directory that was synced, is there."""
    rng = random.Random(f"{SEED} {worker}")
    tag = os.path.basename(LEDGER)
    directory = os.path.join(MOUNT, "f", tag, worker)
    try:
        os.makedirs(directory)
        for count in range(1_000_000):
            body = rng.randbytes(rng.choice([1, 5000, 140_000]))
            path = os.path.join(directory, str(count))
            with open(path + ".new", "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            os.rename(path + ".new", path)
            handle = os.open(directory, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            promise(f"f/{tag}/{worker}/{count}", body)
    except OSError as error:
        print(type(error).__name__)


THREADS = [threading.Thread(target=objects, args=(f"w{n}",)) for n in range(2)]
THREADS += [threading.Thread(target=files, args=(f"w{n}",)) for n in range(2)]
for thread in THREADS:
    thread.start()
print("under load", flush=True)
for thread in THREADS:
    thread.join()
