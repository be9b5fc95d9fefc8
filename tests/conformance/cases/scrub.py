"""Bit rot under a running server: found, told with its owner, never returned, healed by writing."""

import errno
import filecmp
import json
import os
import pathlib

import nbd

from harness.context import equal, wait_until
from harness.raws3 import RawObjects
from harness.registry import case

KIB = 1 << 10
MIB = 1 << 20
BLOCK = 4 * KIB
# What the server says of damage that the case has made.
TOLD = ["damaged", "no good copy", "a bad copy", "cannot be read", "checksum"]


def rot(server, block):
    """Inverts a bit of each place in the pool's segments where these bytes lie; how many."""
    found = 0
    for path in sorted(pathlib.Path(server.data, "segments").iterdir()):
        content = path.read_bytes()
        at = content.find(block)
        while at >= 0:
            with open(path, "r+b", buffering=0) as file:
                file.seek(at + 1000)
                file.write(bytes([content[at + 1000] ^ 4]))
            found += 1
            at = content.find(block, at + 1)
    assert found > 0, "the block is not stored as it is"
    return found


def scrub(server, status):
    """`trefoil scrub --wait`: what it found."""
    done = server.run("scrub", "--wait", "--json", status=status)
    return json.loads(done.stdout)


def now(server):
    """What `trefoil status` says of scrubbing."""
    return json.loads(server.run("status", "--json").stdout)["scrub"]


def lost(report):
    """Owner, offset and bytes of each range."""
    return [(row["dataset"], row["key"], row["offset"], row["bytes"]) for row in report["lost"]]


def fails_with_eio(call, *arguments):
    """Whether a call fails as reads of lost data must."""
    try:
        call(*arguments)
    except (nbd.Error, OSError) as error:
        equal(error.errno if isinstance(error, OSError) else error.errnum, errno.EIO, "errno")
        return True
    return False


def world(t):
    """A volume, an object, a large object, and their bytes."""
    server = t.server(allow=TOLD)
    server.create_volume("v", 16 * MIB)
    handle = nbd.NBD()
    handle.connect_uri(server.uri("v"))
    volume = t.random.randbytes(MIB)
    handle.pwrite(volume, 2 * MIB)
    handle.flush()
    server.run("bucket", "create", "box")
    objects = RawObjects(server)
    bodies = {"dir/file": t.random.randbytes(300 * KIB), "large": t.random.randbytes(5 * MIB)}
    for key, body in bodies.items():
        equal(objects.ask("PUT", f"/box/{key}", body=body).status, 200, f"PUT {key}")
    return server, handle, volume, objects, bodies


def cut(body, number):
    """A block of a body."""
    return body[number * BLOCK:(number + 1) * BLOCK]


@case(trefoil_only=True)
def what_rots_is_found_told_and_never_returned_and_heals_by_writing(t):
    server, handle, volume, objects, bodies = world(t)
    report = scrub(server, 0)
    equal((report["found"], report["lost"]), (0, []), "a healthy pool")
    assert report["ended_unix_nanos"] > report["oldest_unverified_unix_nanos"] > 0, report

    rot(server, cut(volume, 7))
    rot(server, cut(bodies["dir/file"], 10))
    rot(server, cut(bodies["large"], 800))
    report = scrub(server, 1)
    equal(sorted(lost(report)), sorted([
        ("volume/v", None, 2 * MIB + 7 * BLOCK, BLOCK),
        ("bucket/box", "dir/file", 10 * BLOCK, BLOCK),
        ("bucket/box", "large", 800 * BLOCK, BLOCK),
    ]), "what is lost")
    equal(report["repaired"], 0, "repaired")
    table = server.run("status").stdout
    assert "bucket/box/dir/file" in table and "volume/v" in table, table

    at = 2 * MIB + 7 * BLOCK
    assert fails_with_eio(handle.pread, BLOCK, at), "the block of the volume"
    equal(handle.pread(7 * BLOCK, 2 * MIB), volume[:7 * BLOCK], "what is before it")
    rest = MIB - 8 * BLOCK
    equal(handle.pread(rest, at + BLOCK), volume[8 * BLOCK:], "what is behind it")

    mount = pathlib.Path(server.mount("box", "mnt"))
    with open(mount / "dir/file", "rb", buffering=0) as file:
        assert fails_with_eio(os.pread, file.fileno(), BLOCK, 10 * BLOCK), "the block of the file"
        other = os.pread(file.fileno(), BLOCK, 30 * BLOCK)
        equal(other, cut(bodies["dir/file"], 30), "another block")
    equal(objects.ask("GET", "/box/dir/file").status, 500, "GET of a small object")
    answer = objects.ask("GET", "/box/large")
    assert answer.status == 500 or len(answer.body) < 5 * MIB, "a GET looked whole"
    assert bodies["large"].startswith(answer.body) or answer.status == 500, "wrong bytes"
    ranged = objects.ask("GET", "/box/large", range="bytes=0-1048575")
    equal(ranged.body, bodies["large"][:MIB], "a range before it")

    handle.pwrite(cut(volume, 7), at)
    handle.flush()
    for key, body in bodies.items():
        equal(objects.ask("PUT", f"/box/{key}", body=body).status, 200, f"PUT {key} again")
    # What replaced objects held is given back in the background.
    wait_until("nothing is lost", lambda: now(server)["lost"] == [])
    equal(scrub(server, 0)["lost"], [], "lost after another pass")
    equal(handle.pread(MIB, 2 * MIB), volume, "the volume")
    equal(objects.ask("GET", "/box/large").body, bodies["large"], "the object")
    handle.shutdown()


@case(trefoil_only=True)
def the_list_of_what_is_lost_outlives_the_server(t):
    server, handle, volume, _, bodies = world(t)
    rot(server, cut(volume, 3))
    rot(server, cut(bodies["dir/file"], 1))
    scrub(server, 1)
    handle.shutdown()
    server.restart()
    equal(sorted(lost(now(server))), sorted([
        ("volume/v", None, 2 * MIB + 3 * BLOCK, BLOCK),
        ("bucket/box", "dir/file", BLOCK, BLOCK),
    ]), "what is lost, after a restart")
    server.kill()
    server.start()
    equal(len(now(server)["lost"]), 2, "after a kill")


@case(trefoil_only=True)
def all_that_can_be_read_is_copied_out_of_a_damaged_pool(t):
    server, handle, volume, objects, bodies = world(t)
    handle.shutdown()
    mount = pathlib.Path(server.mount("box", "mnt"))
    (mount / "made").mkdir(mode=0o750)
    (mount / "made/small").write_bytes(b"small")
    os.chmod(mount / "made/small", 0o640)
    os.chown(mount / "made/small", 12, 34)
    os.utime(mount / "made/small", ns=(10**18, 2 * 10**18 + 7))
    os.setxattr(mount / "made/small", "user.note", b"kept")
    os.link(mount / "made/small", mount / "made/again")
    os.symlink("../elsewhere", mount / "made/link")
    os.mkfifo(mount / "made/pipe")
    equal(objects.ask("PUT", "/box/a//b", body=b"no path").status, 200, "PUT a//b")
    equal(objects.ask("PUT", "/box/x", body=b"hidden").status, 200, "PUT x")
    equal(objects.ask("PUT", "/box/x/y", body=b"shown").status, 200, "PUT x/y")
    server.run("unmount", str(mount))
    server.stop()
    rot(server, cut(volume, 5))
    rot(server, cut(bodies["large"], 9))

    out = pathlib.Path(t.path("out"))
    done = server.run("check", "--repair-to", out, "--json", status=1)
    report = json.loads(done.stdout)
    missing = sorted((row["owner"], row["offset"], row["bytes"]) for row in report["missing"])
    equal(missing, [("bucket/box/large", 9 * BLOCK, BLOCK),
                    ("volume/v", 2 * MIB + 5 * BLOCK, BLOCK)], "what is missing")
    image = bytearray(16 * MIB)
    image[2 * MIB:3 * MIB] = volume
    image[2 * MIB + 5 * BLOCK:2 * MIB + 6 * BLOCK] = bytes(BLOCK)
    equal((out / "volumes/v").read_bytes() == image, True, "the volume")
    box = out / "buckets/box"
    equal((box / "dir/file").read_bytes() == bodies["dir/file"], True, "dir/file")
    copied = (box / "large").read_bytes()
    equal(copied[:9 * BLOCK] == bodies["large"][:9 * BLOCK], True, "large, before")
    equal(copied[10 * BLOCK:] == bodies["large"][10 * BLOCK:], True, "large, behind")
    small = os.stat(box / "made/small")
    equal((small.st_mode & 0o7777, small.st_uid, small.st_gid, small.st_nlink, small.st_mtime_ns),
          (0o640, 12, 34, 2, 2 * 10**18 + 7), "made/small")
    assert filecmp.cmp(box / "made/small", box / "made/again", shallow=False)
    equal(os.getxattr(box / "made/small", "user.note"), b"kept", "the attribute")
    equal(os.readlink(box / "made/link"), "../elsewhere", "the link")
    assert (box / "made/pipe").is_fifo()
    equal(os.stat(box / "made").st_mode & 0o7777, 0o750, "the directory")
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    named = [line["renamed"] for line in lines if "renamed" in line]
    named = {row["owner"]: pathlib.Path(row["path"]) for row in named}
    equal(sorted(named), ["bucket/box/a//", "bucket/box/x"], "what a path cannot say")
    equal((named["bucket/box/a//"] / "b").read_bytes(), b"no path", "what is below it")
    equal(named["bucket/box/x"].read_bytes(), b"hidden", "what a directory hides")
    equal((box / "x/y").read_bytes(), b"shown", "what hides it")
    done = server.run("check", "--repair-to", out, status=1)
    assert "not empty" in done.stderr, done.stderr
    server.start()
