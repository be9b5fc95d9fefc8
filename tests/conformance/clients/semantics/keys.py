"""Rules 1 to 7: keys and paths."""

import errno
import os
import socket
import stat
import subprocess
import threading

from botocore.handlers import set_list_objects_encoding_type_url
from common import (BUCKET, CLIENT, MOUNT, RANDOM, client, delete, equal, fails, get, head,
                    is_object, keys, main, mode, put, refused)


def rule_1():
    """A key is a path; what is missing above it is made."""
    put("a/b/c", b"1")
    equal((MOUNT / "a/b/c").read_bytes(), b"1")
    equal((mode(MOUNT / "a/b"), mode(MOUNT / "a/b/c")), (0o755, 0o644))
    (MOUNT / "d/e").mkdir(parents=True)
    (MOUNT / "d/e/f").write_bytes(b"2")
    equal(get("d/e/f"), b"2")
    (MOUNT / "group").mkdir()
    os.chown(MOUNT / "group", -1, 77)
    (MOUNT / "group").chmod(0o2775)
    put("group/x/y")
    equal((MOUNT / "group/x").stat().st_gid, 77)
    equal((MOUNT / "group/x/y").stat().st_gid, 77)
    assert mode(MOUNT / "group/x") & stat.S_ISGID
    (MOUNT / "listed").mkdir()
    subprocess.run(["setfacl", "-d", "-m", "u:1234:rwx", MOUNT / "listed"], check=True)
    put("listed/x/y")
    for path in ("listed/x", "listed/x/y"):
        shown = subprocess.run(["getfacl", "-cn", MOUNT / path], check=True, capture_output=True)
        assert b"user:1234:rwx" in shown.stdout, shown


def rule_1_of_a_key():
    """Owner, group and umask are the key's: it was made with 1234, 2345 and 027."""
    put("a/b", b"1")
    for path, expected in (("a", 0o750), ("a/b", 0o640)):
        found = (MOUNT / path).stat()
        equal((found.st_uid, found.st_gid), (1234, 2345))
        equal(mode(MOUNT / path), expected)
    (MOUNT / "mine").write_bytes(b"of root")
    os.chown(MOUNT / "mine", 0, 0)
    (MOUNT / "mine").chmod(0o000)
    equal(get("mine"), b"of root")


def rule_1a():
    """A key made with --posix is checked as its user, who is 1234."""
    (MOUNT / "shut").write_bytes(b"1")
    (MOUNT / "shut").chmod(0o600)
    refused("AccessDenied", get, "shut")
    refused("AccessDenied", put, "new")
    os.chown(MOUNT / "shut", 1234, -1)
    equal(get("shut"), b"1")
    (MOUNT / "room").mkdir()
    os.chown(MOUNT / "room", 1234, -1)
    put("room/x", b"2")
    equal((MOUNT / "room/x").stat().st_uid, 1234)
    os.chown(MOUNT / "room", 0, -1)
    (MOUNT / "room").chmod(0o700)
    refused("AccessDenied", get, "room/x")
    refused("AccessDenied", delete, "room/x")


def rule_2():
    """Keys that no path can name are objects, and no files."""
    strange = ["s/a//b", "s//", "s/../up", "s/./here", "s/" + "n" * 256, "/lead"]
    for key in strange:
        put(key, key.encode())
    equal(sorted(keys()), sorted(strange))
    for key in strange:
        equal(get(key), key.encode())
    shown = [os.path.join(at, name) for at, _, names in os.walk(MOUNT) for name in names]
    equal(shown, [])
    fails(errno.ENOTEMPTY, os.rmdir, MOUNT / "s")
    for key in strange:
        delete(key)
    equal((keys(), os.listdir(MOUNT)), ([], []))
    refused("KeyTooLongError", put, "k" * 1025)
    put("/".join(["k" * 204] * 5))


def rule_2a():
    """Names that are no text are no objects; long keys are, but cannot be put."""
    (MOUNT / os.fsdecode(b"not \xff text")).write_bytes(b"")
    (MOUNT / "control\x01").write_bytes(b"c")
    equal(keys(), ["control\x01"])
    plain = client()
    plain.meta.events.unregister(
        "before-parameter-build.s3.ListObjectsV2", set_list_objects_encoding_type_url)
    error = refused("400", plain.list_objects_v2, Bucket=BUCKET)
    assert "encoding-type" in str(error), error
    deep = MOUNT.joinpath(*["d" * 200] * 4)
    deep.mkdir(parents=True)
    (deep / "x").write_bytes(b"deep")
    (MOUNT / ("t" * 250)).mkdir()
    (MOUNT / ("d" * 200)).rename(MOUNT / ("t" * 250) / ("d" * 200))
    long = "/".join(["t" * 250] + ["d" * 200] * 4 + ["x"])
    assert len(long) > 1024 and long in keys()
    equal(get(long), b"deep")
    refused("KeyTooLongError", put, long)
    delete(long)
    assert not (MOUNT / long).exists()


def rule_3():
    """An object and a directory of one name: the mount shows the directory."""
    put("a", b"object")
    put("a/b", b"below")
    assert (MOUNT / "a").is_dir()
    equal((get("a"), get("a/b"), keys()), (b"object", b"below", ["a", "a/b"]))
    put("file", b"")
    fails(errno.EEXIST, os.mkdir, MOUNT / "file")
    fails(errno.ENOTDIR, os.mkdir, MOUNT / "file/x")
    fails(errno.EISDIR, open, MOUNT / "a", "wb")


def rule_3a():
    """A hidden file goes on, and appears again when the directory goes."""
    put("h", b"before")
    with open(MOUNT / "h", "r+b") as file:
        put("h/x")
        equal(file.read(), b"before")
        file.write(b" and after")
    equal(get("h"), b"before and after")
    os.unlink(MOUNT / "h/x")
    os.rmdir(MOUNT / "h")
    equal((MOUNT / "h").read_bytes(), b"before and after")
    os.symlink("h", MOUNT / "link")
    os.mkfifo(MOUNT / "pipe")
    for name in ("link", "pipe"):
        refused("409", put, name)
        refused("409", put, f"{name}/b")


def rule_4():
    """A key that ends in a slash is the directory."""
    put("plain/", b"", Metadata={"colour": "blue"})
    put("full/", b"kept")
    equal(head("plain/")["Metadata"], {"colour": "blue"})
    equal(get("full/"), b"kept")
    assert (MOUNT / "plain").is_dir() and (MOUNT / "full").is_dir()
    (MOUNT / "made").mkdir()
    equal(keys(), ["full/", "made/", "plain/"])
    equal(get("made/"), b"")
    put("implied/x")
    refused("404", head, "implied/")
    refused("NoSuchKey", get, "implied/")


def rule_4a():
    """Deleting a directory's key takes what only an object has."""
    put("full/", b"kept", Metadata={"colour": "blue"})
    (MOUNT / "full").chmod(0o700)
    put("full/below")
    delete("full/")
    equal(mode(MOUNT / "full"), 0o700)
    if is_object("full/"):
        equal((get("full/"), head("full/")["Metadata"]), (b"", {}))
    delete("full/below")
    delete("full/")
    equal((keys(), os.listdir(MOUNT)), ([], []))
    CLIENT.create_bucket(Bucket="another")
    CLIENT.put_object(Bucket="another", Key="d/")
    refused("BucketNotEmpty", CLIENT.delete_bucket, Bucket="another")
    CLIENT.delete_object(Bucket="another", Key="d/")
    CLIENT.delete_bucket(Bucket="another")


def rule_5():
    """A directory that is there for keys goes with the last one, unless the mount changed it."""
    put("i/j/x")
    delete("i/j/x")
    equal((keys(), os.listdir(MOUNT)), ([], []))
    (MOUNT / "elsewhere").mkdir()
    changes = {
        "create": lambda at: (at / "f").touch(),
        "link": lambda at: os.link(at / "x", at / "y"),
        "rename in": lambda at: (MOUNT / "elsewhere").rename(at / "elsewhere"),
        "rename out": lambda at: (at / "elsewhere").rename(MOUNT / "elsewhere"),
        "unlink": lambda at: (at / "x").unlink(),
        "chmod": lambda at: at.chmod(0o711),
        "chown": lambda at: os.chown(at, 5, 5),
        "xattr": lambda at: os.setxattr(at, "user.colour", b"blue"),
        "utimes": lambda at: os.utime(at, (1, 1)),
    }
    for name, change in changes.items():
        put("e/x")
        if name == "rename out":
            put("e/elsewhere/y")
            (MOUNT / "elsewhere").rmdir() if (MOUNT / "elsewhere").exists() else None
        change(MOUNT / "e")
        delete("e/x")
        assert (MOUNT / "e").is_dir(), name
        assert "e/" in keys(), name
        subprocess.run(["rm", "-r", MOUNT / "e"], check=True)


def expected_page(all_keys, prefix, delimiter):
    contents, prefixes = [], []
    for key in all_keys:
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        if at < 0:
            contents.append(key)
        elif key[:at + len(delimiter)] not in prefixes:
            prefixes.append(key[:at + len(delimiter)])
    return contents, prefixes


def rule_6():
    """Listings are in the order of whole keys, by any prefix and delimiter."""
    parts = ["a", "a-", "a.", "a0", "b", "\u00e9", "\u2603", "zz"]
    wanted = set()
    while len(wanted) < 120:
        key = "/".join(RANDOM.choices(parts, k=RANDOM.randint(1, 4)))
        wanted.add(key)
        put(key)
    ordered = sorted(wanted, key=str.encode)
    equal(keys(), ordered)
    for prefix in ("", "a", "a/", "a-/", "b/a", "z"):
        for delimiter in ("", "/", "a", "/a", "z/", "0"):
            contents, prefixes, more = [], [], {}
            while True:
                page = CLIENT.list_objects_v2(
                    Bucket=BUCKET, Prefix=prefix, Delimiter=delimiter, MaxKeys=7, **more)
                contents += [entry["Key"] for entry in page.get("Contents", [])]
                prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
                if not page["IsTruncated"]:
                    break
                more = {"ContinuationToken": page["NextContinuationToken"]}
            equal((contents, prefixes), expected_page(ordered, prefix, delimiter))


def rule_6a():
    """Who stays in a directory is read exactly once, whoever comes and goes."""
    (MOUNT / "busy").mkdir()
    staying = {f"stays-{count}" for count in range(1500)}
    for name in staying:
        (MOUNT / "busy" / name).touch()
    done = threading.Event()

    def come_and_go():
        count = 0
        while not done.is_set():
            put(f"busy/{count % 97}-passes")
            delete(f"busy/{(count + 50) % 97}-passes")
            count += 1

    passing = threading.Thread(target=come_and_go)
    passing.start()
    try:
        for _ in range(20):
            found = [name for name in os.listdir(MOUNT / "busy") if name in staying]
            equal((len(found), len(set(found))), (len(staying), len(staying)))
    finally:
        done.set()
        passing.join()


def rule_7():
    """What is no file is no object; a hard link is one under each name."""
    os.symlink("x", MOUNT / "link")
    os.mkfifo(MOUNT / "pipe")
    os.mknod(MOUNT / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(MOUNT)
        listener.bind("socket")
    for name in ("link", "pipe", "device", "socket"):
        refused("NoSuchKey", get, name)
    (MOUNT / "one").write_bytes(b"both")
    os.link(MOUNT / "one", MOUNT / "two")
    equal((keys(), get("one"), get("two")), (["one", "two"], b"both", b"both"))


main(globals())
