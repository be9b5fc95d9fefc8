"""States of volumes that are kept: over NBD, by commands, after kills."""

import json

import nbd

from harness.context import equal
from harness.registry import case

from .cli import fails
from .libnbd import connect

MIB = 1 << 20


def labels(server, *of):
    """`snapshot list --json`: what there is."""
    rows = json.loads(server.run("snapshot", "list", *of, "--json").stdout)
    return sorted(row["name"] for row in rows)


def content(server, export):
    """The first MiB of an export."""
    return bytes(connect(server, volume=export).pread(MIB, 0))


@case(trefoil_only=True)
def a_snapshot_is_read_by_its_name_and_cannot_be_written(t):
    server = t.server()
    server.create_volume("v", 64 * MIB)
    before, after = t.random.randbytes(MIB), t.random.randbytes(MIB)
    volume = connect(server, volume="v")
    volume.pwrite(before, 0)
    server.run("snapshot", "create", "one", "volume/v")
    volume.pwrite(after, 0)
    volume.flush()
    snapshot = connect(server, volume="v@one")
    equal(bytes(snapshot.pread(MIB, 0)), before, "the snapshot")
    assert snapshot.is_read_only(), "it says that it can be written"
    try:
        snapshot.pwrite(after, 0)
    except nbd.Error:
        pass
    else:
        raise AssertionError("a snapshot was written")
    server.kill()
    server.start()
    equal((content(server, "v"), content(server, "v@one")), (after, before), "after a kill")


@case(trefoil_only=True)
def snapshots_of_several_volumes_are_of_one_moment(t):
    server = t.server()
    for name in ("a", "b"):
        server.create_volume(name, 8 * MIB)
    a, b = connect(server, volume="a"), connect(server, volume="b")
    for count in range(20):
        data = count.to_bytes(8, "big") * 512
        a.pwrite(data, 0)
        b.pwrite(data, 0)
        server.run("snapshot", "create", f"s{count}", "volume/a", "volume/b")
    for count in range(20):
        of = [connect(server, volume=f"{name}@s{count}") for name in ("a", "b")]
        found = [bytes(handle.pread(8, 0)) for handle in of]
        equal(found, [count.to_bytes(8, "big")] * 2, f"snapshot {count}")
    equal(len(labels(server)), 40, "snapshots")
    order = list(range(20))
    t.random.shuffle(order)
    for count in order:
        server.run("snapshot", "delete", f"volume/a@s{count}")
    equal(len(labels(server)), 20, "snapshots")
    equal(len(labels(server, "volume/b")), 20, "snapshots of b")


@case(trefoil_only=True)
def clones_and_reverts_go_their_own_way(t):
    server = t.server()
    server.create_volume("v", 16 * MIB)
    first, second, third = (t.random.randbytes(MIB) for _ in range(3))
    connect(server, volume="v").pwrite(first, 0)
    server.run("snapshot", "create", "keep", "volume/v")
    server.run("volume", "create", "clone", "--from", "v@keep")
    connect(server, volume="v").pwrite(second, 0)
    connect(server, volume="clone").pwrite(third, 0)
    equal((content(server, "v"), content(server, "clone"), content(server, "v@keep")),
          (second, third, first), "three states")
    found = server.run("volume", "diff", "v@keep", "v").stdout
    assert "0" in found.split() and found.strip(), found
    server.run("snapshot", "revert", "volume/v@keep")
    equal(content(server, "v"), first, "after the revert")
    found = server.run("volume", "diff", "v@keep", "v").stdout
    equal(found.strip(), "", "differences after a revert")
    fails(server, "volume", "delete", "v")
    server.stop()
    server.run("check")
    server.start()
    server.run("snapshot", "delete", "volume/v@keep")
    server.run("volume", "delete", "v")
    equal(content(server, "clone"), third, "the clone alone")


@case(trefoil_only=True)
def commands_on_snapshots_that_are_wrong_say_so_in_one_line(t):
    server = t.server()
    server.create_volume("v", 8 * MIB)
    server.run("snapshot", "create", "one", "volume/v")
    for words in (
        ("snapshot", "create", "one", "volume/v"), ("snapshot", "create", "Bad Name", "volume/v"),
        ("snapshot", "create", "x", "volume/none"), ("snapshot", "delete", "volume/v@none"),
        ("snapshot", "revert", "volume/v@none"), ("volume", "create", "c", "--from", "v@none"),
        ("volume", "create", "v", "--from", "v@one"), ("volume", "diff", "v@none", "v"),
        ("snapshot", "create", "x", "v"),
    ):
        text = fails(server, *words)
        assert any(word in text for word in words[2:]), text
    equal(labels(server), ["volume/v@one"], "what is left")
