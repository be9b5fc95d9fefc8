"""The order of measurements: A B C A B C; what the machine does meanwhile hits all alike."""

import os


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


def prepare(suite, systems, say):
    """Starts every system and brings it to where the rows begin."""
    for system in systems:
        say(f"starting and filling: {system.title}")
        system.start()
        suite.prepare(system)
        system.pause()


def measure(suite, systems, rows, rounds, seconds, say):
    """Runs all rows in rounds; returns results by (row key, system key)."""
    results = {(row.key, system.key): Result() for row in rows for system in systems}
    for number in range(1, rounds + 1):
        if suite.fresh and number > 1:
            for system in systems:
                system.start_anew()
            prepare_anew(suite, systems)
        for row in rows:
            values = []
            for system in systems:
                run, cpu = _one(suite, system, row, seconds)
                results[row.key, system.key].add(run, cpu)
                values.append(f"{system.key} {value(run, row):,.0f}")
            say(f"round {number}/{rounds} {row.key} ({row.unit}): {', '.join(values)}")
    return results


def prepare_anew(suite, systems):
    """Systems that were emptied begin as the first time."""
    for system in systems:
        suite.prepare(system)
        system.pause()


def value(run, row):
    """What counts of a run, in the unit of its row."""
    return run.mib_per_second if row.unit == "MiB/s" else run.per_second


def _one(suite, system, row, seconds):
    # What others left dirty in the page cache is written back before the clock starts.
    os.sync()
    system.resume()
    try:
        suite.before(system, row)
        before = system.cpu_seconds()
        run = suite.load(system, row, seconds)
        return run, system.cpu_seconds() - before
    finally:
        system.pause()
