"""The cases; importing this package registers all of them, in the order of a run."""

from . import nbd_tools, qemu, libnbd, fio, filesystems, snapshots, compression  # noqa: F401
from . import encryption  # noqa: F401
from . import doors, bucket_snapshots, semantics, object_clients, object_faults  # noqa: F401
from . import mount_clients  # noqa: F401
from . import kill, full_pool, protocol, cli, lifecycle, devices, mirrors, scrub  # noqa: F401
