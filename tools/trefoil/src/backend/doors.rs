//! What the control server needs of buckets, their mounts and their keys, as blocking calls.

use std::path::Path;

use crate::backend::BackendError;
use crate::control::protocol::{
    BucketReport, BucketRow, Compression, KeyRequest, KeyRow, KeySecret, QuotaReport, QuotaRequest,
};

/// The buckets of a pool and who may see them where.
pub(crate) trait Doors: Send + Sync + 'static {
    /// Makes an empty bucket. Durable when it returns.
    fn bucket_create(
        &self,
        name: &str,
        compression: Compression,
    ) -> Result<BucketRow, BackendError>;
    /// Makes a bucket that begins as the bucket or snapshot `from` is. Durable when it returns.
    fn bucket_create_from(&self, name: &str, from: &str) -> Result<BucketRow, BackendError>;
    /// Says how what is written from now on is compressed. Durable when it returns.
    fn bucket_set(&self, name: &str, compression: Compression) -> Result<BucketRow, BackendError>;
    /// All buckets by name.
    fn bucket_list(&self) -> Result<Vec<BucketRow>, BackendError>;
    /// One bucket, counted: takes as long as reading all its names.
    fn bucket_show(&self, name: &str) -> Result<BucketReport, BackendError>;
    /// Deletes a bucket; with `force` also what is in it. Durable when it returns.
    fn bucket_delete(&self, name: &str, force: bool) -> Result<(), BackendError>;
    /// Limits what a directory of a bucket may take; an empty path is all of it. Durable, and what
    /// is there is counted, when it returns.
    fn quota_set(&self, what: &QuotaRequest) -> Result<QuotaReport, BackendError>;
    /// A quota, and what counts for it.
    fn quota_show(&self, bucket: &str, directory: &str) -> Result<QuotaReport, BackendError>;
    /// Mounts a bucket at a directory.
    fn mount(&self, bucket: &str, path: &Path, how: MountHow) -> Result<(), BackendError>;
    /// Takes a mount away.
    fn unmount(&self, path: &Path) -> Result<(), BackendError>;
    /// Makes an access key. Durable when it returns.
    fn key_create(&self, request: &KeyRequest) -> Result<KeySecret, BackendError>;
    /// All access keys by id, without their secrets.
    fn key_list(&self) -> Result<Vec<KeyRow>, BackendError>;
    /// Deletes an access key: requests from now on are refused. Durable when it returns.
    fn key_delete(&self, id: &str) -> Result<(), BackendError>;
}

/// How a bucket is mounted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MountHow {
    /// The kernel may keep what is written until it is closed or synced.
    pub(crate) write_back: bool,
    pub(crate) read_only: bool,
    /// Requests come through the device even where the kernel offers io_uring.
    pub(crate) no_ring: bool,
}
