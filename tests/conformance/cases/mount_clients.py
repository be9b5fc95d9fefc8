"""Programs that others wrote, on a mounted bucket."""

import os
import pathlib
import shutil
import subprocess

from harness.clients import tool
from harness.context import Skip, equal, wait_until
from harness.registry import case

MIB = 1 << 20


def mounted(t, compression="off", **options):
    """A server with one bucket, and the directory it is mounted at."""
    server = t.server(**options)
    server.run("bucket", "create", "box", "--compression", compression)
    return server, pathlib.Path(server.mount("box", "mnt"))


def sums(t, top):
    """One line a file: its checksum and name."""
    return t.sh("sh", "-c", "find . -type f -print0 | sort -z | xargs -0 -r sha256sum", cwd=top)


@case(trefoil_only=True)
def tar_and_rsync_keep_every_byte_and_mode(t):
    server, mount = mounted(t)
    source = pathlib.Path("/usr/share/perl")
    if not source.is_dir():
        raise Skip("no /usr/share/perl")
    t.sh("sh", "-c", f"tar -C {source} -cf - . | tar -C {mount} -xf -")
    equal(sums(t, mount), sums(t, source), "checksums")
    t.sh("rsync", "-a", "--delete", f"{source}/", f"{mount}/copy/")
    equal(t.sh("rsync", "-anc", "--delete", "--itemize-changes", f"{source}/", f"{mount}/copy/"),
          "", "what rsync would change")
    server.restart()
    server.mount("box", "mnt")
    equal(sums(t, mount / "copy"), sums(t, source), "checksums after a restart")


@case(trefoil_only=True, long=True, timeout_seconds=1800)
def all_of_usr_share_is_kept(t):
    server, mount = mounted(t)
    t.sh("sh", "-c", f"tar -C /usr/share -cf - . | tar -C {mount} -xf -", timeout=900)
    t.sh("sh", "-c",
         f"cd /usr/share && find . -type f -print0 | sort -z | xargs -0 sha256sum > {t.path('s')}",
         timeout=900)
    t.sh("sha256sum", "--quiet", "-c", t.path("s"), cwd=mount, timeout=900)


@case(trefoil_only=True)
def git_clones_commits_and_finds_no_fault(t):
    server, mount = mounted(t)
    origin = t.path("origin")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    t.sh("git", "init", "-q", origin)
    for number in range(60):
        (pathlib.Path(origin) / f"f{number % 20}").write_bytes(t.random.randbytes(3000))
        t.sh(*git, "-C", origin, "add", ".")
        t.sh(*git, "-C", origin, "commit", "-q", "-m", str(number))
    t.sh("git", "clone", "-q", "--no-local", origin, mount / "clone")
    (mount / "clone/new").write_bytes(b"new")
    t.sh(*git, "-C", mount / "clone", "add", ".")
    t.sh(*git, "-C", mount / "clone", "commit", "-q", "-m", "new")
    t.sh("git", "-C", mount / "clone", "gc", "-q")
    t.sh("git", "-C", mount / "clone", "fsck", "--strict")
    equal(t.sh("git", "-C", mount / "clone", "status", "--porcelain"), "", "status")


@case(trefoil_only=True, timeout_seconds=300)
def cargo_builds_a_workspace(t):
    server, mount = mounted(t)
    for name in ("one", "two"):
        (mount / name / "src").mkdir(parents=True)
        (mount / name / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n')
    (mount / "Cargo.toml").write_text('[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n')
    (mount / "one/src/lib.rs").write_text("pub fn answer() -> u32 { 42 }\n")
    with open(mount / "two/Cargo.toml", "a", encoding="ascii") as file:
        file.write('[dependencies]\none = { path = "../one" }\n')
    (mount / "two/src/main.rs").write_text('fn main() { println!("{}", one::answer()); }\n')
    env = {**os.environ, "CARGO_TARGET_DIR": str(mount / "target")}
    equal(t.sh("cargo", "run", "-q", "--offline", cwd=mount, env=env, timeout=250), "42\n", "it")
    (mount / "one/src/lib.rs").write_text("pub fn answer() -> u32 { 43 }\n")
    equal(t.sh("cargo", "run", "-q", "--offline", cwd=mount, env=env, timeout=250), "43\n", "it")


@case(each=["wal", "delete"], trefoil_only=True)
def sqlite_survives_a_killed_server(t, journal):
    server, mount = mounted(t)
    database = mount / "d.sqlite"
    t.sh("sqlite3", database, f"PRAGMA journal_mode={journal}; PRAGMA synchronous=FULL; "
         "CREATE TABLE t(n INTEGER PRIMARY KEY, b BLOB);")
    # The number of a row is printed when its insertion has been committed.
    script = "".join(
        f"INSERT INTO t VALUES({n}, randomblob(900));\nSELECT {n};\n" for n in range(1000))
    load = subprocess.Popen(
        ["stdbuf", "-oL", "sqlite3", "-bail", database], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    load.stdin.write(f"PRAGMA synchronous=FULL;\n{script}")
    load.stdin.flush()
    committed = [load.stdout.readline() for _ in range(30)][-1]
    server.kill()
    rest, _ = load.communicate(timeout=60)
    committed = ([committed] + [line for line in rest.split() if line.isdigit()])[-1]
    server.options = ["--mount", f"box={mount}"]
    server.start()
    equal(t.sh("sqlite3", database, "PRAGMA integrity_check;"), "ok\n", "integrity")
    count, last = t.sh("sqlite3", database, "SELECT count(*), max(n) FROM t;").split("|")
    assert int(last) >= int(committed), f"row {committed} was committed, {last} is the last"
    equal(int(count), int(last) + 1, "rows without a gap")


class Postgres:
    """A database cluster on the mount, run by the user `postgres`."""

    def __init__(self, t, mount):
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise Skip("PostgreSQL is not installed")
        self.t, self.bin = t, found[-1].parent
        self.home = mount / "pg"
        self.data = self.home / "data"
        self.sockets = pathlib.Path(t.path("sockets"))
        for directory in (self.home, self.sockets):
            directory.mkdir()
            shutil.chown(directory, "postgres", "postgres")
        for directory in (t.dir, t.dir.parent):
            os.chmod(directory, 0o711)

    def run(self, name, *words, **more):
        return self.t.sh(
            "runuser", "-u", "postgres", "--", self.bin / name, *words, cwd="/", **more)

    def start(self):
        options = f"-k {self.sockets} -c listen_addresses= -c fsync=on -c wal_level=minimal " \
                  "-c max_wal_senders=0"
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.sockets / "log",
                 "-o", options, "start")
        # Read now: the mount may be dead when it is needed.
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])

    def sql(self, text, name="postgres"):
        return self.run(
            "psql", "-h", self.sockets, "-d", name, "-v", "ON_ERROR_STOP=1", "-Atc", text).strip()

    def check(self):
        """Heaps and indexes are sound, and the books of pgbench balance."""
        self.run("pg_amcheck", "-h", self.sockets, "--install-missing", "--heapallindexed",
                 "-d", "postgres", timeout=200)
        balance = self.sql("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = "
                           "(SELECT sum(delta) FROM pgbench_history) AND "
                           "(SELECT sum(abalance) FROM pgbench_accounts) = "
                           "(SELECT sum(bbalance) FROM pgbench_branches)")
        equal(balance, "t", "the books balance")

    def kill(self):
        """Kills every process of the cluster, and returns when all are gone."""
        children = subprocess.run(
            ["pgrep", "-P", str(self.pid)], check=False, capture_output=True, text=True).stdout
        everyone = [self.pid, *map(int, children.split())]
        for each in everyone:
            try:
                os.kill(each, 9)
            except ProcessLookupError:
                pass
        gone = lambda: not any(pathlib.Path(f"/proc/{each}").exists() for each in everyone)
        wait_until("the database is gone", gone)


@case(trefoil_only=True, timeout_seconds=400)
def postgresql_recovers_from_kills_of_itself_and_of_the_server(t):
    server, mount = mounted(t)
    postgres = Postgres(t, mount)
    postgres.run("initdb", "-D", postgres.data, "--no-locale", "-E", "UTF8", "-A", "trust",
                 timeout=200)
    postgres.start()
    postgres.run("pgbench", "-h", postgres.sockets, "-i", "-s", "2", "-q", "postgres", timeout=200)
    for victim in ("database", "server"):
        load = subprocess.Popen(
            ["runuser", "-u", "postgres", "--", str(postgres.bin / "pgbench"), "-h",
             str(postgres.sockets), "-n", "-c", "4", "-T", "60", "postgres"], cwd="/",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("some transactions", lambda: int(
            postgres.sql("SELECT count(*) FROM pgbench_history")) > 100, 60)
        before = int(postgres.sql("SELECT count(*) FROM pgbench_history"))
        if victim == "server":
            server.kill()
        postgres.kill()
        load.kill()
        load.wait()
        if victim == "server":
            server.options = ["--mount", f"box={mount}"]
            server.start()
        postgres.start()
        postgres.check()
        after = int(postgres.sql("SELECT count(*) FROM pgbench_history"))
        assert after >= before, f"{after} transactions of {before} that were committed"
    postgres.run("pg_ctl", "-D", postgres.data, "-w", "stop")


@case(trefoil_only=True, timeout_seconds=300)
def fio_verifies_files(t):
    server, mount = mounted(t)
    t.sh("fio", "--name=v", f"--directory={mount}", "--size=24m", "--numjobs=3", "--rw=randrw",
         "--bsrange=512-64k", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1",
         "--ioengine=psync", f"--randseed={t.seed % 1000003}", "--group_reporting", timeout=250)
    t.sh("fio", "--name=d", f"--directory={mount}", "--size=24m", "--rw=randwrite", "--bs=4k",
         "--direct=1", "--verify=crc32c", "--verify_fatal=1", "--do_verify=1", "--ioengine=libaio",
         "--iodepth=8", timeout=250)


# Of zero bytes nothing can be allocated (EINVAL, as POSIX asks), which fsx takes for a fault.
FSX = """flen = 262144
nosizechecks = false
blockmode = false
[opsize]
max = 65536
min = 1
align = 1
[weights]
truncate = 1.0
close_open = 1.0
invalidate = 0.2
mapread = 1.0
mapwrite = 1.0
read = 1.0
write = 1.0
fsync = 0.2
fdatasync = 0.2
punch_hole = 1.0
posix_fallocate = 0.5
copy_file_range = 1.0
"""


def fsx(t, operations, timeout, **options):
    server, mount = mounted(t, **options)
    (t.dir / "fsx.toml").write_text(FSX)
    t.sh(tool("fsx"), "-f", t.path("fsx.toml"), "-N", operations, "-S", t.seed % 1_000_003,
         mount / "x", timeout=timeout)


@case(trefoil_only=True, timeout_seconds=300)
def fsx_finds_no_byte_out_of_place(t):
    fsx(t, 30_000, 280)


@case(trefoil_only=True, long=True, timeout_seconds=3600)
def fsx_finds_no_byte_out_of_place_in_a_million_operations(t):
    fsx(t, 1_000_000, 3500)


PJDFSTEST = """
[features]
chflags = {}
file_flags = []
posix_fallocate = {}
utimensat = {}
utime_now = {}
rename_ctime = {}
[settings]
[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"], ["bin", "bin"]]
"""


@case(trefoil_only=True, timeout_seconds=400)
def pjdfstest_finds_posix_kept(t):
    # As quickstart mounts it. What is skipped are flags of BSD, birth times, and a limit of links
    # that is larger than the test wants to reach.
    t.server(options=["--quickstart"])
    for directory in (t.dir, t.dir.parent):
        os.chmod(directory, 0o711)
    (t.dir / "pjdfstest.toml").write_text(PJDFSTEST)
    said = t.sh(tool("pjdfstest"), "-c", t.path("pjdfstest.toml"), "-p", t.path("trefoil-mnt"),
                timeout=380)
    summary = [line for line in said.splitlines() if line.startswith("Summary:")][0]
    numbers = [int(word) for word in summary.replace(",", "").split() if word.isdigit()]
    failed, skipped, passed = numbers[:3]
    equal(failed, 0, "failed")
    assert passed >= 376, f"{passed} passed, {skipped} were skipped"
