"""Volumes over NBD: one row is one load, the same for every system."""

import dataclasses

from . import fio
from .suite import Suite
from .volumes import Disk, NbdkitFile, NbdkitMemory, QemuNbd, Trefoil


@dataclasses.dataclass(frozen=True)
class Row:
    """A load of fio. `flush`: every write is followed by a flush (fdatasync on the raw disk)."""

    key: str
    title: str
    group: str
    pattern: str
    block_bytes: int
    depth: int = 1
    jobs: int = 1
    flush: bool = False

    @property
    def unit(self):
        """Small blocks are counted, large ones are weighed."""
        return "ops/s" if self.block_bytes <= 4096 else "MiB/s"

    @property
    def reads(self):
        """Whether nothing is written."""
        return self.pattern in ("read", "randread")

    def fio(self):
        """The part of fio's command line that is the load."""
        return [
            f"--rw={self.pattern}", f"--bs={self.block_bytes}", f"--iodepth={self.depth}",
            f"--numjobs={self.jobs}", "--randrepeat=0", "--norandommap",
        ]


RANDOM = "4 KiB at random places"
SEQUENTIAL = "128 KiB in order"
DURABLE = "4 KiB writes, each with a flush"

GROUPS = [RANDOM, SEQUENTIAL, DURABLE]

ROWS = [
    Row("rr4k_qd1", "read, depth 1", RANDOM, "randread", 4096),
    Row("rr4k_qd32", "read, depth 32", RANDOM, "randread", 4096, depth=32),
    Row("rw4k_qd1", "write, depth 1", RANDOM, "randwrite", 4096),
    Row("rw4k_qd32", "write, depth 32", RANDOM, "randwrite", 4096, depth=32),
    Row("sr128k_qd1", "read, depth 1", SEQUENTIAL, "read", 131072),
    Row("sr128k_qd8", "read, depth 8", SEQUENTIAL, "read", 131072, depth=8),
    Row("sw128k_qd1", "write, depth 1", SEQUENTIAL, "write", 131072),
    Row("sw128k_qd8", "write, depth 8", SEQUENTIAL, "write", 131072, depth=8),
    Row("flush_1", "1 writer", DURABLE, "randwrite", 4096, flush=True),
    Row("flush_16", "16 writers", DURABLE, "randwrite", 4096, jobs=16, flush=True),
    Row("flush_qd16", "1 writer, depth 16", DURABLE, "randwrite", 4096, depth=16, flush=True),
]


def _before(system, row):
    if row.reads:
        # Hosts take pages back that were not used for some seconds: each system begins with its
        # volume in the page cache.
        fio.warm(system.target(row))


BLOCKS = Suite(
    key="blocks",
    groups=GROUPS,
    rows=ROWS,
    systems=[Trefoil, QemuNbd, NbdkitFile, NbdkitMemory, Disk],
    peers=[QemuNbd.key, NbdkitFile.key],
    ratio="Trefoil / better durable peer",
    how="a volume of 2 GiB that was filled once before; Unix socket",
    prepare=lambda system: fio.fill(system.target(None)),
    before=_before,
    load=lambda system, row, seconds: fio.load(system.target(row), row, seconds),
)
