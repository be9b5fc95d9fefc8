"""SIGKILL in the middle of writes: an acknowledged write is never lost, none is ever torn."""

import os
import signal

import nbd

from harness.context import equal
from harness.ledger import Ledger
from harness.load import Load
from harness.registry import case

from .fio import VERIFY, fio

MIB = 1 << 20
SIZE = 32 * MIB


def connect(server, transport):
    """A handle that lets every request through to the server."""
    handle = nbd.NBD()
    handle.connect_uri(server.uri("v", transport))
    return handle


def check(server, ledger, unanswered, what):
    """Reads the whole volume and compares it with the ledger."""
    handle = connect(server, "unix")
    faults = ledger.check(lambda offset, length: handle.pread(length, offset), unanswered)
    handle.shutdown()
    for fault in faults[:20]:
        print(fault)
    equal(len(faults), 0, f"faults after {what}")


def kill_rounds(t, rounds, startup_kills):
    """Load, SIGKILL, start, compare; `startup_kills`: also kill some starts before they end."""
    server = t.server()
    server.create_volume("v", SIZE)
    ledger = Ledger(SIZE, server.atomic_bytes)
    total = 0
    for number in range(rounds):
        handles = [connect(server, transport) for transport in ("unix", "tcp") * 2]
        load = Load(ledger, t.random, handles)
        load.run(t.random.randrange(20, 800))
        load.burst(60, lambda: [os.kill(pid, signal.SIGKILL) for pid in server.pids()])
        load.drain()
        server.kill()
        unanswered = list(load.unanswered.values())
        print(f"round {number}: {ledger.acknowledged} acknowledged, {load.flushes} flushes, "
              f"{len(unanswered)} unanswered", flush=True)
        total += len(unanswered)
        if startup_kills and number % 3 == 2:
            server.start_and_kill(t.random.uniform(0.0, 0.2))
        server.start()
        check(server, ledger, unanswered, f"round {number}, seed {t.seed}")
    assert total > rounds, f"the kills came too late: {total} requests were in flight"
    server.restart()
    check(server, ledger, [], "a restart in good order")


@case(timeout_seconds=200)
def twenty_kills_under_load_lose_no_acknowledged_write(t):
    kill_rounds(t, 20, startup_kills=False)


@case()
def kills_during_recovery_lose_no_acknowledged_write(t):
    kill_rounds(t, 6, startup_kills=True)


@case(long=True, timeout_seconds=1800)
def two_hundred_kills_lose_no_acknowledged_write(t):
    kill_rounds(t, 200, startup_kills=True)


@case()
def fio_finds_all_it_wrote_after_the_server_was_killed(t):
    server = t.server()
    server.create_volume("v", 2048 * MIB)
    options = ["--rw=randwrite", "--bs=4k", "--size=2048m", "--iodepth=16", *VERIFY]
    victims = " ".join(str(pid) for pid in server.pids())
    fio(t, server, "unix", *options, "--verify_state_save=1", "--trigger-timeout=1",
        f"--trigger=kill -9 {victims}", status=None)
    assert (t.dir / "local-job-0-verify.state").exists(), "fio ended before the server was killed"
    server.kill()
    server.start()
    jobs = fio(t, server, "unix", *options, "--verify_state_load=1", "--verify_only=1")
    assert jobs[0]["read"]["total_ios"] > 100, jobs[0]["read"]
