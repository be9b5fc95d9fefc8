//! How a bucket is mounted.

use std::path::PathBuf;

/// How a bucket is mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Nothing can be changed through this mount; others of the bucket are their own.
    pub read_only: bool,
    /// The kernel may hold writes back until close or fsync: faster, and until then other doors do
    /// not see them. All mounts of a bucket are alike in this.
    pub write_back: bool,
    /// Requests come through the device even where the kernel offers io_uring. The first mount of
    /// a bucket decides.
    pub no_ring: bool,
}

/// A mount at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountInfo {
    /// The bucket.
    pub bucket: String,
    /// The directory.
    pub path: PathBuf,
    /// How.
    pub options: MountOptions,
    /// Requests come over io_uring: it was not refused, and the kernel offers it.
    pub over_ring: bool,
}
