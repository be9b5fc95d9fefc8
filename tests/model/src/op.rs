//! What a client can do.

use std::ops::Range;

use engine_volume::Ack;

use crate::Pattern;

/// One write.
#[derive(Debug, Clone)]
pub struct Put {
    /// The volume.
    pub name: String,
    /// Its byte range.
    pub range: Range<u64>,
    /// What is written.
    pub pattern: Pattern,
    /// How it is acknowledged.
    pub ack: Ack,
    /// Its future is dropped after the first poll.
    pub dropped: bool,
}

/// One operation.
#[derive(Debug, Clone)]
pub enum Op {
    /// A volume is created.
    Create(String, u64),
    /// A volume is resized.
    Resize(String, u64),
    /// A volume is deleted.
    Delete(String),
    /// Writes that are in flight at once, under a plug if there are several.
    Write(Vec<Put>),
    /// A range is trimmed.
    Trim(String, Range<u64>, Ack),
    /// A range is zeroed; stored if the flag says so.
    Zero(String, Range<u64>, bool, Ack),
    /// A range is read and compared.
    Read(String, Range<u64>),
    /// A snapshot is taken of all of these.
    Snapshot(String, Vec<String>),
    /// A snapshot, `VOLUME@LABEL`, is deleted.
    DeleteSnapshot(String),
    /// A volume is made from another one, or from a snapshot.
    CreateFrom(String, String),
    /// A volume becomes what it was at its snapshot.
    Revert(String),
    /// Everything is flushed.
    Flush,
    /// A checkpoint is taken.
    Checkpoint,
    /// What is live of sparse segments is moved.
    Clean,
}
