//! What is agreed with the kernel at the beginning of a session.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fuser::{InitFlags, KernelConfig};

use crate::door::{Door, Ending};
use crate::limits::{BACKGROUND_MAX, CONGESTED_FROM, READ_AHEAD_BYTES, WRITE_BYTES_MAX};

/// What is asked for where the kernel has it. Not among it:
///
/// * `FUSE_AUTO_INVAL_DATA`: pages are forgotten when told, not when times look different.
/// * `FUSE_ATOMIC_O_TRUNC`, `FUSE_SETXATTR_EXT`: the library does not parse them.
/// * `FUSE_POSIX_LOCKS`, `FUSE_FLOCK_LOCKS`: the kernel keeps locks.
const WANTED: [InitFlags; 10] = [
    InitFlags::FUSE_PARALLEL_DIROPS,
    InitFlags::FUSE_DO_READDIRPLUS,
    InitFlags::FUSE_READDIRPLUS_AUTO,
    // Default access lists decide instead of the umask.
    InitFlags::FUSE_DONT_MASK,
    InitFlags::FUSE_POSIX_ACL,
    // The target of a symbolic link never changes.
    InitFlags::FUSE_CACHE_SYMLINKS,
    InitFlags::FUSE_ASYNC_DIO,
    InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
    // What a write takes away is taken away here: the kernel would ask before each.
    InitFlags::FUSE_HANDLE_KILLPRIV_V2,
    // A number is a node only while the kernel holds it.
    InitFlags::FUSE_NO_EXPORT_SUPPORT,
];

/// What a session asks for, and what it got.
pub(crate) struct Agreement {
    pub(crate) write_back: bool,
    /// Rings are ready to be registered.
    pub(crate) ring: bool,
    /// The kernel waits for rings.
    pub(crate) has_ring: AtomicBool,
}

impl Agreement {
    /// Asks for what makes a mount fast, as far as the kernel has it.
    pub(crate) fn make(&self, config: &mut KernelConfig) {
        let write_back = self.write_back.then_some(InitFlags::FUSE_WRITEBACK_CACHE);
        for wanted in WANTED.into_iter().chain(write_back) {
            if config.add_capabilities(wanted).is_err() {
                tracing::debug!(
                    ?wanted,
                    "this kernel lacks something; the mount does without"
                );
            }
        }
        // The library knows the name only. Who asks for it has to register rings: until they are
        // there, the kernel sends nothing.
        let ring = InitFlags::FUSE_OVER_IO_URING;
        let has_ring = self.ring && config.add_capabilities(ring).is_ok();
        self.has_ring.store(has_ring, Ordering::Release);
        // Each is cut to what the kernel has.
        let _ = config.set_max_write(WRITE_BYTES_MAX);
        if let Err(most) = config.set_max_readahead(READ_AHEAD_BYTES) {
            let _ = config.set_max_readahead(most);
        }
        let _ = config.set_max_background(BACKGROUND_MAX);
        let _ = config.set_congestion_threshold(CONGESTED_FROM);
    }
}

/// The file system that the library serves.
pub(crate) struct Served {
    /// Shared with the rings' threads. The last one ends it.
    pub(crate) door: Arc<Ending>,
    /// What is agreed on at the beginning.
    pub(crate) agreement: Arc<Agreement>,
}

impl Deref for Served {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}
