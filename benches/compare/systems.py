"""The systems that are compared: how each is started, addressed and stopped."""

import os
import pathlib
import signal
import subprocess
import time

from .fio import VOLUME_BYTES

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
POOL_CAPACITY = "16G"


class System:
    """One server with one volume of 2 GiB behind a Unix socket."""

    key = ""
    title = ""
    # Whether a flush that was answered survives a power cut.
    durable = False
    promise = ""

    def __init__(self, home):
        """`home`: a directory of its own on the disk that is measured."""
        self.home = pathlib.Path(home)
        self.socket = self.home / "nbd.sock"
        self.process = None

    def start(self):
        """Starts the server; returns when its socket answers."""
        raise NotImplementedError

    def target(self, row):
        """The words that tell fio where the volume is."""
        words = ["--ioengine=nbd", f"--uri=nbd+unix:///{self.export()}?socket={self.socket}"]
        return [*words, "--fsync=1"] if row is not None and row.flush else words

    def export(self):
        """Name of the export."""
        return ""

    def _spawn(self, argv):
        log = open(self.home / "log", "wb")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                        stderr=subprocess.STDOUT, cwd=self.home)
        log.close()

    def _wait(self, ready):
        end = time.monotonic() + START_SECONDS
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                text = (self.home / "log").read_text(errors="replace")
                raise RuntimeError(f"{self.title} did not start:\n{text}")
            time.sleep(0.01)

    def cpu_seconds(self):
        """User and system time of the server so far."""
        if self.process is None:
            return 0.0
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def pause(self):
        """Stops the server in its tracks: it must not work while another one is measured."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        """Lets it go on."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """Ends the server."""
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @staticmethod
    def version():
        """What is measured, in one line."""
        raise NotImplementedError


def _image(path):
    with open(path, "wb") as file:
        file.truncate(VOLUME_BYTES)
    return str(path)


def _first_line(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["unknown"])[0]


class Trefoil(System):
    """The server of this repository, on a directory."""

    key, title, durable = "trefoil", "Trefoil", True
    promise = ("write: in the journal, in the page cache, with a checksum for each block; flush: "
               "fdatasync of the journal, shared by all who wait")
    binary = REPOSITORY / "target/release/trefoil"

    def start(self):
        pool = self.home / "pool"
        self._spawn([str(self.binary), "serve", "--data", str(pool), "--capacity", POOL_CAPACITY,
                     "--nbd", f"unix:{self.socket}", "--console", "127.0.0.1:0"])
        log = self.home / "log"
        self._wait(lambda: b"trefoil: ready" in log.read_bytes())
        subprocess.run([str(self.binary), "volume", "create", "bench", str(VOLUME_BYTES), "--data",
                        str(pool)], check=True, stdout=subprocess.DEVNULL)

    def export(self):
        return "bench"

    @staticmethod
    def version():
        commit = _first_line("git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD")
        return f"{_first_line(str(Trefoil.binary), '--version')}, commit {commit}"


class QemuNbd(System):
    """qemu-nbd on a raw file, through the page cache."""

    key, title, durable = "qemu-nbd", "qemu-nbd, raw, writeback", True
    promise = "write: in the page cache; flush: fdatasync of the file"

    def start(self):
        image = _image(self.home / "image")
        self._spawn(["qemu-nbd", "--cache=writeback", "-f", "raw", "--persistent", "--shared=32",
                     "-k", str(self.socket), image])
        self._wait(self.socket.exists)

    @staticmethod
    def version():
        return _first_line("qemu-nbd", "--version")


class NbdkitFile(System):
    """nbdkit's file plugin, through the page cache."""

    key, title, durable = "nbdkit-file", "nbdkit file", True
    promise = "write: in the page cache; flush: fdatasync of the file"

    def start(self):
        image = _image(self.home / "image")
        self._spawn(["nbdkit", "-f", "-U", str(self.socket), "file", image])
        self._wait(self.socket.exists)

    @staticmethod
    def version():
        return _first_line("nbdkit", "--version")


class NbdkitMemory(System):
    """nbdkit's memory plugin: a bound of the protocol, not a store."""

    key, title, durable = "nbdkit-memory", "nbdkit memory", False
    promise = "nothing survives: neither a write nor a flush"

    def start(self):
        self._spawn(["nbdkit", "-f", "-U", str(self.socket), "memory", str(VOLUME_BYTES)])
        self._wait(self.socket.exists)

    @staticmethod
    def version():
        return NbdkitFile.version()


class Disk(System):
    """No server: fio on a file of the same disk, O_DIRECT, without any protocol."""

    key, title, durable = "disk", "the disk itself", True
    promise = "write: O_DIRECT, in the disk's own cache; flush: fdatasync"

    def start(self):
        self.image = _image(self.home / "image")

    def target(self, row):
        words = [f"--filename={self.image}"]
        if row is not None and row.flush:
            engine = "io_uring" if row.depth > 1 else "psync"
            return [*words, f"--ioengine={engine}", "--fdatasync=1"]
        return [*words, "--ioengine=io_uring", "--direct=1"]

    @staticmethod
    def version():
        return _first_line("fio", "--version")


# In the order of the columns. The first is the one that ratios are about.
SYSTEMS = [Trefoil, QemuNbd, NbdkitFile, NbdkitMemory, Disk]
PEERS = [QemuNbd.key, NbdkitFile.key]
