"""The kernel's own file systems on a volume, over a restart of the server."""

import os
import pathlib
import shutil
import subprocess

from harness.blockdevice import loop_on_volume, mounted
from harness.context import Skip, wait_until
from harness.registry import case

MIB = 1 << 20
TREE_BYTES_MAX = 40 * MIB

# Kernel file system: how it is made, and how it is checked without being changed.
KINDS = {
    "ext4": (["mkfs.ext4", "-q", "-F"], ["e2fsck", "-f", "-n"]),
    "xfs": (["mkfs.xfs", "-q", "-f"], ["xfs_repair", "-n"]),
    "btrfs": (["mkfs.btrfs", "-q", "-f"], ["btrfs", "check", "--readonly"]),
}


def real_trees():
    """Directories with many real files: the sources of Rust crates, else what Debian has."""
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    crates = sorted((home / "registry/src").glob("*/*"))
    return crates + [pathlib.Path("/usr/lib/python3"), pathlib.Path("/usr/include")]


def tree_bytes(path):
    """What the regular files of a tree hold."""
    return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())


def collect(t):
    """Copies real trees up to a bound into `source`, so that nobody changes them meanwhile."""
    source = t.dir / "source"
    source.mkdir()
    total = 0
    for path in real_trees():
        size = tree_bytes(path) if path.is_dir() else 0
        if size and total + size <= TREE_BYTES_MAX:
            shutil.copytree(path, source / path.name, symlinks=True, dirs_exist_ok=True)
            total += size
    print(f"{total} bytes in {sum(1 for _ in source.rglob('*'))} files", flush=True)
    assert total > MIB, "no tree to copy"
    return source


@case(each=list(KINDS), timeout_seconds=240)
def a_file_system_keeps_a_real_tree_over_a_restart(t, kind):
    make, check = KINDS[kind]
    if not shutil.which(make[0]):
        raise Skip(f"{make[0]} is not installed")
    source = collect(t)
    server = t.server()
    server.create_volume("v", 640 * MIB)
    with loop_on_volume(t, server.uri("v")) as device:
        t.sh(*make, device)
        with mounted(t, device) as point:
            t.sh("cp", "-a", str(source), f"{point}/tree")
            t.sh("cp", "-a", f"{point}/tree", f"{point}/second")
            t.sh("rm", "-r", f"{point}/second")
            t.sh("fstrim", "-v", point)
    server.restart()
    with loop_on_volume(t, server.uri("v", "tcp")) as device:
        with mounted(t, device) as point:
            t.sh("diff", "-r", "--no-dereference", str(source), f"{point}/tree")
        t.sh(*check, device, timeout=120)


@case(each=list(KINDS), timeout_seconds=240)
def a_mounted_file_system_recovers_when_its_server_is_killed(t, kind):
    make, check = KINDS[kind]
    if not shutil.which(make[0]):
        raise Skip(f"{make[0]} is not installed")
    source = collect(t)
    server = t.server()
    server.create_volume("v", 640 * MIB)
    with loop_on_volume(t, server.uri("v")) as device:
        t.sh(*make, device)
        with mounted(t, device, dying=True) as point:
            t.sh("cp", "-a", str(source), f"{point}/tree")
            t.sh("sync", "-f", point)
            copy = subprocess.Popen(["cp", "-a", f"{point}/tree", f"{point}/second"],
                                    stderr=subprocess.DEVNULL)
            second = pathlib.Path(point, "second")
            wait_until("the second copy began", lambda: second.is_dir() and any(second.iterdir()))
            server.kill()
            subprocess.run(["sync", "-f", point], check=False, stderr=subprocess.DEVNULL)
            print("cp ended with", copy.wait(60))
    server.start()
    with loop_on_volume(t, server.uri("v")) as device:
        with mounted(t, device) as point:
            t.sh("diff", "-r", "--no-dereference", str(source), f"{point}/tree")
        t.sh(*check, device, timeout=120)
