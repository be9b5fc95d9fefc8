"""Rules 13 to 16, 19 and the names of 20: attributes, renaming, appending, quotas."""

import datetime
import errno
import hashlib
import os
import re
import subprocess
import threading

from common import (BUCKET, CLIENT, MIB, MOUNT, RANDOM, copy, delete, equal, fails, get, head,
                    is_object, keys, main, put, refused, upload)

OPAQUE = re.compile(r'"[0-9a-f]{32}-0"')


def rule_13():
    """The MD5 where clients expect it, something that never repeats elsewhere."""
    body = RANDOM.randbytes(5 * MIB)
    equal(put("md5", body)["ETag"], f'"{hashlib.md5(body).hexdigest()}"')
    both = hashlib.md5(hashlib.md5(body).digest() + hashlib.md5(b"end").digest()).hexdigest()
    equal(upload("parts", [body, b"end"]), f'"{both}-2"')
    copied = copy("md5", "copy")["CopyObjectResult"]["ETag"]
    equal(copied, head("md5")["ETag"])
    crc = put("crc", b"checked", ChecksumAlgorithm="CRC32")["ChecksumCRC32"]
    copy("crc", "crc2")
    equal(head("crc2", ChecksumMode="ENABLED")["ChecksumCRC32"], crc)
    path, seen = MOUNT / "md5", {head("md5")["ETag"]}
    for _ in range(5):
        with open(path, "r+b") as file:
            file.write(b"same bytes")
        tag = head("md5")["ETag"]
        assert OPAQUE.fullmatch(tag) and tag not in seen, tag
        seen.add(tag)
        path.chmod(0o600)
        os.setxattr(path, "user.colour", b"blue")
        os.utime(path, (1, 1))
        path = path.rename(MOUNT / "moved")
        equal(head("moved")["ETag"], tag)
        path = path.rename(MOUNT / "md5")
    with open(MOUNT / "crc", "ab") as file:
        file.write(b"!")
    assert "ChecksumCRC32" not in head("crc", ChecksumMode="ENABLED")
    inode, tag = (MOUNT / "copy").stat().st_ino, head("copy")["ETag"]
    copy("copy", "copy", MetadataDirective="REPLACE", Metadata={"m": "1"})
    equal(((MOUNT / "copy").stat().st_ino, head("copy")["ETag"]), (inode, tag))
    equal(head("copy")["Metadata"], {"m": "1"})


def rule_14():
    """Metadata are attributes, and the other way round."""
    put("f", b"12345", ContentType="text/x", CacheControl="no-cache", Metadata={"colour": "blue"})
    equal(os.getxattr(MOUNT / "f", "user.s3.content-type"), b"text/x")
    equal(os.getxattr(MOUNT / "f", "user.s3.cache-control"), b"no-cache")
    equal(os.getxattr(MOUNT / "f", "user.s3.meta.colour"), b"blue")
    os.setxattr(MOUNT / "f", "user.s3.meta.shape", b"round")
    os.setxattr(MOUNT / "f", "user.s3.content-type", b"text/y")
    os.removexattr(MOUNT / "f", "user.s3.cache-control")
    found = head("f")
    equal((found["ContentType"], found["ContentLength"]), ("text/y", 5))
    equal(found["Metadata"], {"colour": "blue", "shape": "round"})
    assert "CacheControl" not in found
    (MOUNT / "untyped").touch()
    equal(head("untyped")["ContentType"], "binary/octet-stream")


def rule_14a():
    """No attribute becomes a header that it must not become."""
    path = MOUNT / "f"
    path.touch()
    for name, value in (
        ("user.s3.unheard-of", b"x"), ("user.s3.meta.Upper", b"x"), ("user.s3.meta.a b", b"x"),
        ("user.s3.meta.a\r\nx-amz-b", b"x"), ("user.s3.meta.", b"x"),
        ("user.s3.meta.a", b"x\r\nSet-Cookie: a=b"), ("user.s3.content-type", b"a\nb"),
        ("user.s3.meta.a", b"nul\0"), ("user.s3.meta.a", b"\xff\xfe"),
    ):
        fails(errno.EINVAL, os.setxattr, path, name, value)
    fails(errno.E2BIG, os.setxattr, path, "user.s3.meta.a", b"x" * 2049)
    os.setxattr(path, "user.s3.meta.a", b"x" * 1500)
    fails(errno.E2BIG, os.setxattr, path, "user.s3.meta.b", b"x" * 1500)
    os.setxattr(path, "user.s3.meta.a", "\u2603".encode())
    assert head("f")["Metadata"]["a"].lower().startswith("=?utf-8?"), head("f")
    refused("400", put, "big", Metadata={"a": "x" * 2049})


def rule_14b():
    """Last-Modified is mtime as far as a date can say it; reading touches nothing."""
    put("f", b"1")
    path = MOUNT / "f"
    os.utime(path, (0, 86_400 * 365))
    equal(head("f")["LastModified"].year, 1971)
    os.utime(path, (0, -86_400 * 3650))
    equal(head("f")["LastModified"], datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc))
    os.utime(path, (0, 1))
    before = path.stat()
    CLIENT.put_object_tagging(
        Bucket=BUCKET, Key="f", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    get("f")
    path.read_bytes()
    now = path.stat()
    equal((now.st_mtime_ns, now.st_atime_ns), (before.st_mtime_ns, before.st_atime_ns))
    assert now.st_ctime_ns > before.st_ctime_ns


def rename(source, target, **more):
    CLIENT.rename_object(Bucket=BUCKET, Key=target, RenameSource=source, **more)


def rule_15():
    """Renaming is one change of one entry, whoever asks."""
    for count in range(300):
        put(f"old/sub/{count:03}", b"%d" % count)
    below = [f"sub/{count:03}" for count in range(300)]
    (MOUNT / "old").rename(MOUNT / "new")
    # The mount changed it, so now it is there for itself.
    equal(keys(), ["new/", *(f"new/{name}" for name in below)])
    rename("new/", "third/")
    equal(keys(), ["third/", *(f"third/{name}" for name in below)])
    equal(os.listdir(MOUNT), ["third"])
    equal(get("third/sub/007"), b"7")
    inode = (MOUNT / "third/sub/007").stat().st_ino
    rename("third/sub/007", "seven")
    equal((MOUNT / "seven").stat().st_ino, inode)
    assert not is_object("third/sub/007")
    put("full/x")
    refused("409", rename, "third/", "full/")
    refused("NoSuchKey", rename, "absent", "x")
    refused("PreconditionFailed", rename, "seven", "full/x", DestinationIfNoneMatch="*")


def rule_15_copies():
    """Copies share what they were made of."""
    body = RANDOM.randbytes(32 * MIB)
    put("one", body)
    copy("one", "two")
    subprocess.run(["cp", MOUNT / "one", MOUNT / "three"], check=True)
    with open(MOUNT / "two", "r+b") as file:
        file.write(b"changed")
    assert get("one") == body and get("three") == body
    assert get("two") == b"changed" + body[7:]
    sizes = [5 * MIB + 1, 5 * MIB + 4095, 5 * MIB + 333, 77]
    bodies = [RANDOM.randbytes(size) for size in sizes]
    upload("odd", bodies)
    assert (MOUNT / "odd").read_bytes() == b"".join(bodies)


def rule_16():
    """Appends of both doors all stay."""
    put("log")
    lines = 60

    def through_mount():
        with open(MOUNT / "log", "ab", buffering=0) as file:
            for count in range(lines):
                file.write(b"mount %04d\n" % count)

    writer = threading.Thread(target=through_mount)
    writer.start()
    done = 0
    while done < lines:
        size = head("log")["ContentLength"]
        try:
            put("log", b"other %04d\n" % done, WriteOffsetBytes=size)
            done += 1
        except CLIENT.exceptions.ClientError as error:
            equal(error.response["Error"]["Code"], "InvalidWriteOffset")
    writer.join()
    expected = [f"{who} {count:04}" for who in ("mount", "other") for count in range(lines)]
    found = get("log").decode().splitlines()
    equal(sorted(found), expected)
    for who in ("mount", "other"):
        ordered = [line for line in found if line.startswith(who)]
        equal(ordered, sorted(ordered))
    equal((MOUNT / "log").read_bytes(), get("log"))


def rule_19():
    """A quota of 16 MiB on the directory `held`, and 20 inodes: no door passes it."""
    put("held/a", RANDOM.randbytes(6 * MIB))
    (MOUNT / "held/b").write_bytes(RANDOM.randbytes(6 * MIB))
    refused("QuotaExceeded", put, "held/c", RANDOM.randbytes(6 * MIB))
    assert not is_object("held/c")
    fails(errno.EDQUOT, (MOUNT / "held/d").write_bytes, RANDOM.randbytes(6 * MIB))
    (MOUNT / "held/d").unlink()
    put("free/c", RANDOM.randbytes(20 * MIB))
    fails(errno.EXDEV, os.rename, MOUNT / "free/c", MOUNT / "held/c")
    fails(errno.EXDEV, os.link, MOUNT / "free/c", MOUNT / "held/c")
    refused("400", rename, "free/c", "held/c")
    os.rename(MOUNT / "held/a", MOUNT / "held/sub")
    space = os.statvfs(MOUNT / "held")
    equal(space.f_blocks * space.f_frsize, 16 * MIB)
    delete("held/sub")
    put("held/c", RANDOM.randbytes(6 * MIB))
    made = 0
    try:
        for made in range(30):
            (MOUNT / f"held/small{made}").touch()
    except OSError as error:
        equal(error.errno, errno.EDQUOT)
    assert made < 20, made
    refused("QuotaExceeded", put, "held/one-more")


def rule_20_names():
    """Names that snapshots will have are nobody else's."""
    refused("InvalidBucketName", CLIENT.create_bucket, Bucket="box--at--label")
    for key in (".snapshots/x", ".snapshots/x/y", ".versions/x", ".snapshots/", ".versions/"):
        refused("InvalidArgument", put, key)


main(globals())
