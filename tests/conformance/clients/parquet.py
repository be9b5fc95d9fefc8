"""Columns of Parquet files are read by ranges.

parquet.py URL BUCKET pyarrow|object_store
"""

import os
import sys

import pyarrow
import pyarrow.fs
import pyarrow.parquet

URL, BUCKET, CLIENT = sys.argv[1:4]
ROWS = 400_000


def table():
    numbers = pyarrow.array(range(ROWS))
    texts = pyarrow.array([f"row {n * 7919 % 10007}" for n in range(ROWS)])
    return pyarrow.table({"number": numbers, "text": texts})


def with_pyarrow():
    place = pyarrow.fs.S3FileSystem(
        endpoint_override=URL.removeprefix("http://"), scheme="http", region="us-east-1",
        access_key=os.environ["AWS_ACCESS_KEY_ID"], secret_key=os.environ["AWS_SECRET_ACCESS_KEY"])
    pyarrow.parquet.write_table(
        table(), f"{BUCKET}/data/t.parquet", filesystem=place, row_group_size=50_000)
    numbers = pyarrow.parquet.read_table(
        f"{BUCKET}/data/t.parquet", filesystem=place, columns=["number"])
    assert numbers.column("number").to_pylist() == list(range(ROWS))
    found = place.get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/data"))
    assert [info.base_name for info in found] == ["t.parquet"], found


class Ranges:
    """A reader of object_store as pyarrow wants a file."""

    closed = False

    def __init__(self, reader):
        self.reader = reader

    def read(self, count=-1):
        return bytes(self.reader.read(count if count >= 0 else None))

    def seek(self, to, whence=0):
        return self.reader.seek(to, whence)

    def tell(self):
        return self.reader.tell()

    def close(self):
        pass

    def readable(self):
        return True

    def seekable(self):
        return True

    def writable(self):
        return False


def with_object_store():
    import obstore
    import obstore.store

    place = obstore.store.S3Store(
        BUCKET, endpoint=URL, region="us-east-1", virtual_hosted_style_request=False,
        client_options={"allow_http": True})
    local = "t.parquet"
    pyarrow.parquet.write_table(table(), local, row_group_size=50_000)
    with open(local, "rb") as file:
        obstore.put(place, "data/t.parquet", file)
    reader = Ranges(obstore.open_reader(place, "data/t.parquet"))
    numbers = pyarrow.parquet.read_table(reader, columns=["number"])
    assert numbers.column("number").to_pylist() == list(range(ROWS))
    whole = open(local, "rb").read()
    ranges = obstore.get_ranges(place, "data/t.parquet", starts=[0, 1000, 5], ends=[4, 9000, 6])
    assert [bytes(part) for part in ranges] == [whole[0:4], whole[1000:9000], whole[5:6]]
    try:
        obstore.put(place, "data/t.parquet", b"x", mode="create")
    except obstore.exceptions.AlreadyExistsError:
        pass
    else:
        raise AssertionError("a second create succeeded")


{"pyarrow": with_pyarrow, "object_store": with_object_store}[CLIENT]()
print("read")
