"""The mounted file systems that are compared, and the one below them."""

import os
import pathlib
import subprocess

from .fio import VOLUME_BYTES
from .system import REPOSITORY, System, TrefoilServer, first_line

TOOLS = REPOSITORY / "target/compare/bin"


class Tree(System):
    """One directory to work in."""

    def __init__(self, home):
        super().__init__(home)
        self.root = self.home / "mounted"

    def target(self, row):
        """The words that tell fio which file it is."""
        words = [f"--filename={self.root / 'file'}", "--ioengine=psync",
                 f"--size={VOLUME_BYTES // 4}"]
        return [*words, "--fsync=1"] if row is not None and row.flush else words

    def _wait_for_mount(self):
        self._wait(lambda: os.path.ismount(self.root))

    def stop(self):
        """Takes the mount away first: a server that is in use does not end."""
        if self.process is not None:
            self.resume()
            subprocess.run(["umount", "--lazy", str(self.root)], check=False,
                           stderr=subprocess.DEVNULL)
        super().stop()


class Trefoil(Tree, TrefoilServer):
    """A bucket that is mounted."""

    promise = ("call: in the journal, in the page cache, with a checksum for each block; fsync: "
               "fdatasync of the journal, shared by all who wait")

    def start(self):
        self.serve()
        self.ask("bucket", "create", "bench")
        self.ask("mount", "bench", str(self.root))
        self._wait_for_mount()


class Passthrough(Tree):
    """libfuse's pass-through file system: every call becomes one of the directory below."""

    key, title, durable = "passthrough", "libfuse passthrough_ll on ext4", True
    promise = "call: in the page cache, without a checksum; fsync: fsync of the file"
    binary = TOOLS / "passthrough_ll"

    def start(self):
        below = self.home / "below"
        below.mkdir()
        self.root.mkdir()
        self._spawn([str(self.binary), "-f", "-o", f"source={below},cache=auto,clone_fd",
                     str(self.root)])
        self._wait_for_mount()

    @staticmethod
    def is_installed():
        return Passthrough.binary.exists()

    @staticmethod
    def version():
        package = first_line("dpkg-query", "-W", "-f", "${Version}\n", "libfuse3-dev")
        return f"the example of libfuse3-dev {package}, cache=auto, clone_fd, many threads"


class Below(Tree):
    """No server: the file system that the others lie on."""

    key, title, durable, is_server = "ext4", "ext4 itself", True, False
    promise = "call: in the page cache, without a checksum; fsync: fsync of the file"

    def start(self):
        pathlib.Path(self.root).mkdir()

    def target(self, row):
        # Its page cache is the one that lies below the mounts of the others.
        return [*super().target(row), "--invalidate=0"]

    @staticmethod
    def version():
        return first_line("uname", "-sr")
