"""Runs cases, each in a process group of its own, and cleans up behind each."""

import argparse
import fnmatch
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

from . import cleanup
from .context import Context, Skip
from .launcher import SERVERS, Trefoil
from .registry import CASES

PASSED, FAILED, SKIPPED = 0, 1, 77


def main():
    """Parses the command line, runs what it selects; exit status 1 if a case failed."""
    options = _parse()
    cases = [case for case in CASES if _selected(case, options)]
    if options.list:
        for case in cases:
            print(case.name, "(long)" if case.long else "")
        return 0
    if not cases:
        print(f"no case matches {options.only}", file=sys.stderr)
        return 2
    counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    home = tempfile.mkdtemp(prefix="conf-")
    try:
        for number, case in enumerate(cases):
            counts[_run(case, os.path.join(home, str(number)), options)] += 1
    finally:
        cleanup.sweep(home)
        if options.keep and counts[FAILED]:
            print(f"kept: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    skipped = f", {counts[SKIPPED]} skipped" if counts[SKIPPED] else ""
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s{skipped}")
    print(f"{counts[PASSED]} passed, {counts[FAILED]} failed")
    return 1 if counts[FAILED] else 0


def _parse():
    parser = argparse.ArgumentParser(
        prog="tests/conformance/run",
        description="Clients that others wrote, against a freshly started server for each case.",
    )
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="cases whose name contains PATTERN (shell wildcards work)")
    parser.add_argument("--all", action="store_true", help="also the long cases")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--keep", action="store_true", help="keep the files of failed cases")
    parser.add_argument("--seed", type=int, default=None, help="default: from the clock")
    parser.add_argument("--server", choices=sorted(SERVERS), default="trefoil",
                        help="the server under test; others check the suite itself")
    parser.add_argument("--binary", metavar="FILE", help="default: target/release/trefoil")
    options = parser.parse_args()
    if options.binary:
        Trefoil.binary = os.path.realpath(options.binary)
    if options.server == "trefoil" and not options.list and not os.access(Trefoil.binary, os.X_OK):
        parser.error(f"{Trefoil.binary} is missing: cargo build --release")
    if options.seed is None:
        options.seed = int(time.time()) % 1_000_000
    return options


def _selected(case, options):
    if options.only:
        return any(
            pattern in case.name or fnmatch.fnmatch(case.name, pattern)
            for pattern in options.only
        ) and (options.all or not case.long or case.name in options.only)
    return options.all or not case.long


def _run(case, directory, options):
    os.mkdir(directory)
    log = os.path.join(directory, "output")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(_child(case, directory, log, options))
    try:
        outcome = _wait(child, case.timeout_seconds)
    finally:
        cleanup.kill_group(child)
        cleanup.sweep(directory)
    seconds = time.monotonic() - began
    label = {PASSED: "ok  ", SKIPPED: "skip"}.get(outcome, "FAIL")
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    reason = f" ({text.rstrip().rsplit(chr(10), 1)[-1]})" if outcome == SKIPPED else ""
    print(f"{label} {case.name} {seconds:.1f} s{reason}", flush=True)
    if outcome not in (PASSED, SKIPPED):
        outcome = FAILED
        print("    " + text[-16000:].rstrip().replace("\n", "\n    "), flush=True)
    if outcome != FAILED or not options.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _wait(child, seconds):
    """The child's exit status; FAILED when it does not end in time (its group is killed)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    print(f"    no end after {seconds} s: killed", flush=True)
    cleanup.kill_group(child)
    os.waitpid(child, 0)
    return FAILED


def _child(case, directory, log, options):
    """Runs one case with its output in `log`; returns its exit status."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    server_class = SERVERS[options.server]
    context = Context(directory, options.seed, server_class)
    outcome = FAILED
    try:
        if case.trefoil_only and not server_class.is_trefoil:
            raise Skip(f"{options.server} has no such command")
        case.run(context)
        outcome = PASSED
    except Skip as reason:
        print(reason)
        outcome = SKIPPED
    except BaseException:
        traceback.print_exc()
    try:
        context.close()
    except BaseException:
        traceback.print_exc()
        outcome = FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    return outcome
