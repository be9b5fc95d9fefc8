"""A kernel block device on a volume, without the kernel's NBD: nbdfuse and a loop device."""

import contextlib
import os
import subprocess

from .context import environment, wait_until


@contextlib.contextmanager
def loop_on_volume(t, uri):
    """`/dev/loopN` over `uri` while the block runs; detached in good order after it."""
    home = t.dir / "nbdfuse"
    home.mkdir(exist_ok=True)
    pid_file = t.dir / "nbdfuse.pid"
    pid_file.unlink(missing_ok=True)
    process = subprocess.Popen(
        ["nbdfuse", "-P", str(pid_file), str(home / "disk"), uri],
        env=environment(), stdin=subprocess.DEVNULL,
    )
    loop = None
    try:
        wait_until("nbdfuse", lambda: pid_file.exists() or process.poll() is not None)
        assert process.poll() is None, f"nbdfuse ended with {process.returncode}"
        loop = t.sh("losetup", "--find", "--show", str(home / "disk")).strip()
        yield loop
    finally:
        if loop:
            detach(t, loop)
        t.run("umount", str(home), status=None)
        process.wait(30)


def detach(t, loop):
    """Detaches a loop device and waits until the kernel let go of its file."""
    t.run("losetup", "-d", loop, status=None)
    name = os.path.basename(loop)
    wait_until(f"{loop} is free", lambda: not os.path.exists(f"/sys/block/{name}/loop"))


@contextlib.contextmanager
def mounted(t, device, dying=False):
    """`device` mounted while the block runs; the mount point.

    `dying`: the device is gone at the end, so unmounting may report that.
    """
    point = t.dir / "mnt"
    point.mkdir(exist_ok=True)
    t.sh("mount", device, str(point))
    try:
        yield str(point)
    finally:
        t.sh("umount", str(point), status=None if dying else 0)
