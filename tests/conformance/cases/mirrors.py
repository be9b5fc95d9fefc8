"""Mirrors: members that are pulled and returned, replaced and rotten, under load and SIGKILL."""

import json
import os
import pathlib
import signal

import nbd

from harness.blockdevice import detach
from harness.context import equal, wait_until
from harness.ledger import Ledger
from harness.load import Load
from harness.registry import case

MIB = 1 << 20
SIZE = 32 * MIB
# What the server says of a member that is not there, and of one that is behind.
TOLD = ["a device has failed", "the pool goes on without a device", "a device cannot be opened",
        "a device that came back is not used", "is not there", "a bad copy", "damaged",
        "a good copy answers", "a slot of a device is lost", "is empty: it is no member"]
KINDS = ["directories", "loops"]


def member(t, kind, name):
    """A place for a member: a directory that does not exist yet, or a name of a loop device."""
    path = pathlib.Path(t.path(name))
    if kind == "loops":
        image = t.path(f"{name}.img")
        with open(image, "wb") as file:
            file.truncate(1 << 30)
        loop = t.sh("losetup", "--find", "--show", image).strip()
        t.defer(detach, t, loop)
        path.symlink_to(loop)
    return path


def pull(path):
    """Takes a member away from its place."""
    path.rename(path.with_suffix(".pulled"))


def put_back(path):
    """Puts it back."""
    path.with_suffix(".pulled").rename(path)


def health(server):
    """What each member is good for."""
    rows = json.loads(server.run("device", "list", "--json").stdout)
    return [row["health"] for row in rows]


def wait_for(server, *wanted):
    """Until the members are as they should be."""
    wait_until(f"members are {wanted}", lambda: health(server) == list(wanted), 120)


def connect(server, transport):
    """A handle that lets every request through to the server."""
    handle = nbd.NBD()
    handle.connect_uri(server.uri("v", transport))
    return handle


def start_load(t, server, ledger):
    """Writers on several connections."""
    return Load(ledger, t.random, [connect(server, kind) for kind in ("unix", "tcp") * 2])


def compare(server, ledger, unanswered, what):
    """Reads the whole volume and compares it with the ledger."""
    handle = connect(server, "unix")
    faults = ledger.check(lambda offset, length: handle.pread(length, offset), unanswered)
    handle.shutdown()
    for fault in faults[:20]:
        print(fault)
    equal(len(faults), 0, f"faults after {what}")


def kill(server, load):
    """SIGKILL in the middle of a burst; what was not answered."""
    load.burst(60, lambda: [os.kill(pid, signal.SIGKILL) for pid in server.pids()])
    load.drain()
    server.kill()
    return list(load.unanswered.values())


def compare_each(t, server, ledger, members):
    """Each member alone holds everything. The server is stopped, and stays so."""
    both = server.data
    server.run("check")
    for path in members:
        server.data = str(path)
        server.run("check")
        done = t.run(server.binary, "serve", "--data", path, "--nbd", f"unix:{server.socket}",
                     status=None)
        assert done.returncode != 0 and "--degraded" in done.stderr, done.stderr
    server.data = both
    server.start()
    compare(server, ledger, [], "each was looked at")


@case(each=KINDS, trefoil_only=True, timeout_seconds=300)
def a_member_is_pulled_and_returned_under_load_and_kills(t, kind):
    members = [member(t, kind, name) for name in "abc"]
    server = t.server(data=",".join(map(str, members)),
                      options=["--capacity", "512M", "--replicas", "2"], allow=TOLD)
    server.create_volume("v", SIZE)
    ledger = Ledger(SIZE, server.atomic_bytes)
    for number in range(6):
        # The first one, too: commands find the server through any.
        which = (number + number // 3) % 3
        pulled = members[which]
        there = ["healthy"] * 3
        there[which] = "missing"
        load = start_load(t, server, ledger)
        load.run(t.random.randrange(20, 300))
        pull(pulled)
        load.run(t.random.randrange(20, 300))
        wait_for(server, *there)
        load.run(t.random.randrange(20, 300))
        if number % 3 == 0:
            # It dies while the member is away, and starts without it.
            unanswered = kill(server, load)
            server.start()
            compare(server, ledger, unanswered, f"round {number}, one was away, seed {t.seed}")
            load = start_load(t, server, ledger)
        put_back(pulled)
        load.run(t.random.randrange(20, 300))
        if number % 3 == 1:
            # It dies while the member catches up.
            wait_until("it is back", lambda: health(server) != there, 60)
            unanswered = kill(server, load)
            server.start()
            compare(server, ledger, unanswered, f"round {number}, while it caught up")
            load = start_load(t, server, ledger)
        wait_for(server, *["healthy"] * 3)
        load.run(100)
        unanswered = kill(server, load)
        server.start()
        compare(server, ledger, unanswered, f"round {number}, seed {t.seed}")
    server.stop()
    server.run("check")
    # Any two of them hold everything.
    everything = server.data
    for away in members:
        server.data = ",".join(str(path) for path in members if path != away)
        server.run("check")
    server.data = everything
    server.start()
    compare(server, ledger, [], "any one was left out")


@case(each=KINDS, trefoil_only=True, timeout_seconds=300)
def a_member_is_replaced_under_load(t, kind):
    members = [member(t, kind, name) for name in "ab"]
    new = member(t, kind, "c")
    server = t.server(data=",".join(map(str, members)), options=["--capacity", "512M"],
                      allow=TOLD)
    server.create_volume("v", SIZE)
    ledger = Ledger(SIZE, server.atomic_bytes)
    load = start_load(t, server, ledger)
    load.run(300)
    server.run("device", "replace", str(members[0]), str(new))
    load.run(300)
    wait_for(server, "healthy", "healthy")
    load.run(100)
    load.settle()
    compare(server, ledger, [], f"a replacement, seed {t.seed}")
    server.stop()
    # The one that was replaced is told from the others.
    done = t.run(server.binary, "serve", "--data", server.data, "--nbd",
                 f"unix:{server.socket}", status=None)
    assert done.returncode != 0 and "was replaced" in done.stderr, done.stderr
    server.data = f"{new},{members[1]}"
    compare_each(t, server, ledger, [new, members[1]])


@case(trefoil_only=True, timeout_seconds=200)
def what_rots_on_one_member_is_answered_and_repaired(t):
    members = [member(t, "directories", name) for name in "ab"]
    server = t.server(data=",".join(map(str, members)), allow=TOLD)
    server.create_volume("v", SIZE)
    ledger = Ledger(SIZE, server.atomic_bytes)
    for rotten in members:
        load = start_load(t, server, ledger)
        load.run(300)
        places = 0
        for path in sorted((rotten / "segments").iterdir()):
            with open(path, "r+b", buffering=0) as file:
                end = os.fstat(file.fileno()).st_size // 8
                for _ in range(25):
                    at = t.random.randrange(4096, end)
                    byte = os.pread(file.fileno(), 1, at)
                    os.pwrite(file.fileno(), bytes([byte[0] ^ 1 << t.random.randrange(8)]), at)
                    places += 1
        assert places > 0
        load.run(300)
        load.settle()
        compare(server, ledger, [], f"rot of {rotten.name}, seed {t.seed}")
        report = json.loads(server.run("scrub", "--wait", "--json").stdout)
        equal(report["lost"], [], "lost")
        equal(report["found"], report["repaired"], "found and repaired")
        compare(server, ledger, [], f"a scrub after rot of {rotten.name}")
    server.stop()
    compare_each(t, server, ledger, members)
