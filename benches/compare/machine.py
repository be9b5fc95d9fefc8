"""Where the numbers come from."""

import os
import pathlib
import platform
import subprocess


def describe(directory):
    """Lines of text about the processor, memory, kernel and disk."""
    return [
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gib()} GiB of memory",
        f"Linux {platform.release()}",
        f"disk: {_file_system(directory)}",
        f"load average at the start: {os.getloadavg()[0]:.1f}",
    ]


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gib():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30))


def _file_system(directory):
    done = subprocess.run(["df", "--output=fstype,source", str(directory)], capture_output=True,
                          text=True, check=False)
    lines = done.stdout.splitlines()
    return " on ".join(lines[1].split()) if len(lines) > 1 else "unknown"
