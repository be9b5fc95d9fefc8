"""The order of measurements: A B C A B C; what the machine does meanwhile hits all alike."""

import os

from . import fio


class Result:
    """All runs of one row on one system."""

    def __init__(self):
        self.runs = []
        self.cpu_seconds = 0.0

    def add(self, measured, cpu_seconds):
        """Appends one run."""
        self.runs.append(measured)
        self.cpu_seconds += cpu_seconds

    def cpu_per_million(self):
        """CPU seconds of the server for a million operations, over all runs."""
        operations = sum(run.operations for run in self.runs)
        return self.cpu_seconds * 1e6 / operations if operations else 0.0


def prepare(systems, say):
    """Starts every system and fills its volume once."""
    for system in systems:
        say(f"starting and filling: {system.title}")
        system.start()
        fio.fill(system.target(None))
        system.pause()


def measure(systems, rows, rounds, seconds, say):
    """Runs all rows in rounds; returns results by (row key, system key)."""
    results = {(row.key, system.key): Result() for row in rows for system in systems}
    for number in range(1, rounds + 1):
        for row in rows:
            values = []
            for system in systems:
                run, cpu = _one(system, row, seconds)
                results[row.key, system.key].add(run, cpu)
                values.append(f"{system.key} {value(run, row):,.0f}")
            say(f"round {number}/{rounds} {row.key} ({row.unit}): {', '.join(values)}")
    return results


def value(run, row):
    """What counts of a run, in the unit of its row."""
    return run.per_second if row.unit == "ops/s" else run.mib_per_second


def _one(system, row, seconds):
    # What others left dirty in the page cache is written back before the clock starts.
    os.sync()
    system.resume()
    try:
        if row.reads:
            # Hosts take pages back that were not used for some seconds: each system begins with
            # its volume in the page cache.
            fio.warm(system.target(row))
        before = system.cpu_seconds()
        run = fio.load(system.target(row), row, seconds)
        return run, system.cpu_seconds() - before
    finally:
        system.pause()
