"""The server under test, behind one interface.

`Trefoil` is the default of the driver's `--server`. `Nbdkit` runs the same cases against a server
that others wrote, which shows that a case tests the protocol and not its author's habits.
"""

import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from .context import environment, equal, wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
READY_SECONDS = 30
STOP_SECONDS = 30
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# The level follows the time stamp; a level inside a message does not count.
LEVEL = re.compile(r"^\S*\s*(WARN|ERROR)\b")


# Below the ports that Linux gives to connections: none takes one away while a server is down.
PORTS = range(20_000, 32_000)
_given = set()


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on at this moment, and never the same again."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            return _given.add(port) or port


def free_addresses(*flags):
    """Each flag of `serve` with an address that nobody listens on."""
    return [word for flag in flags for word in (flag, f"127.0.0.1:{free_port()}")]


class Server:
    """What cases use of a server: where it listens, and its life."""

    is_trefoil = False
    # A write of up to so many bytes is whole or absent after the death of the server.
    atomic_bytes = 0

    def __init__(self, context, data=None):
        self.context = context
        self.data = str(data) if data else context.path("pool")
        self.socket = context.path("nbd.sock")
        self.port = free_port()

    def uri(self, volume, transport="unix"):
        """The address of a volume for libnbd, qemu and fio."""
        name = urllib.parse.quote(volume, safe="")
        if transport == "tcp":
            return f"nbd://127.0.0.1:{self.port}/{name}"
        return f"nbd+unix:///{name}?socket={self.socket}"

    def qemu_options(self, volume, transport="unix"):
        """The same as an argument of qemu's `--image-opts`."""
        name = volume.replace(",", ",,")
        if transport == "tcp":
            where = f"server.type=inet,server.host=127.0.0.1,server.port={self.port}"
        else:
            where = f"server.type=unix,server.path={self.socket}"
        return f"driver=nbd,{where},export={name}"

    def connect(self, transport="unix"):
        """A raw socket to the server."""
        if transport == "tcp":
            return socket.create_connection(("127.0.0.1", self.port), timeout=20)
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(20)
        raw.connect(self.socket)
        return raw


class Trefoil(Server):
    """`trefoil serve` on a pool, and the commands that go to it."""

    is_trefoil = True
    atomic_bytes = 1 << 20
    binary = str(REPOSITORY / "target/release/trefoil")

    def __init__(self, context, data=None, options=(), allow=()):
        """`options`: more arguments of serve; `allow`: patterns of complaints to accept."""
        super().__init__(context, data)
        self.console = free_port()
        self.s3 = free_port()
        self.options = list(options)
        self.allow = [re.compile(pattern) for pattern in allow]
        self.process = None
        self.lines = []
        self._complaints_checked = 0

    def start(self):
        """Starts the server and returns once it said that it is ready."""
        ready = threading.Event()
        began = time.monotonic()
        reader = self._spawn(ready)
        wait_until("`trefoil: ready`", lambda: ready.is_set() or self.process.poll() is not None,
                   READY_SECONDS)
        if self.process.poll() is not None:
            reader.join(5)
            raise AssertionError(f"serve ended with {self.process.returncode} before it was ready")
        self.ready_seconds = time.monotonic() - began

    def start_and_kill(self, seconds):
        """Starts the server and kills it after `seconds`, ready or not."""
        self._spawn(threading.Event())
        try:
            self.process.wait(seconds)
            raise AssertionError(f"serve ended with {self.process.returncode}")
        except subprocess.TimeoutExpired:
            self.kill()

    def _spawn(self, ready):
        argv = [
            self.binary, "serve", "--data", self.data,
            "--nbd", f"127.0.0.1:{self.port}", "--nbd", f"unix:{self.socket}",
            "--s3", f"127.0.0.1:{self.s3}", "--console", f"127.0.0.1:{self.console}",
            *self.options,
        ]
        print("$", " ".join(argv), flush=True)
        self.process = subprocess.Popen(
            argv, cwd=self.context.dir, env=environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )
        self._reader = threading.Thread(
            target=self._read, args=(self.process, ready), daemon=True)
        self._reader.start()
        return self._reader

    def pids(self):
        """The processes of the server."""
        return [self.process.pid]

    def _read(self, process, ready):
        for line in process.stdout:
            line = ANSI.sub("", line.rstrip("\n"))
            self.lines.append(line)
            print("server:", line, flush=True)
            if line == "trefoil: ready":
                ready.set()

    def stop(self):
        """SIGTERM: the server must end with status 0 and must not have complained."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {STOP_SECONDS} s after SIGTERM") from None
        self._ended()
        equal(status, 0, "exit status after SIGTERM")

    def kill(self):
        """SIGKILL, and returns when the process is gone."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        self._ended()

    def restart(self):
        """Stops in good order and starts again on the same pool."""
        self.stop()
        self.start()

    def _ended(self):
        self._reader.join(STOP_SECONDS)
        self.process = None
        self.check_log()

    def close(self):
        """Ends the server if it still runs."""
        if self.process is None:
            return
        if self.process.poll() is not None:
            raise AssertionError(f"the server died: status {self.process.returncode}")
        self.stop()

    def complaints(self):
        """The lines of the log with level WARN or ERROR."""
        return [line for line in list(self.lines) if LEVEL.match(line)]

    def check_log(self):
        """Fails on a WARN or ERROR that the case did not announce."""
        new = self.complaints()[self._complaints_checked:]
        self._complaints_checked += len(new)
        for line in new:
            if not any(pattern.search(line) for pattern in self.allow):
                raise AssertionError(f"the server complained: {line}")

    def run(self, *words, status=0, timeout=60):
        """`trefoil WORDS... --data POOL`; the whole `subprocess.CompletedProcess`."""
        return self.context.run(
            self.binary, *words, "--data", self.data, status=status, timeout=timeout
        )

    def url(self):
        """Where S3 is served."""
        return f"http://127.0.0.1:{self.s3}"

    def key(self, *options):
        """`trefoil key create`: the id and the secret."""
        return self.run("key", "create", *options).stdout.split()

    def mount(self, bucket, name, *options):
        """`trefoil mount` in the case's directory; the path."""
        path = self.context.path(name)
        self.run("mount", bucket, path, *options)
        return path

    def create_volume(self, name, size):
        """`trefoil volume create`; `size` in bytes."""
        self.run("volume", "create", name, str(size))

    def delete_volume(self, name):
        """`trefoil volume delete`."""
        self.run("volume", "delete", name)


class Nbdkit(Server):
    """nbdkit's file plugin: each file of a directory is a volume. One process per transport."""

    def __init__(self, context, data=None, options=(), allow=()):
        super().__init__(context, data)
        pathlib.Path(self.data).mkdir(exist_ok=True)
        self.processes = []

    def start(self):
        for number, where in enumerate((["-U", self.socket],
                                        ["-i", "127.0.0.1", "-p", str(self.port)])):
            pid_file = pathlib.Path(self.context.path(f"nbdkit.{number}.pid"))
            pid_file.unlink(missing_ok=True)
            argv = ["nbdkit", "-f", "-P", str(pid_file), *where, "file", f"dir={self.data}"]
            print("$", " ".join(argv), flush=True)
            process = subprocess.Popen(argv, env=environment(), stdin=subprocess.DEVNULL)
            self.processes.append(process)
            wait_until("nbdkit's pid file", pid_file.exists, READY_SECONDS)

    def start_and_kill(self, seconds):
        """Starts and kills; it is ready before `seconds` are over."""
        self.start()
        self.kill()

    def pids(self):
        """The processes of the server."""
        return [process.pid for process in self.processes]

    def stop(self):
        """Ends both processes in good order."""
        self._end(signal.SIGTERM)

    def kill(self):
        """Kills both processes."""
        self._end(signal.SIGKILL)

    def _end(self, number):
        for process in self.processes:
            process.send_signal(number)
        for process in self.processes:
            process.wait(STOP_SECONDS)
        self.processes = []
        pathlib.Path(self.socket).unlink(missing_ok=True)

    def restart(self):
        """Stops and starts again on the same directory."""
        self.stop()
        self.start()

    def close(self):
        """Ends what still runs."""
        self._end(signal.SIGTERM)

    def complaints(self):
        """nbdkit's log is not read."""
        return []

    def create_volume(self, name, size):
        """A sparse file."""
        with open(pathlib.Path(self.data, name), "wb") as file:
            file.truncate(size)

    def delete_volume(self, name):
        """Unlinks the file."""
        pathlib.Path(self.data, name).unlink()


SERVERS = {"trefoil": Trefoil, "nbdkit": Nbdkit}
