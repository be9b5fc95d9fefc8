//! What is said over the control socket: one line of JSON from the client, then lines of JSON from
//! the server, the last of which is a result or an error. Then the server closes.
//!
//! ```text
//! > {"op":"volume_create","name":"demo","size":10737418240}
//! < {"result":{"volume":{"id":16,"name":"demo",...}}}
//! > {"op":"volume_import","name":"demo","file":"/tmp/disk.img"}
//! < {"progress":{"done":1048576,"total":10737418240}}
//! < {"result":{"transfer":{...}}}
//! > {"op":"volume_show","name":"absent"}
//! < {"error":{"kind":"not_found","message":"..."}}
//! ```
//!
//! Fields that are not known are refused on both sides. All sizes are in bytes.

mod buckets;
mod compression;
mod devices;
mod encryption;
mod refusal;
mod scrub;
mod snapshots;

use serde::{Deserialize, Serialize};

pub(crate) use buckets::{
    BucketReport, BucketRow, KeyRequest, KeyRow, KeySecret, QuotaReport, QuotaRequest,
};
pub(crate) use compression::Compression;
pub(crate) use devices::{DeviceRow, Health as DeviceHealth};
pub(crate) use encryption::{Encryption, RotationReport};
pub(crate) use refusal::{Refusal, RefusalKind};
pub(crate) use scrub::{LostRow, ScrubReport};
pub(crate) use snapshots::{RangeRow, SnapshotRow};

/// Bytes of a request line, newline included. The longest request names a volume and a path.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer line that a client accepts: a list of as many volumes as a pool may hold.
pub(crate) const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    Status {},
    /// Begins a pass; with `wait` the answer comes at its end.
    Scrub {
        wait: bool,
    },
    VolumeCreate {
        name: String,
        size: u64,
        #[serde(default, skip_serializing_if = "Compression::is_off")]
        compression: Compression,
        #[serde(default, skip_serializing_if = "Encryption::is_off")]
        encryption: Encryption,
    },
    VolumeSet {
        name: String,
        compression: Compression,
    },
    /// `from` is `NAME` or `NAME@LABEL`; the size is that of the source if none is said.
    VolumeCreateFrom {
        name: String,
        from: String,
        size: Option<u64>,
    },
    /// Both are `NAME` or `NAME@LABEL`.
    VolumeDiff {
        from: String,
        to: String,
    },
    VolumeList {},
    VolumeShow {
        name: String,
    },
    VolumeResize {
        name: String,
        size: u64,
    },
    VolumeDelete {
        name: String,
    },
    /// `file` is absolute: the server does not run where the client does.
    VolumeImport {
        name: String,
        file: String,
    },
    VolumeExport {
        name: String,
        file: String,
        force: bool,
    },
    /// `datasets` are `volume/NAME` or `bucket/NAME`.
    SnapshotCreate {
        label: String,
        datasets: Vec<String>,
    },
    SnapshotList {
        dataset: Option<String>,
    },
    /// `snapshot` is a dataset and `@LABEL`, as of `snapshot_revert`.
    SnapshotDelete {
        snapshot: String,
    },
    SnapshotRevert {
        snapshot: String,
    },
    BucketCreate {
        name: String,
        #[serde(default, skip_serializing_if = "Compression::is_off")]
        compression: Compression,
    },
    BucketSet {
        name: String,
        compression: Compression,
    },
    /// `from` is `NAME` or `NAME@LABEL`.
    BucketCreateFrom {
        name: String,
        from: String,
    },
    BucketList {},
    BucketShow {
        name: String,
    },
    BucketDelete {
        name: String,
        force: bool,
    },
    /// `path` is absolute, as of `unmount`.
    Mount {
        bucket: String,
        path: String,
        write_back: bool,
        read_only: bool,
        #[serde(default)]
        no_io_uring: bool,
    },
    Unmount {
        path: String,
    },
    QuotaSet(QuotaRequest),
    QuotaShow {
        bucket: String,
        directory: String,
    },
    /// `file` is absolute.
    MasterKeyRotate {
        file: String,
    },
    DeviceList {},
    /// `new` is absolute; `old` is what the list shows: a path, an id or a number.
    DeviceReplace {
        old: String,
        new: String,
    },
    KeyCreate(KeyRequest),
    KeyList {},
    KeyDelete {
        id: String,
    },
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Response {
    Progress(Progress),
    Result(Reply),
    Error(Refusal),
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    pub(crate) done: u64,
    pub(crate) total: u64,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Reply {
    Done {},
    Volume(VolumeRow),
    Volumes(Vec<VolumeRow>),
    Snapshots(Vec<SnapshotRow>),
    Ranges(Vec<RangeRow>),
    Status(Box<StatusReport>),
    Scrub(ScrubReport),
    Transfer(TransferReport),
    Bucket(BucketRow),
    BucketReport(BucketReport),
    Buckets(Vec<BucketRow>),
    Quota(QuotaReport),
    Key(KeySecret),
    Keys(Vec<KeyRow>),
    Devices(Vec<DeviceRow>),
    Rotation(RotationReport),
}

/// A volume, as `volume list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VolumeRow {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Bytes that were written and not trimmed since.
    pub(crate) allocated: u64,
    /// Bytes that are stored for them.
    pub(crate) stored: u64,
    pub(crate) compression: Compression,
    pub(crate) encryption: Encryption,
    /// The id of the master key without which it cannot be opened, if that is not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locked_by: Option<String>,
    pub(crate) created_unix_nanos: u64,
}

/// What an import or export did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferReport {
    pub(crate) volume: VolumeRow,
    pub(crate) file: String,
    /// The import made the volume.
    pub(crate) created: bool,
    /// Bytes that were looked at, holes included.
    pub(crate) bytes: u64,
    /// Bytes of data among them.
    pub(crate) data_bytes: u64,
}

/// The state of a pool, as `status` shows it. Bytes where nothing else is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusReport {
    pub(crate) capacity: u64,
    /// In segments that nothing was written to.
    pub(crate) free: u64,
    /// What writes may still add before they are refused.
    pub(crate) available: u64,
    /// Of volumes and buckets, and what is stored for that: each counts what it shares.
    pub(crate) allocated: u64,
    pub(crate) stored: u64,
    pub(crate) live_data: u64,
    pub(crate) live_index: u64,
    /// Written, and referred to by nothing: what cleaning can bring back.
    pub(crate) dead: u64,
    pub(crate) segment_size: u64,
    /// Segments in use by commits and data, by the index, and by what cleaning moved.
    pub(crate) journal_segments: u32,
    pub(crate) index_segments: u32,
    pub(crate) pack_segments: u32,
    /// What cleaning has to bring back until as much is free as it keeps free.
    pub(crate) cleaning_debt: u64,
    /// What it moved since the pool was opened.
    pub(crate) packed: u64,
    /// Bytes written to the device for each byte that clients wrote since then; 0 before the first.
    pub(crate) write_amplification: f64,
    pub(crate) lsn: u64,
    pub(crate) durable_lsn: u64,
    pub(crate) checkpoint: u64,
    /// Of pages of the index.
    pub(crate) memory_used: u64,
    pub(crate) memory_limit: u64,
    /// Of them, what the next checkpoint writes.
    pub(crate) memory_dirty: u64,
    pub(crate) volumes: u64,
    pub(crate) buckets: u64,
    /// Blocks that were read with a wrong checksum since the pool was opened.
    pub(crate) data_checksum_errors: u64,
    pub(crate) scrub: ScrubReport,
    pub(crate) devices: Vec<DeviceRow>,
}

#[cfg(test)]
mod tests;
