//! What is said of scrubbing.

use serde::{Deserialize, Serialize};

/// How far scrubbing is and what it found, as `scrub` and `status` show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScrubReport {
    /// A pass is on its way.
    pub(crate) running: bool,
    /// Its number, or that of the last one; 0: there was none.
    pub(crate) pass: u64,
    /// Bytes that it has read, each copy counted, and about how many there are.
    pub(crate) verified: u64,
    pub(crate) total: u64,
    /// Bad copies, found and repaired since the pool was created.
    pub(crate) found: u64,
    pub(crate) repaired: u64,
    /// When the last whole pass ended.
    pub(crate) ended_unix_nanos: Option<u64>,
    /// Nothing that is stored was verified, or written, before this moment.
    pub(crate) oldest_unverified_unix_nanos: u64,
    pub(crate) oldest_unverified_seconds: u64,
    /// Ranges of which no good copy is left, and their bytes.
    pub(crate) lost_ranges: u64,
    pub(crate) lost_bytes: u64,
    /// The first of them.
    pub(crate) lost: Vec<LostRow>,
}

/// A range of which no good copy is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LostRow {
    /// `volume/NAME`, `bucket/NAME`, either with `@LABEL`, or `pool`.
    pub(crate) dataset: String,
    /// Of data in a bucket: the key that leads to it, if one does.
    pub(crate) key: Option<String>,
    /// `data`, `index` or `header`.
    pub(crate) what: String,
    /// First byte in the volume or file, and how many there are.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl LostRow {
    /// Whose bytes they are, in one line.
    pub(crate) fn owner(&self) -> String {
        let dataset = &self.dataset;
        match (&self.key, self.what.as_str()) {
            (Some(key), _) => format!("{dataset}/{key}"),
            (None, "data") => dataset.clone(),
            (None, what) => format!("{dataset} ({what})"),
        }
    }
}
