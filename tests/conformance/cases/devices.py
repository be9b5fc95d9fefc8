"""The same workload on each kind of device: a directory, one big file, a raw block device, and
mirrors."""

from harness.blockdevice import detach
from harness.context import equal
from harness.registry import case

from .fio import VERIFY, fio
from .libnbd import connect

MIB = 1 << 20
GIB = 1 << 30
JOBS = ["--rw=randwrite", "--bsrange=512-128k", "--blockalign=512", "--size=24m",
        "--offset_increment=32m", "--numjobs=2", "--iodepth=16", *VERIFY]


def directory(t):
    """A directory that does not exist yet."""
    return t.path("pool")


def file(t):
    """One big sparse file."""
    path = t.path("big.img")
    with open(path, "wb") as target:
        target.truncate(GIB)
    return path


def loop(t):
    """A raw block device: a loop device over a file."""
    device = t.sh("losetup", "--find", "--show", file(t)).strip()
    t.defer(detach, t, device)
    return device


def mirrors(t):
    """A directory and a raw block device, as mirrors of each other."""
    return f"{directory(t)},{loop(t)}"


KINDS = {"directory": directory, "file": file, "loop": loop, "mirrors": mirrors}


@case(each=list(KINDS), trefoil_only=True)
def a_pool_works_on_every_kind_of_device(t, kind):
    server = t.server(data=KINDS[kind](t))
    server.create_volume("v", 128 * MIB)
    fio(t, server, "unix", *JOBS)
    h = connect(server, "tcp")
    tail = t.random.randbytes(4 * MIB)
    h.pwrite(tail, 96 * MIB)
    h.trim(MIB, 97 * MIB)
    expected = tail[:MIB] + bytes(MIB) + tail[2 * MIB:]
    server.restart()
    fio(t, server, "tcp", *JOBS, "--verify_only=1")
    h = connect(server)
    equal(h.pread(4 * MIB, 96 * MIB) == expected, True, "after a restart")
    more = t.random.randbytes(3 * MIB)
    h.pwrite(more, 110 * MIB + 512)
    server.kill()
    server.run("check")
    server.start()
    h = connect(server)
    equal(h.pread(4 * MIB, 96 * MIB) == expected, True, "after a kill")
    equal(h.pread(3 * MIB, 110 * MIB + 512) == more, True, "what was written before the kill")
    h.shutdown()
    fio(t, server, "unix", *JOBS, "--verify_only=1")
    server.stop()
    server.run("check")
    server.start()

