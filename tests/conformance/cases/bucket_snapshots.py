"""States of buckets that are kept: below `.snapshots`, as buckets of their own, by commands."""

import errno
import filecmp
import os

from harness.context import equal
from harness.registry import case

from .cli import fails
from .doors import bucket
from .snapshots import labels

MIB = 1 << 20
# What awscli exits with when the server refuses a call.
REFUSED = 255


def keys(store, name):
    """All keys of a bucket."""
    found = store.aws("s3api", "list-objects-v2", "--bucket", name, "--query", "Contents[].Key",
                      "--output", "text")
    return sorted(found.split())


@case(trefoil_only=True)
def a_snapshot_of_a_bucket_is_read_by_both_doors(t):
    server, store, mount = bucket(t)
    server.create_volume("v", 8 * MIB)
    old, new = t.random_file("old", 9 * MIB + 5), t.random_file("new", 2 * MIB)
    os.mkdir(mount / "dir")
    t.sh("cp", old, mount / "dir/file")
    os.link(mount / "dir/file", mount / "linked")
    store.aws("s3", "cp", new, "s3://box/object")
    server.run("snapshot", "create", "one", "bucket/box", "volume/v")
    equal(labels(server), ["bucket/box@one", "volume/v@one"], "snapshots")
    t.sh("cp", new, mount / "dir/file")
    os.remove(mount / "object")
    kept = mount / ".snapshots/one"
    equal(sorted(os.listdir(mount)), ["dir", "linked"], "listing of the mount")
    equal(sorted(os.listdir(kept)), ["dir", "linked", "object"], "listing of the snapshot")
    assert filecmp.cmp(old, kept / "dir/file", shallow=False), "the file differs"
    equal(keys(store, "box--at--one"), ["dir/", "dir/file", "linked", "object"], "keys")
    store.aws("s3", "cp", "s3://box--at--one/object", t.path("down"))
    assert filecmp.cmp(new, t.path("down"), shallow=False), "the object differs"
    store.aws("s3api", "put-object", "--bucket", "box--at--one", "--key", "x", "--body", new,
              status=REFUSED)
    store.aws("s3api", "delete-object", "--bucket", "box--at--one", "--key", "object",
              status=REFUSED)
    store.aws("s3", "cp", "s3://box--at--one/object", "s3://box/again")
    assert filecmp.cmp(new, mount / "again", shallow=False), "the copy differs"
    try:
        open(kept / "x", "wb")
    except OSError as error:
        equal(error.errno, errno.EROFS, "a new file in a snapshot")
    else:
        raise AssertionError("a file was made in a snapshot")
    server.kill()
    server.options = ["--mount", f"box={mount}"]
    server.start()
    assert filecmp.cmp(old, kept / "dir/file", shallow=False), "the file differs after a kill"
    equal(keys(store, "box--at--one"), ["dir/", "dir/file", "linked", "object"],
          "keys after a kill")


@case(trefoil_only=True)
def tools_copy_a_snapshot_of_a_bucket_whole(t):
    server, store, mount = bucket(t)
    for number in range(30):
        directory = mount / f"d{number % 5}"
        directory.mkdir(exist_ok=True)
        (directory / f"f{number}").write_bytes(t.random.randbytes(number * 4000))
        os.symlink(f"f{number}", directory / f"l{number}")
    t.sh("cp", "-a", f"{mount}/.", t.path("expected"))
    server.run("snapshot", "create", "s", "bucket/box")
    t.sh("rm", "-rf", mount / "d1", mount / "d2")
    kept = mount / ".snapshots/s"
    t.sh("diff", "-r", "--no-dereference", kept, t.path("expected"))
    t.sh("rsync", "-aHX", f"{kept}/", f"{t.path('copied')}/")
    t.sh("diff", "-r", "--no-dereference", t.path("copied"), t.path("expected"))
    os.mkdir(t.path("unpacked"))
    t.sh("sh", "-c", f"tar -C {kept} -cf - . | tar -C {t.path('unpacked')} -xf -")
    t.sh("diff", "-r", "--no-dereference", t.path("unpacked"), t.path("expected"))


@case(trefoil_only=True)
def a_bucket_is_copied_gone_back_to_and_deleted(t):
    server, store, mount = bucket(t)
    (mount / "a").write_bytes(b"first")
    server.run("snapshot", "create", "one", "bucket/box")
    (mount / "a").write_bytes(b"second")
    server.run("bucket", "create", "then", "--from", "box@one")
    server.run("bucket", "create", "now", "--from", "box")
    for name, expected in (("then", b"first"), ("now", b"second")):
        store.aws("s3", "cp", f"s3://{name}/a", t.path(name))
        equal(open(t.path(name), "rb").read(), expected, name)
    assert "mounted" in fails(server, "snapshot", "revert", "bucket/box@one")
    server.run("unmount", mount)
    server.run("snapshot", "revert", "bucket/box@one")
    store.aws("s3", "cp", "s3://box/a", t.path("back"))
    equal(open(t.path("back"), "rb").read(), b"first", "after the revert")
    assert "snapshots" in fails(server, "bucket", "delete", "box", "--force")
    server.run("snapshot", "delete", "bucket/box@one")
    for name in ("box", "then", "now"):
        server.run("bucket", "delete", name, "--force")
    server.stop()
    server.run("check")
    server.start()
    equal(labels(server), [], "what is left")
