"""Object clients that others wrote: awscli, boto3, s3cmd, rclone, restic, pyarrow."""

import filecmp
import pathlib

from harness.clients import PYTHON, ObjectStore, tool
from harness.context import equal
from harness.racers import create, increment, spread
from harness.raws3 import RawObjects
from harness.registry import case

MIB = 1 << 20


def store(t, name="box"):
    """The objects of a fresh server with one bucket."""
    server = t.server()
    server.run("bucket", "create", name)
    return ObjectStore(server)


def tree(t, name):
    """A directory with files of many sizes; its path."""
    top = pathlib.Path(t.path(name))
    for directory in ("", "a", "a/b", "with space", "\u00fcml\u00e4ut"):
        (top / directory).mkdir(parents=True, exist_ok=True)
        for count, size in enumerate((0, 1, 4095, 4097, 70_001)):
            (top / directory / f"f{count}").write_bytes(t.random.randbytes(size))
    (top / "large").write_bytes(t.random.randbytes(17 * MIB + 3))
    return top


def same_trees(one, other):
    """Fails unless both hold the same files."""
    compared = filecmp.dircmp(one, other)
    for pair in [compared, *compared.subdirs.values()]:
        equal((pair.left_only, pair.right_only), ([], []), "files on one side")
        match = filecmp.cmpfiles(pair.left, pair.right, pair.common_files, shallow=False)
        equal(match[1:], ([], []), "files that differ")


@case(trefoil_only=True)
def awscli_syncs_a_tree_there_and_back(t):
    objects = store(t)
    top = tree(t, "up")
    objects.aws("s3", "sync", "--quiet", top, "s3://box/tree")
    objects.aws("s3", "sync", "--quiet", "s3://box/tree", t.path("down"))
    same_trees(top, t.path("down"))
    objects.aws("s3", "mv", "--quiet", "s3://box/tree/large", "s3://box/moved")
    equal(objects.aws("s3", "ls", "s3://box/moved").split()[-1], "moved", "the moved object")
    url = objects.aws("s3", "presign", "s3://box/moved").strip()
    t.sh("curl", "--silent", "--fail", "--output", t.path("presigned"), url)
    assert filecmp.cmp(top / "large", t.path("presigned"), shallow=False), "it differs"
    objects.aws("s3", "rm", "--quiet", "--recursive", "s3://box")
    equal(objects.aws("s3", "ls", "s3://box"), "", "what is left")
    objects.aws("s3", "rb", "s3://box")


@case(trefoil_only=True)
def awscli_is_refused_without_the_right_key(t):
    objects = store(t)
    objects.aws("s3api", "put-object", "--bucket", "box", "--key", "k")
    reader = ObjectStore(objects.server, "--read-only")
    reader.aws("s3api", "head-object", "--bucket", "box", "--key", "k")
    reader.aws("s3api", "put-object", "--bucket", "box", "--key", "k2", status=255)
    objects.server.run("bucket", "create", "other")
    elsewhere = ObjectStore(objects.server, "--bucket", "other")
    elsewhere.aws("s3api", "head-object", "--bucket", "box", "--key", "k", status=255)
    objects.secret = objects.secret[::-1]
    objects.aws("s3api", "head-object", "--bucket", "box", "--key", "k", status=255)


@case(trefoil_only=True, timeout_seconds=200)
def boto3_finds_the_rules_kept(t):
    store(t).python("rules.py", "box", timeout=190)


@case(trefoil_only=True, timeout_seconds=200)
def one_of_many_racers_wins(t):
    store(t).python("racers.py", "box", 200, 8, 25, timeout=190)


def race(t, racers, clients, increments):
    """Racers for one key, then compare-and-swap increments of one number."""
    server = t.server()
    server.run("bucket", "create", "box")
    objects = RawObjects(server)
    winners = sum(spread(create, objects, racers, "/box/winner"), [])
    equal(len(winners), 1, "racers that created the object")
    equal(objects.ask("GET", "/box/winner").body, winners[0], "the winner's object")
    equal(objects.ask("PUT", "/box/counter", body=b"0").status, 200, "the counter")
    seed = t.random.randrange(1 << 30)
    lost = sum(spread(increment, objects, clients, "/box/counter", increments, seed))
    count = int(objects.ask("GET", "/box/counter").body)
    equal(count, clients * increments, f"the counter, after {lost} lost swaps")


@case(trefoil_only=True, timeout_seconds=300)
def one_of_a_thousand_racers_wins_and_no_swap_is_lost(t):
    race(t, 1000, 64, 50)


@case(trefoil_only=True, long=True, timeout_seconds=3600)
def none_of_sixty_four_thousand_swaps_is_lost(t):
    race(t, 1000, 64, 1000)


@case(trefoil_only=True)
def s3cmd_puts_gets_and_lists(t):
    objects = store(t)
    host = objects.server.url().removeprefix("http://")
    options = [
        tool("s3cmd"), "--config", "/dev/null", "--no-ssl", f"--host={host}",
        f"--host-bucket={host}", f"--access_key={objects.id}", f"--secret_key={objects.secret}",
    ]
    top = tree(t, "up")
    objects.run(*options, "sync", f"{top}/", "s3://box/tree/")
    objects.run(*options, "sync", "s3://box/tree/", f"{t.path('down')}/")
    same_trees(top, t.path("down"))
    assert "s3://box/tree/large" in objects.run(*options, "ls", "s3://box/tree/")
    objects.run(*options, "del", "--recursive", "--force", "s3://box/tree/")
    equal(objects.run(*options, "ls", "s3://box/"), "", "what is left")


@case(trefoil_only=True)
def rclone_syncs_checks_and_moves(t):
    objects = store(t)
    remote = f":s3,provider=Other,env_auth,endpoint='{objects.server.url()}':box"
    top = tree(t, "up")
    objects.run("rclone", "sync", top, f"{remote}/tree", "--s3-chunk-size", "5M",
                "--s3-upload-cutoff", "6M")
    objects.run("rclone", "check", top, f"{remote}/tree", "--download")
    objects.run("rclone", "moveto", f"{remote}/tree/large", f"{remote}/moved")
    objects.run("rclone", "copyto", f"{remote}/moved", t.path("moved"))
    assert filecmp.cmp(top / "large", t.path("moved"), shallow=False), "it differs"
    objects.run("rclone", "purge", f"{remote}/tree")


@case(trefoil_only=True)
def restic_backs_up_checks_and_restores(t):
    objects = store(t)
    top = tree(t, "up")
    restic = ["restic", "--no-cache", "--repo", f"s3:{objects.server.url()}/box/restic",
              "--password-command", "echo word"]
    objects.run(*restic, "init")
    objects.run(*restic, "backup", top)
    (top / "more").write_bytes(t.random.randbytes(3 * MIB))
    objects.run(*restic, "backup", top)
    objects.run(*restic, "check", "--read-data")
    objects.run(*restic, "restore", "latest", "--target", t.path("restored"))
    same_trees(top, t.path("restored") + str(top))
    objects.run(*restic, "forget", "--keep-last", "1", "--prune")


@case(each=["pyarrow", "object_store"], trefoil_only=True)
def parquet_is_read_by_ranges(t, client):
    store(t).python("parquet.py", "box", client)
