"""What a volume must hold after its server was killed: the record of a writer.

Every sector that is written carries the number of its write (the generation) and its own number,
32 times over, so that a lost, torn, stale or misplaced write is seen. Zeroes are generation 0.
"""

import dataclasses
import struct

SECTOR = 512
BLOCK_SECTORS = 8
STAMP = struct.Struct("<QQ")
COPIES = SECTOR // STAMP.size


@dataclasses.dataclass
class Operation:
    """A request that changes `count` sectors from `first` on to one generation."""

    kind: str
    first: int
    count: int
    generation: int

    @property
    def sectors(self):
        """The sectors that it changes."""
        return range(self.first, self.first + self.count)

    def is_whole(self, atomic_sectors):
        """Whether it may be found only as a whole, or not at all, after a crash.

        Zeroes that cut a block are worked off in steps: whole blocks are given back, cut ones are
        written.
        """
        cuts = self.first % BLOCK_SECTORS or self.count % BLOCK_SECTORS
        return self.count <= atomic_sectors and not (self.kind == "zero" and cuts)

    def payload(self):
        """The bytes of a write."""
        return bytearray(b"".join(
            STAMP.pack(self.generation, sector) * COPIES for sector in self.sectors
        ))


class Ledger:
    """Acknowledged content of each sector, and the operations in flight.

    At most one operation in flight touches a sector: the order of two would be unknown.
    """

    def __init__(self, size, atomic_bytes):
        """`atomic_bytes`: a larger request may be split; one up to this is whole or absent."""
        self.sectors = size // SECTOR
        self.atomic_sectors = atomic_bytes // SECTOR
        self.content = [0] * self.sectors
        self.busy = bytearray(self.sectors)
        self.in_flight = set()
        self.next_generation = 1
        self.acknowledged = 0

    def begin(self, kind, first, count):
        """Registers an operation; None when another in flight touches its range."""
        if any(self.busy[first:first + count]):
            return None
        generation = 0
        if kind == "write":
            generation = self.next_generation
            self.next_generation += 1
        operation = Operation(kind, first, count, generation)
        self.busy[first:first + count] = b"\1" * count
        self.in_flight.add(id(operation))
        return operation

    def acknowledge(self, operation):
        """The server answered: from now on its loss is a fault."""
        self.content[operation.first:operation.first + operation.count] = (
            [operation.generation] * operation.count)
        self._end(operation)
        self.acknowledged += 1

    def _end(self, operation):
        self.busy[operation.first:operation.first + operation.count] = bytes(operation.count)
        self.in_flight.discard(id(operation))

    def check(self, read, unanswered):
        """Compares the whole volume with the record after a crash; returns the faults.

        `read(offset, length)` reads the volume. `unanswered`: the operations that were in flight;
        each may have happened or not. What is found becomes the record.
        """
        found, faults = self._scan(read)
        open_sectors = set()
        for operation in unanswered:
            open_sectors.update(operation.sectors)
            faults += self._check_unanswered(operation, found)
            self._end(operation)
        for sector, generation in enumerate(self.content):
            if found[sector] != generation and sector not in open_sectors:
                faults.append(f"sector {sector}: acknowledged generation {generation}, "
                              f"found {found[sector]}")
        self.content = found
        return faults

    def _check_unanswered(self, operation, found):
        at = operation.sectors
        new = [found[sector] == operation.generation for sector in at]
        old = [found[sector] == self.content[sector] for sector in at]
        if all(new) or all(old):
            return []
        torn = f"{operation.kind} of {operation.count} sectors at {operation.first}, never answered"
        if not operation.is_whole(self.atomic_sectors) and all(a or b for a, b in zip(new, old)):
            return []
        return [f"{torn}: torn, {sum(new)} sectors new and {sum(old)} old"]

    def _scan(self, read):
        found, faults = [], []
        step = 1 << 20
        for start in range(0, self.sectors * SECTOR, step):
            length = min(step, self.sectors * SECTOR - start)
            data = read(start, length)
            for at in range(0, length, SECTOR):
                piece = data[at:at + SECTOR]
                stamp = piece[:STAMP.size]
                generation, sector = STAMP.unpack(stamp)
                here = (start + at) // SECTOR
                if piece != stamp * COPIES:
                    faults.append(f"sector {here}: torn inside")
                elif generation == 0 and sector != 0 or generation and sector != here:
                    faults.append(f"sector {here}: bytes of sector {sector}, {generation}")
                found.append(generation)
        return found, faults
