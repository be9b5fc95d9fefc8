"""The S3 servers that are compared."""

import json
import re
import socket
import subprocess

from .fio import Measured
from .system import REPOSITORY, System, TrefoilServer, first_line
from .trees import TOOLS

LOADER = REPOSITORY / "target/release/s3-load"
BUCKET = "bench"
# In the form that Garage wants.
ID = "GK31c2f218a2e44f485b94239e"
SECRET = "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835"


class Store(System):
    """One server with one bucket."""

    def __init__(self, home):
        super().__init__(home)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # How many objects there are of a size.
        self.objects = {}

    def start_anew(self):
        self.objects.clear()
        super().start_anew()

    def load(self, row, seconds):
        """Runs one row."""
        puts = row.operation == "put"
        count = row.objects if puts else self.objects[row.size]
        done = subprocess.run(
            [str(LOADER), "run", *self.address(), f"--operation={row.operation}",
             f"--size={row.size}", f"--clients={row.clients}", f"--objects={count}",
             f"--gets={1 << 30}", f"--seconds={seconds}"],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.title}, {row.key}: {done.stderr}{self.log()}")
        found = json.loads(done.stdout)
        if puts:
            self.objects[row.size] = max(self.objects.get(row.size, 0), found["operations"])
        return Measured(**found)

    def log(self):
        """The end of what the server has said."""
        return (self.home / "log").read_text(errors="replace")[-2000:]

    def address(self):
        """The words that tell the load where the bucket is."""
        return [f"--server=127.0.0.1:{self.port}", f"--bucket={BUCKET}", f"--id={ID}",
                f"--secret={SECRET}"]

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Trefoil(Store, TrefoilServer):
    """Its S3 frontend."""

    promise = ("PUT: on stable storage, by a sync that is shared by all who wait; MD5 as the ETag, "
               "SHA-256 and a CRC32C for each block checked")

    def start(self):
        self.serve("--s3", f"127.0.0.1:{self.port}")
        self.ask("bucket", "create", BUCKET)
        self.ask("key", "create", "--id", ID, "--secret", SECRET)


class S3sFs(Store):
    """A server of the s3s project that keeps objects as files."""

    key, title = "s3s-fs", "s3s-fs"
    promise = "PUT: a file that was renamed, in the page cache, not synced: lost by a power cut"

    def start(self):
        root = self.home / "root"
        (root / BUCKET).mkdir(parents=True)
        self._spawn([str(TOOLS / "s3s-fs"), "--host=127.0.0.1", f"--port={self.port}",
                     f"--access-key={ID}", f"--secret-key={SECRET}", str(root)])
        self._wait(self._listens)

    @staticmethod
    def is_installed():
        return (TOOLS / "s3s-fs").exists()

    @staticmethod
    def version():
        return first_line(str(TOOLS / "s3s-fs"), "--version")


class Garage(Store):
    """One node, no replicas, its defaults."""

    key, title = "garage", "Garage"
    promise = ("PUT: blocks as files and metadata in LMDB, neither synced (its default): lost by a "
               "power cut")
    binary = TOOLS / "garage"

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            rpc = probe.getsockname()[1]
        config = self.home / "garage.toml"
        config.write_text(f"""
metadata_dir = "{self.home}/meta"
data_dir = "{self.home}/data"
db_engine = "lmdb"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{SECRET}"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:{self.port}"
""", encoding="ascii")
        self._spawn([str(self.binary), "-c", str(config), "server"])
        self._wait(self._listens)
        node = re.search(r"[0-9a-f]{64}", self._ask("node", "id", "-q")).group(0)
        self._ask("layout", "assign", "-z", "one", "-c", "20G", node)
        self._ask("layout", "apply", "--version", "1")
        self._ask("key", "import", "--yes", "-n", "bench", ID, SECRET)
        self._ask("bucket", "create", BUCKET)
        self._ask("bucket", "allow", "--read", "--write", BUCKET, "--key", ID)

    def _ask(self, *words):
        config = str(self.home / "garage.toml")
        return subprocess.run([str(self.binary), "-c", config, *words], check=True,
                              capture_output=True, text=True).stdout

    @staticmethod
    def is_installed():
        return Garage.binary.exists()

    @staticmethod
    def version():
        return first_line(str(Garage.binary), "--version")


class Null(Store):
    """What the load and HTTP cost."""

    key, title = "null", "a server that keeps nothing"
    promise = "nothing is kept, checked or signed"

    def start(self):
        self._spawn([str(LOADER), "null", f"--listen=127.0.0.1:{self.port}"])
        self._wait(self._listens)

    @staticmethod
    def version():
        return "hyper, by s3-load null"
