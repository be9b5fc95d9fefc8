"""The command line of benches/run."""

import argparse
import contextlib
import datetime
import pathlib
import shutil
import tempfile

from . import machine, schedule
from .blocks import BLOCKS
from .files import FILES_SUITE
from .objects import OBJECTS_SUITE
from .report import README, Report
from .system import POOL_CAPACITY, TrefoilServer

SUITES = [BLOCKS, FILES_SUITE, OBJECTS_SUITE]


def main():
    """Measures, prints the tables and writes the README; 0 on success."""
    options = _parse()
    if not TrefoilServer.binary.exists():
        print(f"{TrefoilServer.binary} is missing: cargo build --release")
        return 1
    for suite in SUITES:
        if not options.only or suite.key in options.only:
            _run(suite, options)
    return 0


def _run(suite, options):
    rounds, seconds = (2, 1) if options.quick else (options.rounds, options.seconds)
    classes = [kind for kind in suite.systems
               if not options.systems or kind.key in options.systems]
    for kind in [kind for kind in classes if not kind.is_installed()]:
        print(f"{kind.title} is left out: benches/install installs it", flush=True)
        classes.remove(kind)
    rows = [row for row in suite.rows
            if not options.rows or any(part in row.key for part in options.rows)]
    if not rows or not classes:
        return
    with contextlib.ExitStack() as stack:
        home = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.dir))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        facts = [
            *machine.describe(home),
            f"{datetime.date.today()}; {rounds} rounds of {seconds} s for each load and system, "
            f"in turns; {suite.how}; servers that are not being measured are stopped (SIGSTOP)",
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
        schedule.prepare(suite, systems, say)
        results = schedule.measure(suite, systems, rows, rounds, seconds, say)
        report = Report(suite, systems, rows, results, facts)
        print()
        print(report.markdown())
        if options.write:
            report.write()
            print(f"written: {README}")


def _parse():
    parser = argparse.ArgumentParser(
        prog="benches/run",
        description="Trefoil beside others on the same disk, in turns: volumes, files, objects.",
    )
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 s; writes no file")
    parser.add_argument("--only", nargs="*", choices=[suite.key for suite in SUITES])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    parser.add_argument("--dir", help="where the volumes lie (default: the system's temporary "
                        "directory); all systems use the same disk")
    parser.add_argument("--rows", nargs="*", help="only rows whose key contains one of these")
    parser.add_argument("--systems", nargs="*",
                        choices=sorted({kind.key for suite in SUITES for kind in suite.systems}))
    parser.add_argument("--no-write", dest="write", action="store_false",
                        help="leave README.md and the plots alone")
    options = parser.parse_args()
    options.write = options.write and not (options.quick or options.rows or options.systems)
    return options
