"""Objects over S3."""

import dataclasses

from .stores import Garage, Null, S3sFs, Store, Trefoil
from .suite import Suite, nothing

MIB = 1 << 20
SIZES = {4096: "4 KiB", MIB: "1 MiB", 64 * MIB: "64 MiB"}
CLIENTS = [1, 8, 32]
# Of the large ones few, because all of a round lie on the disk of all systems at once.
OBJECTS = {4096: {1: 20_000, 8: 20_000, 32: 20_000}, MIB: {1: 200, 8: 400, 32: 400},
           64 * MIB: {1: 4, 8: 8, 32: 32}}


@dataclasses.dataclass(frozen=True)
class Objects:
    """Objects of one size are put, or got at random."""

    operation: str
    size: int
    clients: int

    @property
    def key(self):
        """On the command line."""
        return f"{self.operation}_{self.size}_c{self.clients}"

    @property
    def title(self):
        """In tables."""
        return f"{self.operation.upper()}, {self.clients} client{'s' * (self.clients > 1)}"

    @property
    def group(self):
        """Rows of one size stand together."""
        return f"Objects of {SIZES[self.size]}"

    @property
    def unit(self):
        """Small ones are counted, large ones are weighed."""
        return "ops/s" if self.size <= 4096 else "MiB/s"

    @property
    def objects(self):
        """How many are put at most."""
        return OBJECTS[self.size][self.clients]


OBJECTS_SUITE = Suite(
    key="objects",
    groups=[f"Objects of {title}" for title in SIZES.values()],
    rows=[Objects(operation, size, clients) for size in SIZES for operation in ("put", "get")
          for clients in CLIENTS],
    systems=[Trefoil, S3sFs, Garage, Null],
    peers=[S3sFs.key, Garage.key],
    ratio="Trefoil / better peer",
    how="requests signed with SigV4 and the SHA-256 of the body, over connections of 127.0.0.1 "
        "that stay open and acknowledge at once; each client asks again when it was answered; each "
        "round begins with empty stores",
    prepare=nothing,
    before=nothing,
    load=Store.load,
    fresh=True,
)
