"""One bucket through both doors."""

import filecmp
import os
import pathlib

from harness.clients import ObjectStore
from harness.context import equal
from harness.registry import case

MIB = 1 << 20


def bucket(t, name="box", **options):
    """A server with a mounted bucket: the server, its objects, the directory."""
    server = t.server(**options)
    server.run("bucket", "create", name)
    store = ObjectStore(server)
    return server, store, pathlib.Path(server.mount(name, "mnt"))


@case(trefoil_only=True)
def quickstart_is_a_directory_and_a_bucket_at_once(t):
    server = t.server(options=["--quickstart"])
    mount = t.dir / "trefoil-mnt"
    store = ObjectStore.__new__(ObjectStore)
    store.server = server
    key = pathlib.Path(server.data) / "demo.key"
    equal(key.stat().st_mode & 0o777, 0o600, "mode of the key")
    store.id, store.secret = key.read_text().split()
    up, down = t.random_file("up", 9 * MIB + 5), t.path("down")
    t.sh("cp", up, mount / "from-mount")
    store.aws("s3", "cp", "s3://demo/from-mount", down)
    assert filecmp.cmp(up, down, shallow=False), "the download differs"
    store.aws("s3", "cp", up, "s3://demo/dir/from-s3")
    assert filecmp.cmp(up, mount / "dir/from-s3", shallow=False), "the file differs"
    equal(sorted(os.listdir(mount)), ["dir", "from-mount"], "listing")


@case(trefoil_only=True)
def what_one_door_changes_the_other_sees(t):
    server, store, mount = bucket(t)
    store.python("coherence.py", "box", mount, 40)


@case(trefoil_only=True)
def a_stop_and_a_kill_keep_what_was_acknowledged(t):
    server, store, mount = bucket(t, options=[])
    store.aws("s3api", "put-object", "--bucket", "box", "--key", "a/object", "--body",
              t.random_file("body", 3 * MIB))
    with open(mount / "synced", "wb") as file:
        file.write(b"x" * 70_000)
        os.fsync(file.fileno())
    server.kill()
    server.options = ["--mount", f"box={mount}"]
    server.start()
    assert filecmp.cmp(t.path("body"), mount / "a/object", shallow=False), "the object differs"
    equal((mount / "synced").read_bytes(), b"x" * 70_000, "the synced file")
    server.restart()
    assert filecmp.cmp(t.path("body"), mount / "a/object", shallow=False), "the object differs"


@case(trefoil_only=True, timeout_seconds=400)
def nothing_acknowledged_is_lost_by_kills_under_load(t):
    server, store, mount = bucket(t)
    server.options = ["--mount", f"box={mount}"]
    for round_number in range(20):
        load = store.spawn("load.py", "box", mount, t.path(f"ledger-{round_number}"),
                           t.random.randrange(1 << 30))
        began = load.stdout.readline()
        equal(began, "under load\n", "the load")
        load_for = 0.2 + t.random.random() * 0.5
        try:
            load.wait(load_for)
        except Exception:
            pass
        server.kill()
        load.wait(60)
        load.stdout.close()
        server.start()
        store.python("verify.py", "box", mount, t.path(f"ledger-{round_number}"))
    server.stop()
    server.run("check")
    server.start()
