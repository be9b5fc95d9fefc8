"""Starting, stopping, checking and watching a server."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import nbd

from harness.context import Skip, environment, equal, wait_until
from harness.launcher import REPOSITORY, free_addresses, free_port
from harness.ledger import Ledger
from harness.load import Load
from harness.registry import case

from .cli import fails
from .kill import check as check_ledger
from .kill import connect as connect_for_load
from .libnbd import connect, refused

MIB = 1 << 20
READY_SECONDS = 2.0


@case(trefoil_only=True)
def a_second_server_on_the_same_pool_is_refused(t):
    server = t.server()
    server.create_volume("v", MIB)
    done = t.run(
        server.binary, "serve", "--data", server.data, "--nbd", f"127.0.0.1:{free_port()}",
        *free_addresses("--s3", "--console"), status=None)
    equal(done.returncode, 1, "exit status")
    assert "trefoil: ready" not in done.stdout, done.stdout
    assert done.stderr.strip(), "nothing on stderr"
    h = connect(server)
    h.pwrite(b"still here", 0)
    equal(h.pread(10, 0), b"still here", "the first server")
    h.shutdown()
    server.run("status")


@case(trefoil_only=True)
def a_port_that_is_taken_is_named(t):
    server = t.server()
    done = t.run(
        server.binary, "serve", "--data", t.path("other"), "--nbd", f"127.0.0.1:{server.port}",
        *free_addresses("--s3", "--console"), status=None)
    equal(done.returncode, 1, "exit status")
    assert str(server.port) in done.stderr, done.stderr


@case(each=["SIGTERM", "SIGINT"], trefoil_only=True)
def a_signal_under_load_ends_in_good_order(t, name):
    server = t.server()
    size = 32 * MIB
    server.create_volume("v", size)
    ledger = Ledger(size, server.atomic_bytes)
    load = Load(ledger, t.random, [connect_for_load(server, way) for way in ("unix", "tcp")])
    load.run(500)
    load.burst(60, lambda: server.process.send_signal(getattr(signal, name)))
    load.drain()
    equal(server.process.wait(30), 0, "exit status")
    server.kill()
    server.run("check")
    server.start()
    check_ledger(server, ledger, list(load.unanswered.values()), name)


@case(trefoil_only=True)
def stopping_does_not_wait_for_idle_clients(t):
    server = t.server()
    server.create_volume("v", MIB)
    idle = [connect(server, way) for way in ("tcp", "unix")]
    idle[0].pwrite(b"x" * 4096, 0)
    silent = server.connect("tcp")
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5, "stopping took more than 5 s"
    silent.close()
    server.start()
    h = connect(server)
    equal(h.pread(4096, 0), b"x" * 4096, "data")
    h.shutdown()


def fingerprint(path):
    """Every file of a pool with its length, time of change and content."""
    return {
        str(file): (file.stat().st_size, file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(pathlib.Path(path).rglob("*")) if file.is_file()
    }


@case(trefoil_only=True)
def check_finds_nothing_and_writes_nothing_after_a_stop_and_after_a_kill(t):
    server = t.server(options=["--capacity", "256M"])
    server.create_volume("v", 32 * MIB)
    h = connect(server)
    for number in range(200):
        h.pwrite(t.random.randbytes(8192), t.random.randrange(4000) * 4096)
    fails(server, "check")
    server.stop()
    before = fingerprint(server.data)
    server.run("check")
    equal(fingerprint(server.data) == before, True, "the pool is unchanged after a stop")
    server.start()
    h = connect(server)
    for number in range(200):
        h.pwrite(t.random.randbytes(8192), t.random.randrange(4000) * 4096)
    server.kill()
    before = fingerprint(server.data)
    server.run("check")
    equal(fingerprint(server.data) == before, True, "the pool is unchanged after a kill")
    server.start()


def damage(directory, pattern):
    """Flips one bit in each place where `pattern` lies in the files of a pool; how many."""
    places = 0
    for file in pathlib.Path(directory).rglob("*"):
        if not file.is_file():
            continue
        data = file.read_bytes()
        at = data.find(pattern)
        while at >= 0:
            with open(file, "r+b") as target:
                target.seek(at + 100)
                target.write(bytes([data[at + 100] ^ 1]))
            places += 1
            at = data.find(pattern, at + 1)
    return places


@case(trefoil_only=True)
def a_flipped_bit_is_found_by_check_and_never_read(t):
    server = t.server(options=["--capacity", "256M"], allow=["."])
    server.create_volume("v", 8 * MIB)
    h = connect(server)
    victim = t.random.randbytes(4096)
    rest = t.random.randbytes(MIB)
    h.pwrite(rest, MIB)
    h.pwrite(victim, 4 * MIB)
    h.flush()
    h.shutdown()
    server.stop()
    server.run("check")
    places = damage(server.data, victim)
    assert places >= 1, "the block is not in the pool"
    done = server.run("check", status=None)
    equal(done.returncode, 1, "exit status of check")
    server.start()
    h = connect(server)
    refused(h.pread, 4096, 4 * MIB, errors=[5])
    equal(h.pread(MIB, MIB) == rest, True, "what is not damaged")
    h.pwrite(victim, 4 * MIB)
    equal(h.pread(4096, 4 * MIB), victim, "after it was written again")
    h.shutdown()


@case(trefoil_only=True)
def something_that_is_no_pool_is_refused_and_left_alone(t):
    server = t.server()
    server.stop()
    stranger = t.random_file("stranger", 64 * MIB)
    before = pathlib.Path(stranger).read_bytes()
    done = t.run(server.binary, "serve", "--data", stranger, "--nbd", f"127.0.0.1:{free_port()}",
                 *free_addresses("--s3", "--console"), status=None)
    equal(done.returncode, 1, "exit status")
    assert done.stderr.strip(), "nothing on stderr"
    equal(pathlib.Path(stranger).read_bytes() == before, True, "the file is unchanged")
    done = t.run(server.binary, "check", "--data", t.path("absent"), status=1)
    assert not os.path.exists(t.path("absent")), "check made something"


def get(server, path):
    """Status, content type and text of a page of the console."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.console}{path}", timeout=20) as page:
            return page.status, page.headers.get("Content-Type"), page.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type"), ""


SAMPLE = re.compile(
    r'^([a-zA-Z_:][a-zA-Z0-9_:]*)'
    r'(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? '
    r'([-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN))$')


def parse_metrics(text):
    """The samples of Prometheus' text format; fails on what a scraper would refuse."""
    assert text.endswith("\n"), "no newline at the end"
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"two types of {name}"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            types[name] = kind
        elif line and not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            family = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in types or family in types, f"no type for {match[1]}"
            assert (match[1], match[2]) not in samples, f"twice: {line!r}"
            samples[match[1], match[2]] = float(match[3])
    return types, samples


@case(trefoil_only=True)
def metrics_parse_as_prometheus_text_and_count_up(t):
    server = t.server()
    server.create_volume('quote"and\\slash', MIB)
    status, kind, text = get(server, "/metrics")
    equal((status, kind.split(";")[0]), (200, "text/plain"), "answer")
    types, before = parse_metrics(text)
    assert all(name.startswith(("trefoil_", "process_")) for name in types), types
    h = connect(server, volume='quote"and\\slash')
    for number in range(64):
        h.pwrite(bytes(4096), number * 4096)
        h.pread(4096, number * 4096)
    h.flush()
    _, after = parse_metrics(get(server, "/metrics")[2])
    counters = [key for key in before if types.get(key[0]) == "counter"]
    assert counters, types
    for key in counters:
        assert after.get(key, -1) >= before[key], f"{key} went down"
    assert any(after[key] > before[key] for key in counters), "no counter counts"
    h.shutdown()


@case(trefoil_only=True)
def the_console_says_that_it_is_healthy(t):
    server = t.server()
    equal(get(server, "/healthz")[0], 200, "/healthz")
    status, kind, text = get(server, "/")
    equal((status, kind.split(";")[0]), (200, "text/html"), "/")
    assert "refoil" in text, text[:500]
    equal(get(server, "/no-such-page")[0], 404, "an unknown page")


def quickstart_words():
    """The arguments of the command of README.md that starts the quickstart."""
    for line in (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines():
        found = re.search(r"\bserve\b[^`#|]*--quickstart[^`#|]*", line)
        if found:
            return shlex.split(found[0])
    raise AssertionError("README.md has no line with `serve ... --quickstart`")


@case(trefoil_only=True)
def the_quickstart_of_the_readme_is_ready_within_two_seconds(t):
    server = t.server()
    server.stop()
    words = quickstart_words()
    if not shutil.which("unshare") or not shutil.which("ip"):
        raise Skip("no unshare or ip: the default ports may be taken")
    # A network of its own: the quickstart listens on the default ports.
    script = "ip link set lo up && cd \"$1\" && shift && exec \"$@\""
    argv = ["unshare", "--net", "sh", "-c", script, "sh", str(t.dir), server.binary, *words]
    began = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=environment(), stdin=subprocess.DEVNULL)
    t.defer(process.kill)
    for line in process.stdout:
        print("quickstart:", line, end="", flush=True)
        if line.rstrip() == "trefoil: ready":
            break
    seconds = time.monotonic() - began
    print(f"ready after {seconds:.2f} s")
    equal(process.poll(), None, "still running")
    assert seconds < READY_SECONDS, f"ready after {seconds:.2f} s"
    rows = json.loads(t.sh(server.binary, "volume", "list", "--json", "--data",
                           t.path("trefoil-data")))
    equal([(row["name"], row["size"]) for row in rows], [("demo", 10 << 30)], "volumes")
    process.send_signal(signal.SIGTERM)
    equal(process.wait(30), 0, "exit status")


@case(trefoil_only=True)
def a_pool_of_many_volumes_starts_fast(t):
    server = t.server()
    for number in range(100):
        server.create_volume(f"v{number}", 1 << 40)
    handles = []
    for number in range(0, 100, 10):
        h = nbd.NBD()
        h.connect_uri(server.uri(f"v{number}"))
        h.pwrite(t.random.randbytes(MIB), number * MIB)
        handles.append(h)
    server.kill()
    server.start()
    assert server.ready_seconds < READY_SECONDS, f"ready after {server.ready_seconds:.2f} s"
    wait_until("all volumes", lambda: len(json.loads(
        server.run("volume", "list", "--json").stdout)) == 100)
