//! What is said of snapshots.

use serde::{Deserialize, Serialize};

/// A snapshot, as `snapshot list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnapshotRow {
    pub(crate) id: u64,
    /// `volume/NAME@LABEL` or `bucket/NAME@LABEL`.
    pub(crate) name: String,
    /// Size of the volume when it was taken; of a bucket, bytes of data that it refers to.
    pub(crate) size: u64,
    /// Bytes of data that nothing but the snapshot refers to.
    pub(crate) exclusive: u64,
    /// Bytes of data that others refer to, too.
    pub(crate) shared: u64,
    pub(crate) created_unix_nanos: u64,
}

/// A range of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RangeRow {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}
