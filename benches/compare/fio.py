"""Runs fio once and reads what it measured."""

import dataclasses
import json
import subprocess

VOLUME_BYTES = 2 << 30


@dataclasses.dataclass(frozen=True)
class Measured:
    """One run: operations that ended, their rate, and latency in microseconds."""

    operations: int
    per_second: float
    mib_per_second: float
    p50_us: float
    p99_us: float


def load(target, row, seconds):
    """Runs `row` for so many seconds on `target`, the words that say where."""
    words = [*row.fio(), f"--runtime={seconds}", "--time_based"]
    return _measured(_fio(target, words), row.flush)


def fill(target):
    """Writes the whole volume once and flushes it."""
    _fio(target, ["--rw=write", "--bs=1m", "--iodepth=4", "--end_fsync=1"])


def warm(target):
    """Reads the whole volume once, in order."""
    _fio(target, ["--rw=read", "--bs=1m", "--iodepth=4"])


def version():
    """fio's own version."""
    return subprocess.run(["fio", "--version"], check=True, capture_output=True,
                          text=True).stdout.strip()


def _fio(target, words):
    argv = ["fio", "--name=load", "--thread", "--group_reporting", f"--size={VOLUME_BYTES}",
            "--output-format=json", *target, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    # fio writes notes before its report.
    start = done.stdout.find("{")
    if done.returncode != 0 or start < 0:
        raise RuntimeError(f"{' '.join(argv)}: status {done.returncode}\n{done.stderr}"
                           f"{done.stdout[:2000]}")
    (job,) = json.loads(done.stdout[start:])["jobs"]
    if job["error"]:
        raise RuntimeError(f"{' '.join(argv)}: error {job['error']}")
    return job


def _measured(job, flush):
    side = job["read"] if job["read"]["total_ios"] else job["write"]
    # Of fdatasync, fio counts the latencies but not the operations.
    if flush and job["sync"]["lat_ns"]["N"] < side["total_ios"] // 2:
        raise RuntimeError(f"{job['sync']['lat_ns']['N']} flushes for {side['total_ios']} writes")
    latency = job["sync"]["lat_ns"] if flush else side["clat_ns"]
    percentiles = latency.get("percentile", {})
    return Measured(
        operations=side["total_ios"],
        per_second=side["iops"],
        mib_per_second=side["bw_bytes"] / (1 << 20),
        p50_us=percentiles.get("50.000000", 0) / 1000,
        p99_us=percentiles.get("99.000000", 0) / 1000,
    )
