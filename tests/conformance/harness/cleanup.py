"""Takes away what a case left behind: its processes, mounts and loop devices."""

import json
import os
import signal
import subprocess


def kill_group(leader):
    """Kills what is left of the process group that `leader` made."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def sweep(directory):
    """Unmounts and detaches everything below `directory`, innermost first.

    A loop device lies on a file in a mount, and may be mounted itself, so mounts and loops are
    taken off in turns until nothing is left.
    """
    for _ in range(4):
        mounts = _mounts_below(directory)
        loops = _loops_below(directory)
        if not mounts and not loops:
            return
        for mount in reversed(mounts):
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        for loop in loops:
            subprocess.run(["losetup", "-d", loop], check=False, capture_output=True)


def _mounts_below(directory):
    with open("/proc/self/mounts", encoding="utf-8") as file:
        points = [line.split(" ")[1].replace("\\040", " ") for line in file]
    return [point for point in points if point.startswith(directory + "/")]


def _loops_below(directory):
    done = subprocess.run(
        ["losetup", "--json", "--list", "--output", "NAME,BACK-FILE"],
        check=False, capture_output=True, text=True,
    )
    rows = json.loads(done.stdout)["loopdevices"] if done.stdout.strip() else []
    return [row["name"] for row in rows if (row["back-file"] or "").startswith(directory + "/")]
