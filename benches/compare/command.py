"""The command line of benches/run."""

import argparse
import contextlib
import datetime
import pathlib
import shutil
import tempfile

from . import machine, schedule
from .report import README, Report
from .rows import ROWS
from .systems import POOL_CAPACITY, SYSTEMS, Trefoil


def main():
    """Measures, prints the tables and writes the README; 0 on success."""
    options = _parse()
    rounds, seconds = (2, 1) if options.quick else (options.rounds, options.seconds)
    classes = [kind for kind in SYSTEMS if not options.systems or kind.key in options.systems]
    if Trefoil in classes and not Trefoil.binary.exists():
        print(f"{Trefoil.binary} is missing: cargo build --release")
        return 1
    rows = [row for row in ROWS if not options.rows or any(p in row.key for p in options.rows)]
    with contextlib.ExitStack() as stack:
        home = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        facts = [
            *machine.describe(home),
            f"{datetime.date.today()}; {rounds} rounds of {seconds} s for each load and system, "
            "in turns; a volume of 2 GiB that was filled once before; Unix socket; servers that "
            "are not being measured are stopped (SIGSTOP)",
            f"Trefoil's pool: a directory, capacity {POOL_CAPACITY}, default memory",
        ]
        for fact in facts:
            print(fact, flush=True)
        systems = []
        for kind in classes:
            (home / kind.key).mkdir()
            systems.append(kind(home / kind.key))
            stack.callback(systems[-1].stop)
        say = lambda text: print(text, flush=True)  # noqa: E731
        schedule.prepare(systems, say)
        results = schedule.measure(systems, rows, rounds, seconds, say)
        report = Report(systems, rows, results, facts)
        print()
        print(report.markdown())
        if options.write:
            report.write()
            print(f"written: {README}")
    return 0


def _parse():
    parser = argparse.ArgumentParser(
        prog="benches/run",
        description="Trefoil beside other NBD servers on the same disk, in turns, with fio.",
    )
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s; writes no file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--dir", help="where the volumes lie (default: the system's temporary "
                        "directory); all systems use the same disk")
    parser.add_argument("--rows", nargs="*", help="only rows whose key contains one of these")
    parser.add_argument("--systems", nargs="*", choices=[kind.key for kind in SYSTEMS])
    parser.add_argument("--no-write", dest="write", action="store_false",
                        help="leave README.md and the plots alone")
    options = parser.parse_args()
    options.write = options.write and not (options.quick or options.rows or options.systems)
    return options
