"""Files and objects are one thing: each rule of it by its number, asked through both doors."""

import json

from harness.clients import ObjectStore
from harness.context import equal
from harness.registry import case

from cases.doors import bucket

KEYS = ["rule_1", "rule_2", "rule_2a", "rule_3", "rule_3a", "rule_4", "rule_4a", "rule_5",
        "rule_6", "rule_6a", "rule_7"]
CONTENT = ["rule_8", "rule_9", "rule_10", "rule_11", "rule_11b"]
ATTRIBUTES = ["rule_13", "rule_14", "rule_14a", "rule_14b", "rule_15", "rule_15_copies", "rule_16",
              "rule_20_names"]


def ask(t, store, file, mount, rule):
    """Lets a client try the rule."""
    seed = t.random.randrange(1 << 30)
    store.python(f"semantics/{file}", "box", mount, rule, seed)


@case(KEYS, trefoil_only=True)
def keys_are_paths(t, rule):
    _, store, mount = bucket(t)
    ask(t, store, "keys.py", mount, rule)


@case(CONTENT, trefoil_only=True)
def contents_are_shared(t, rule):
    _, store, mount = bucket(t)
    ask(t, store, "content.py", mount, rule)


@case(ATTRIBUTES, trefoil_only=True)
def attributes_follow_the_inode(t, rule):
    _, store, mount = bucket(t)
    ask(t, store, "attributes.py", mount, rule)


@case(trefoil_only=True)
def what_a_key_makes_has_its_owner_and_mode(t):
    """Rule 1."""
    server, _, mount = bucket(t)
    store = ObjectStore(server, "--uid", "1234", "--gid", "2345", "--umask", "027")
    ask(t, store, "keys.py", mount, "rule_1_of_a_key")


@case(trefoil_only=True)
def a_posix_key_is_checked_as_its_user(t):
    """Rule 1a."""
    server, _, mount = bucket(t)
    store = ObjectStore(server, "--uid", "1234", "--gid", "2345", "--posix")
    ask(t, store, "keys.py", mount, "rule_1a")


@case(trefoil_only=True)
def two_mounts_are_one_file_system(t):
    """Rule 11c."""
    server, store, mount = bucket(t)
    server.mount("box", "second")
    ask(t, store, "content.py", mount, "rule_11c")


@case(trefoil_only=True)
def quotas_hold_at_both_doors(t):
    """Rule 19."""
    server, store, mount = bucket(t)
    (mount / "held").mkdir()
    server.run("quota", "set", "box/held", "bytes=16M", "inodes=20")
    ask(t, store, "attributes.py", mount, "rule_19")
    shown = json.loads(server.run("quota", "show", "box/held", "--json").stdout)
    equal(shown["bytes"], 16 << 20, "the limit")
    assert 0 < shown["bytes_used"] <= 16 << 20, shown
    server.run("quota", "set", "box/held", "bytes=0", "inodes=0")
    (mount / "held/large").write_bytes(bytes(range(256)) * (20 << 12))


@case(trefoil_only=True)
def what_was_shown_outlives_a_kill(t):
    """Rule 12."""
    server, store, mount = bucket(t)
    server.options = ["--mount", f"box={mount}"]
    for count in range(5):
        (mount / "file").write_bytes(b"%d" % count)
        store.aws("s3", "cp", "s3://box/file", t.path("down"))
        (mount / "gone").touch()
        (mount / "gone").unlink()
        store.aws("s3api", "head-object", "--bucket", "box", "--key", "gone", status=255)
        server.kill()
        server.start()
        equal((mount / "file").read_bytes(), b"%d" % count, "what was shown")
        assert not (mount / "gone").exists(), "an absence that was shown"
