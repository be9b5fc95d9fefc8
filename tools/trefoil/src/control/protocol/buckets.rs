//! What is said of buckets, their quotas and access keys.

use serde::{Deserialize, Serialize};

use super::Compression;

/// The access key to make; what is left out is chosen by the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRequest {
    pub(crate) id: Option<String>,
    pub(crate) secret: Option<String>,
    /// The only bucket that it opens.
    pub(crate) bucket: Option<String>,
    pub(crate) read_only: bool,
    /// Owner of what is created with it.
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) umask: Option<u16>,
    /// Also checked against the modes of files, as its owner.
    pub(crate) posix: bool,
}

/// A bucket, as `bucket list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketRow {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// Bytes of contents, those of unfinished uploads too.
    pub(crate) allocated: u64,
    /// Bytes that are stored for them.
    pub(crate) stored: u64,
    pub(crate) compression: Compression,
    pub(crate) created_unix_nanos: u64,
    /// Where it is mounted by this server.
    pub(crate) mounts: Vec<String>,
}

/// A bucket, as `bucket show` counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketReport {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) allocated: u64,
    /// Bytes that are stored for them.
    pub(crate) stored: u64,
    pub(crate) compression: Compression,
    pub(crate) created_unix_nanos: u64,
    pub(crate) mounts: Vec<String>,
    /// Names of any kind.
    pub(crate) entries: u64,
    /// Those that a mount cannot show.
    pub(crate) unmountable: u64,
    pub(crate) objects: u64,
    /// Bytes of their contents.
    pub(crate) bytes: u64,
    /// Files and directories that S3 cannot show, because their names are no text.
    pub(crate) keyless: u64,
    /// Unfinished multipart uploads, and the bytes of their parts.
    pub(crate) uploads: u64,
    pub(crate) staged_bytes: u64,
}

/// An access key, as `key list` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    pub(crate) bucket: Option<String>,
    pub(crate) read_only: bool,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) umask: u16,
    pub(crate) posix: bool,
    pub(crate) created_unix_nanos: u64,
}

/// What is shown of an access key once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeySecret {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What a directory of a bucket may take; what is left out stays as it is, 0 is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaRequest {
    pub(crate) bucket: String,
    /// Its path in the bucket; empty: the whole bucket.
    pub(crate) directory: String,
    pub(crate) bytes: Option<u64>,
    pub(crate) inodes: Option<u64>,
}

/// A quota, as `quota show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaReport {
    pub(crate) bucket: String,
    pub(crate) directory: String,
    /// The limits.
    pub(crate) bytes: Option<u64>,
    pub(crate) inodes: Option<u64>,
    /// What counts for it.
    pub(crate) bytes_used: u64,
    pub(crate) inodes_used: u64,
}
