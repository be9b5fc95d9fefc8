"""The cases; importing this package registers all of them, in the order of a run."""

from . import nbd_tools, qemu, libnbd, fio, filesystems, kill  # noqa: F401
