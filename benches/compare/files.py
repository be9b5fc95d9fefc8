"""Files through a mount."""

import dataclasses
import os
import time

from . import blocks, fio
from .fio import Measured
from .suite import Suite
from .trees import Below, Passthrough, Trefoil

RANDOM = "4 KiB at random places of a file"
SEQUENTIAL = "1 MiB in order"
DURABLE = "Writes, each with an fsync"
SMALL = "10,000 files of 1 KiB in one directory"
FILES = 10_000


@dataclasses.dataclass(frozen=True)
class SmallFiles:
    """One call, or the few that make a file, for each of many files, one after another."""

    key: str
    title: str
    group = SMALL
    unit = "files/s"

    def run(self, root):
        """Works on all files in the directory."""
        return _timed(root / "small", getattr(self, f"_{self.key}"))

    @staticmethod
    def _create(path):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.write(descriptor, b"x" * 1024)
        os.close(descriptor)

    @staticmethod
    def _stat(path):
        os.stat(path)

    @staticmethod
    def _unlink(path):
        os.unlink(path)


def _timed(directory, operation):
    directory.mkdir(exist_ok=True)
    paths = [f"{directory}/file-{number:05}" for number in range(FILES)]
    times = []
    begin = time.perf_counter()
    for path in paths:
        start = time.perf_counter()
        operation(path)
        times.append(time.perf_counter() - start)
    seconds = time.perf_counter() - begin
    times.sort()
    return Measured(
        operations=FILES,
        per_second=FILES / seconds,
        mib_per_second=0.0,
        p50_us=times[FILES // 2] * 1e6,
        p99_us=times[FILES * 99 // 100] * 1e6,
    )


def _row(key, title, group, pattern, block_bytes, **more):
    return blocks.Row(key, title, group, pattern, block_bytes, **more)


ROWS = [
    _row("rr4k_1", "read, 1 thread", RANDOM, "randread", 4096),
    _row("rr4k_8", "read, 8 threads", RANDOM, "randread", 4096, jobs=8),
    _row("rw4k_1", "write, 1 thread", RANDOM, "randwrite", 4096),
    _row("rw4k_8", "write, 8 threads", RANDOM, "randwrite", 4096, jobs=8),
    _row("sr1m", "read", SEQUENTIAL, "read", 1 << 20),
    _row("sw1m", "write", SEQUENTIAL, "write", 1 << 20),
    _row("fsync4k_1", "4 KiB at random places, 1 thread", DURABLE, "randwrite", 4096, flush=True),
    _row("fsync4k_8", "4 KiB at random places, 8 threads", DURABLE, "randwrite", 4096, jobs=8,
         flush=True),
    _row("fsync1m", "1 MiB in order", DURABLE, "write", 1 << 20, flush=True),
    SmallFiles("create", "create, write, close"),
    SmallFiles("stat", "stat"),
    SmallFiles("unlink", "unlink"),
]


def _before(system, row):
    if getattr(row, "reads", False):
        # As for volumes: what lies below the mount begins in the page cache.
        fio.warm(system.target(row))


def _load(system, row, seconds):
    if isinstance(row, SmallFiles):
        return row.run(system.root)
    return fio.load(system.target(row), row, seconds)


FILES_SUITE = Suite(
    key="files",
    groups=[RANDOM, SEQUENTIAL, DURABLE, SMALL],
    rows=ROWS,
    systems=[Trefoil, Passthrough, Below],
    peers=[Passthrough.key],
    ratio="Trefoil / passthrough_ll",
    how="a file of 512 MiB that was written once before; psync; the mount's page cache is emptied "
        "before each measurement with fio, what is below it was just read; files of 1 KiB by a "
        "loop in Python, the same for all",
    prepare=lambda system: fio.fill(system.target(None)),
    before=_before,
    load=_load,
)
