"""What a case is given: a directory of its own, a shell, a seeded random source, clean-up."""

import os
import pathlib
import random
import subprocess
import sys
import time


class Skip(Exception):
    """The machine lacks what the case needs; the reason is its text."""


class Context:
    """Home of one running case. Everything it opens is closed by `close`, last first."""

    def __init__(self, directory, seed, server_class):
        self.dir = pathlib.Path(directory)
        self.seed = seed
        self.random = random.Random(seed)
        self._server_class = server_class
        self._deferred = []

    def server(self, **options):
        """Starts a fresh server, by default on an empty pool inside this case's directory."""
        server = self._server_class(self, **options)
        self.defer(server.close)
        server.start()
        return server

    def defer(self, function, *arguments):
        """Calls `function(*arguments)` at the end of the case, whatever its outcome."""
        self._deferred.append((function, arguments))

    def close(self):
        """Runs what was deferred; the first error is raised after all of it was tried."""
        first = None
        while self._deferred:
            function, arguments = self._deferred.pop()
            try:
                function(*arguments)
            except Exception as error:  # the rest of the clean-up must still run
                print(f"clean-up: {error}", flush=True)
                first = first or error
        if first is not None:
            raise first

    def path(self, name):
        """A path inside the case's directory, as text."""
        return str(self.dir / name)

    def sh(self, *argv, status=0, input=None, timeout=60, **more):
        """Runs a command, shows it and its output, and returns its standard output.

        `status`: the exit status that is expected; None accepts any.
        """
        return self.run(*argv, status=status, input=input, timeout=timeout, **more).stdout

    def run(self, *argv, status=0, input=None, timeout=60, env=None, cwd=None):
        """As `sh`, but returns the whole `subprocess.CompletedProcess`."""
        argv = [str(word) for word in argv]
        print("$", " ".join(argv), flush=True)
        done = subprocess.run(
            argv, input=input, timeout=timeout, capture_output=True, text=True,
            cwd=cwd or self.dir, env=env or environment(),
            stdin=None if input else subprocess.DEVNULL,
        )
        for text in (done.stdout, done.stderr):
            sys.stdout.write(text[-6000:])
        sys.stdout.flush()
        if status is not None and done.returncode != status:
            raise AssertionError(f"{argv[0]}: exit status {done.returncode}, not {status}")
        return done

    def random_file(self, name, size):
        """A file of `size` bytes that do not compress; its path."""
        path = self.path(name)
        with open(path, "wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(self.random.randbytes(min(1 << 20, size - start)))
        return path


def environment():
    """The caller's environment with colours and translations off."""
    return {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def wait_until(what, probe, seconds=30.0):
    """Polls `probe` until it returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def equal(found, expected, what):
    """Fails with both values when they differ."""
    if found != expected:
        raise AssertionError(f"{what}: found {_short(found)}, expected {_short(expected)}")


def _short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"
