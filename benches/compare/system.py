"""A system that is compared: how it is started, paused and stopped."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
START_SECONDS = 30
POOL_CAPACITY = "16G"


class System:
    """One server, with something of its own to measure."""

    key = ""
    title = ""
    # Whether a flush that was answered survives a power cut.
    durable = False
    # Whether there is a process whose time counts.
    is_server = True
    promise = ""

    def __init__(self, home):
        """`home`: a directory of its own on the disk that is measured."""
        self.home = pathlib.Path(home)
        self.process = None

    @staticmethod
    def is_installed():
        """Whether there is anything to start."""
        return True

    def start(self):
        """Starts the server; returns when it answers."""
        raise NotImplementedError

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

    def start_anew(self):
        """Begins again with nothing stored."""
        self.stop()
        shutil.rmtree(self.home)
        self.home.mkdir()
        self.start()

    @staticmethod
    def version():
        """What is measured, in one line."""
        raise NotImplementedError


class TrefoilServer(System):
    """The server of this repository, on a directory."""

    key, title, durable = "trefoil", "Trefoil", True
    binary = REPOSITORY / "target/release/trefoil"

    def serve(self, *words):
        """Starts the server with one frontend more than NBD, which has a socket of its own."""
        self._spawn([str(self.binary), "serve", "--data", str(self.home / "pool"), "--capacity",
                     POOL_CAPACITY, "--nbd", f"unix:{self.home / 'nbd.sock'}", "--console",
                     "127.0.0.1:0", *words])
        log = self.home / "log"
        self._wait(lambda: b"trefoil: ready" in log.read_bytes())

    def ask(self, *words):
        """Runs a command of the server's."""
        subprocess.run([str(self.binary), *words, "--data", str(self.home / "pool")], check=True,
                       stdout=subprocess.DEVNULL)

    @staticmethod
    def version():
        commit = first_line("git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD")
        return f"{first_line(str(TrefoilServer.binary), '--version')}, commit {commit}"


def first_line(*argv):
    """The first line that a command prints."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["unknown"])[0]
