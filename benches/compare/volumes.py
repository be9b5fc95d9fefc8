"""The NBD servers that are compared, and the disk below them."""

from .fio import VOLUME_BYTES
from .system import System, TrefoilServer, first_line


class Volume(System):
    """One server with one volume of 2 GiB behind a Unix socket."""

    def __init__(self, home):
        super().__init__(home)
        self.socket = self.home / "nbd.sock"

    def target(self, row):
        """The words that tell fio where the volume is."""
        words = ["--ioengine=nbd", f"--uri=nbd+unix:///{self.export()}?socket={self.socket}"]
        return [*words, "--fsync=1"] if row is not None and row.flush else words

    def export(self):
        """Name of the export."""
        return ""


def _image(path):
    with open(path, "wb") as file:
        file.truncate(VOLUME_BYTES)
    return str(path)


class Trefoil(Volume, TrefoilServer):
    """Its NBD frontend."""

    promise = ("write: in the journal, in the page cache, with a checksum for each block; flush: "
               "fdatasync of the journal, shared by all who wait")

    def start(self):
        self.serve()
        self.ask("volume", "create", "bench", str(VOLUME_BYTES))

    def export(self):
        return "bench"


class QemuNbd(Volume):
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
        return first_line("qemu-nbd", "--version")


class NbdkitFile(Volume):
    """nbdkit's file plugin, through the page cache."""

    key, title, durable = "nbdkit-file", "nbdkit file", True
    promise = "write: in the page cache; flush: fdatasync of the file"

    def start(self):
        image = _image(self.home / "image")
        self._spawn(["nbdkit", "-f", "-U", str(self.socket), "file", image])
        self._wait(self.socket.exists)

    @staticmethod
    def version():
        return first_line("nbdkit", "--version")


class NbdkitMemory(Volume):
    """nbdkit's memory plugin: a bound of the protocol, not a store."""

    key, title, durable = "nbdkit-memory", "nbdkit memory", False
    promise = "nothing survives: neither a write nor a flush"

    def start(self):
        self._spawn(["nbdkit", "-f", "-U", str(self.socket), "memory", str(VOLUME_BYTES)])
        self._wait(self.socket.exists)

    @staticmethod
    def version():
        return NbdkitFile.version()


class Disk(Volume):
    """No server: fio on a file of the same disk, O_DIRECT, without any protocol."""

    key, title, durable, is_server = "disk", "the disk itself", True, False
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
        return first_line("fio", "--version")
