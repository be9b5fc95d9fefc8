"""Rules 8 to 12: content."""

import errno
import fcntl
import mmap
import os
import struct
import subprocess

from common import (BUCKET, CLIENT, MIB, MOUNT, RANDOM, copy, delete, equal, fails, get, head, main,
                    mode, put, refused, upload)

# cap_net_bind_service, as `setcap` writes it: VFS_CAP_REVISION_2.
CAPABILITY = struct.pack("<IIIII", 0x0200_0001, 1 << 10, 0, 0, 0)


def published(key):
    """Ways to publish content under a key; each leaves the body that is returned."""
    body = RANDOM.randbytes(5 * MIB + 77)
    put("source", body, Metadata={"new": "yes"}, ContentType="text/new", Tagging="new=yes")
    put(key, body, Metadata={"new": "yes"}, ContentType="text/new", Tagging="new=yes")
    yield body
    copy("source", key)
    yield body
    upload(key, [body, b"end"])
    yield body + b"end"


def rule_8():
    """Publishing puts a new inode in the place of the old one."""
    ways = 3
    for way in range(ways):
        name = f"f{way}"
        path = MOUNT / name
        put(name, b"old", Metadata={"old": "yes"}, Tagging="old=yes")
        os.link(path, MOUNT / f"link{way}")
        os.chown(path, 5, 6)
        path.chmod(0o6750)
        subprocess.run(["setfacl", "-m", "u:1234:r", path], check=True)
        os.setxattr(path, "user.mine", b"kept")
        os.setxattr(path, "security.capability", CAPABILITY)
        listed = subprocess.run(["getfacl", "-cn", path], check=True, capture_output=True).stdout
        with open(path, "rb") as file:
            publishing = published(name)
            for _ in range(way + 1):
                body = next(publishing)
            equal(file.read(), b"old")
        equal((MOUNT / f"link{way}").read_bytes(), b"old")
        equal(path.read_bytes(), body)
        equal((path.stat().st_uid, path.stat().st_gid), (5, 6))
        equal(mode(path) & 0o6000, 0)
        now = subprocess.run(["getfacl", "-cn", path], check=True, capture_output=True).stdout
        equal(now, listed)
        equal(os.getxattr(path, "user.mine"), b"kept")
        fails(errno.ENODATA, os.getxattr, path, "security.capability")
        assert "old" not in head(name)["Metadata"]
        tags = CLIENT.get_object_tagging(Bucket=BUCKET, Key=name)["TagSet"]
        assert {"Key": "old", "Value": "yes"} not in tags, tags


def rule_9():
    """What a GET began with it ends with, and conditions hold at the commit."""
    body = RANDOM.randbytes(24 * MIB)
    put("k", body)
    for change in ("mount", "object", "removal"):
        put("k", body)
        answer = CLIENT.get_object(Bucket=BUCKET, Key="k")["Body"]
        begun = answer.read(MIB)
        if change == "mount":
            (MOUNT / "k").write_bytes(b"x" * MIB)
        elif change == "object":
            put("k", b"other")
        else:
            delete("k")
        assert begun + answer.read() == body, change
    tag = put("c", b"1")["ETag"]
    with open(MOUNT / "c", "r+b") as file:
        file.write(b"2")
    refused("PreconditionFailed", put, "c", b"3", IfMatch=tag)
    refused("PreconditionFailed", get, "c", IfMatch=tag)
    refused("PreconditionFailed", copy, "c", "d", CopySourceIfMatch=tag)
    refused("PreconditionFailed", delete, "c", IfMatch=tag)
    (MOUNT / "e").touch()
    refused("PreconditionFailed", put, "e", IfNoneMatch="*")
    put("c", b"4", IfMatch=head("c")["ETag"])
    equal((MOUNT / "c").read_bytes(), b"4")


def rule_10():
    """A write is there for GET when its call has returned."""
    for count in range(100):
        body = RANDOM.randbytes(RANDOM.randrange(1, 20_000))
        with open(MOUNT / f"w{count % 7}", "wb") as file:
            os.write(file.fileno(), body)
            equal(get(f"w{count % 7}"), body)
    (MOUNT / "mapped").write_bytes(bytes(8192))
    for count in range(50):
        with open(MOUNT / "mapped", "r+b") as file, mmap.mmap(file.fileno(), 8192) as memory:
            memory[count] = 1 + count
            memory.flush()
            equal(get("mapped")[:count + 1], bytes(range(1, count + 2)))
            memory[4096 + count] = 2
        equal(get("mapped")[4096 + count], 2)


def rule_11():
    """What a PUT acknowledged is read through the mount, however warm its caches are."""
    base = (MOUNT / "d")
    put("d/f", b"0" * 100)
    for count in range(200):
        (base / "f").read_bytes()
        assert not (base / f"new{count}").exists()
        body = b"%05d" % count * 20
        put("d/f", body)
        put(f"d/new{count}", body)
        equal((base / "f").read_bytes(), body)
        equal((base / f"new{count}").read_bytes(), body)
        delete(f"d/new{count}")
        assert not (base / f"new{count}").exists()


def rule_11b():
    """A working directory stays one, and shows what changes in it."""
    put("w/d/f", b"1")
    os.chdir(MOUNT / "w/d")
    before = os.stat(".")
    for count in range(20):
        put(f"w/d/g{count}")
        assert f"g{count}" in os.listdir(".")
    now = os.stat(".")
    equal(now.st_ino, before.st_ino)
    assert now.st_mtime_ns > before.st_mtime_ns
    equal(os.getcwd(), str(MOUNT / "w/d"))
    with open("f", "rb") as file:
        put("w/d/f", b"2")
        equal(file.read(), b"1")


def rule_11c():
    """Two mounts of a bucket are one file system: caches and locks are shared."""
    second = MOUNT.parent / "second"
    put("f", b"1")
    equal(os.stat(MOUNT).st_dev, os.stat(second).st_dev)
    with open(MOUNT / "f", "r+b") as one, open(second / "f", "r+b") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        fails(errno.EAGAIN, fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        put("g", b"objects do not ask for locks")
        one.write(b"2")
        one.flush()
        equal(other.read(), b"2")


main(globals())
