"""What is compared with what: one suite for each way into a pool."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Suite:
    """Loads, the systems they run on, and how."""

    # As on the command line.
    key: str
    # In the order of the report: headings of the rows.
    groups: list
    rows: list
    # In the order of the columns; the first is the one that ratios are about.
    systems: list
    # Keys of those that it is compared with.
    peers: list
    # What the ratio is called.
    ratio: str
    # A sentence on how it was measured.
    how: str
    # (system): brings it to where all rows begin.
    prepare: Callable
    # (system, row): right before a row is measured.
    before: Callable
    # (system, row, seconds): measures one row.
    load: Callable
    # Whether each round begins with empty systems.
    fresh: bool = False


def nothing(*_):
    """For suites that need no preparation."""
