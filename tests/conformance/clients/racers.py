"""Conditional writes: one of many creators wins, and no compare-and-swap is lost.

racers.py URL BUCKET RACERS SWAPPERS SWAPS
"""

import concurrent.futures
import sys

import boto3
import botocore.config
import botocore.exceptions

URL, BUCKET = sys.argv[1:3]
RACERS, SWAPPERS, SWAPS = map(int, sys.argv[3:6])
CONFIG = botocore.config.Config(max_pool_connections=64)
CLIENT = boto3.client("s3", endpoint_url=URL, config=CONFIG)


def status(error):
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def race(number):
    body = str(number).encode()
    try:
        CLIENT.put_object(Bucket=BUCKET, Key="winner", Body=body, IfNoneMatch="*")
    except botocore.exceptions.ClientError as error:
        assert status(error) in (409, 412), error
        return None
    return body


def swap(_):
    lost = 0
    for _ in range(SWAPS):
        while True:
            found = CLIENT.get_object(Bucket=BUCKET, Key="counter")
            value = int(found["Body"].read())
            try:
                CLIENT.put_object(
                    Bucket=BUCKET, Key="counter", Body=str(value + 1).encode(),
                    IfMatch=found["ETag"])
                break
            except botocore.exceptions.ClientError as error:
                assert status(error) in (409, 412), error
                lost += 1
    return lost


with concurrent.futures.ThreadPoolExecutor(min(RACERS, 64)) as pool:
    winners = [body for body in pool.map(race, range(RACERS)) if body is not None]
assert len(winners) == 1, winners
assert CLIENT.get_object(Bucket=BUCKET, Key="winner")["Body"].read() == winners[0]
CLIENT.put_object(Bucket=BUCKET, Key="counter", Body=b"0")
with concurrent.futures.ThreadPoolExecutor(SWAPPERS) as pool:
    retries = sum(pool.map(swap, range(SWAPPERS)))
value = int(CLIENT.get_object(Bucket=BUCKET, Key="counter")["Body"].read())
assert value == SWAPPERS * SWAPS, f"{value} of {SWAPPERS * SWAPS}"
print(f"one of {RACERS} won; {value} swaps, {retries} retries")
