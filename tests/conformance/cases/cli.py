"""The commands: what they do, what they print, and how they fail."""

import json
import os

from harness.context import equal
from harness.registry import case

from .libnbd import connect

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def rows(server):
    """`volume list --json` by name."""
    return {row["name"]: row for row in json.loads(server.run("volume", "list", "--json").stdout)}


def fails(server, *words, status=1):
    """Runs a command that must fail in the way the contract says; its line on stderr."""
    done = server.run(*words, status=None)
    equal(done.returncode, status, f"exit status of {' '.join(words)}")
    text = done.stderr.strip()
    assert text, "nothing on stderr"
    if status == 1:
        equal(len(text.splitlines()), 1, "lines on stderr")
    equal(done.stdout, "", "stdout")
    return text


@case(trefoil_only=True)
def volumes_are_made_listed_resized_and_deleted(t):
    server = t.server()
    equal(rows(server), {}, "volumes of an empty pool")
    server.run("volume", "create", "demo", "10G")
    server.run("volume", "create", "small", "4096")
    server.run("volume", "create", "three", "3M")
    sizes = {name: row["size"] for name, row in rows(server).items()}
    equal(sizes, {"demo": 10 * GIB, "small": 4096, "three": 3 * MIB}, "sizes")
    shown = json.loads(server.run("volume", "show", "demo", "--json").stdout)
    equal((shown["name"], shown["size"], shown["allocated"]), ("demo", 10 * GIB, 0), "show")
    assert shown["created_unix_nanos"] > 0, shown
    table = server.run("volume", "list").stdout
    assert all(name in table for name in ("demo", "small", "three")), table
    server.run("volume", "resize", "demo", "20G")
    server.run("volume", "delete", "small")
    server.restart()
    sizes = {name: row["size"] for name, row in rows(server).items()}
    equal(sizes, {"demo": 20 * GIB, "three": 3 * MIB}, "after a restart")


@case(trefoil_only=True)
def allocated_bytes_follow_writes_and_trims(t):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    h = connect(server)
    h.pwrite(t.random.randbytes(4 * MIB), MIB)
    equal(rows(server)["v"]["allocated"], 4 * MIB, "after a write")
    h.pwrite(t.random.randbytes(4 * MIB), MIB)
    equal(rows(server)["v"]["allocated"], 4 * MIB, "after the same write again")
    h.trim(MIB, 2 * MIB)
    equal(rows(server)["v"]["allocated"], 3 * MIB, "after a trim")
    h.shutdown()
    server.restart()
    equal(rows(server)["v"]["allocated"], 3 * MIB, "after a restart")


@case(trefoil_only=True)
def shrinking_a_volume_drops_its_end_for_good(t):
    server = t.server()
    server.create_volume("v", 8 * MIB)
    h = connect(server)
    data = t.random.randbytes(8 * MIB)
    h.pwrite(data, 0)
    h.shutdown()
    server.run("volume", "resize", "v", "3M")
    h = connect(server)
    equal(h.get_size(), 3 * MIB, "size after shrinking")
    equal(h.pread(3 * MIB, 0) == data[:3 * MIB], True, "what is left")
    h.shutdown()
    server.run("volume", "resize", "v", "8M")
    h = connect(server)
    equal(h.pread(8 * MIB, 0) == data[:3 * MIB] + bytes(5 * MIB), True, "after growing again")
    h.shutdown()


@case(trefoil_only=True)
def a_name_that_is_used_again_holds_nothing_old(t):
    server = t.server()
    for _ in range(3):
        server.create_volume("v", 4 * MIB)
        h = connect(server)
        equal(h.pread(4 * MIB, 0) == bytes(4 * MIB), True, "a new volume")
        h.pwrite(t.random.randbytes(4 * MIB), 0)
        h.shutdown()
        server.delete_volume("v")
    equal(rows(server), {}, "volumes")


@case(trefoil_only=True)
def commands_on_volumes_that_are_wrong_say_so_in_one_line(t):
    server = t.server()
    server.create_volume("v", MIB)
    assert "v" in fails(server, "volume", "create", "v", "1M")
    for words in (["show", "absent"], ["delete", "absent"], ["resize", "absent", "1M"],
                  ["export", "absent", t.path("out")]):
        assert "absent" in fails(server, "volume", *words), words
    fails(server, "volume", "import", "w", t.path("no-such-file"))
    for name in ("", "a/b", "a@b", ".hidden", "x" * 256, "new\nline"):
        done = server.run("volume", "create", name, "1M", status=None)
        assert done.returncode in (1, 2) and done.stderr.strip(), repr(name)
    for size in ("", "10X", "-5", "1.5G", "G", "99999999999999999999", "17T17"):
        done = server.run("volume", "create", "w", "--", size, status=None)
        assert done.returncode in (1, 2) and done.stderr.strip(), repr(size)
    equal(set(rows(server)), {"v"}, "volumes")


@case(trefoil_only=True)
def wrong_usage_has_status_2_and_help_has_0(t):
    server = t.server()
    for words in (["frobnicate"], ["volume"], ["volume", "create"], ["volume", "create", "v"],
                  ["volume", "list", "--no-such-option"]):
        fails(server, *words, status=2)
    t.sh(server.binary, "serve", "--data", t.path("other"), "--nbd", "nonsense", status=2)
    for words in (["--help"], ["--version"], ["serve", "--help"], ["volume", "--help"]):
        assert t.sh(server.binary, *words).strip(), words


@case(trefoil_only=True)
def commands_without_a_server_say_how_to_start_one(t):
    server = t.server()
    server.stop()
    for words in (["volume", "list"], ["status"], ["volume", "create", "v", "1M"]):
        assert "serve" in fails(server, *words), words
    server.start()
    server.kill()
    # The control socket is still there, but nobody listens on it.
    assert "serve" in fails(server, "volume", "list")
    server.start()


@case(trefoil_only=True)
def import_and_export_move_whole_files(t):
    server = t.server()
    source = t.path("source")
    with open(source, "wb") as file:
        file.truncate(64 * MIB)
        file.seek(8 * MIB)
        file.write(t.random.randbytes(5 * MIB))
    report = json.loads(server.run("volume", "import", "v", source, "--json").stdout)
    equal(report["bytes"], 64 * MIB, "bytes")
    assert report["data_bytes"] <= 6 * MIB, report
    assert rows(server)["v"]["allocated"] <= 6 * MIB, rows(server)
    t.sh("nbdcopy", server.uri("v"), t.path("through-nbd"))
    t.sh("cmp", source, t.path("through-nbd"))
    server.run("volume", "export", "v", t.path("back"))
    t.sh("cmp", source, t.path("back"))
    assert os.stat(t.path("back")).st_blocks * 512 <= 8 * MIB, "the export is not sparse"
    fails(server, "volume", "export", "v", t.path("back"))
    t.sh("cmp", source, t.path("back"))


@case(trefoil_only=True)
def an_import_of_an_odd_length_is_padded_with_zeroes(t):
    server = t.server()
    source = t.random_file("source", MIB + 513)
    server.run("volume", "import", "v", source)
    size = rows(server)["v"]["size"]
    assert MIB + 513 <= size < MIB + 513 + 4096, size
    h = connect(server)
    with open(source, "rb") as file:
        equal(h.pread(size, 0) == file.read().ljust(size, b"\0"), True, "content")
    h.shutdown()


@case(trefoil_only=True)
def an_import_over_a_volume_replaces_all_of_it(t):
    server = t.server()
    server.create_volume("v", 4 * MIB)
    h = connect(server)
    h.pwrite(t.random.randbytes(4 * MIB), 0)
    h.shutdown()
    source = t.path("source")
    with open(source, "wb") as file:
        file.truncate(4 * MIB)
        file.seek(MIB)
        file.write(t.random.randbytes(64 * KIB))
    done = server.run("volume", "import", "v", source, status=None)
    if done.returncode == 0:
        t.sh("nbdcopy", server.uri("v"), t.path("back"))
        t.sh("cmp", source, t.path("back"))
    else:
        equal(done.returncode, 1, "exit status")
        assert "v" in done.stderr, done.stderr


@case(trefoil_only=True)
def status_says_what_the_pool_holds(t):
    server = t.server(options=["--capacity", "1G"])
    before = json.loads(server.run("status", "--json").stdout)
    equal(before["volumes"], 0, "volumes")
    equal([device["failed"] for device in before["devices"]], [None], "failed devices")
    assert 0 < before["capacity"] <= GIB, before
    server.create_volume("v", 64 * MIB)
    h = connect(server)
    h.pwrite(t.random.randbytes(16 * MIB), 0)
    h.flush()
    after = json.loads(server.run("status", "--json").stdout)
    equal(after["volumes"], 1, "volumes")
    assert after["lsn"] > before["lsn"], (before, after)
    assert after["durable_lsn"] >= before["durable_lsn"], (before, after)
    equal(after["live_data"] - before["live_data"], 16 * MIB, "live data")
    assert after["free"] < before["free"], (before, after)
    assert after["available"] < before["available"], (before, after)
    assert server.run("status").stdout.strip()
    h.shutdown()
