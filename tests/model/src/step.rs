//! Changes of the reference.

use std::ops::Range;
use std::sync::Arc;

use crate::Pattern;
use crate::bucket::BucketState;

/// One change that is whole or absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A volume of zeroes.
    Create {
        /// Its name.
        name: String,
        /// Its size in bytes.
        size: u64,
    },
    /// The volume is gone.
    Delete {
        /// Its name.
        name: String,
    },
    /// Another size; what lies behind a smaller one is gone for good.
    Resize {
        /// Its name.
        name: String,
        /// The new size in bytes.
        size: u64,
    },
    /// Bytes are written; the blocks they touch are stored.
    Write {
        /// The volume.
        name: String,
        /// Its byte range.
        range: Range<u64>,
        /// What is written.
        pattern: Pattern,
    },
    /// Bytes become zeroes: whole blocks holes, and of the blocks that the ends cut those that are
    /// stored.
    Zero {
        /// The volume.
        name: String,
        /// Its byte range.
        range: Range<u64>,
    },
    /// Each of the volumes is kept as it is, under `VOLUME@LABEL`.
    Snapshot {
        /// The label.
        label: String,
        /// The volumes.
        names: Vec<String>,
    },
    /// A volume becomes, or begins as, what another one is.
    Copy {
        /// That one; a snapshot has an `@` in its name.
        from: String,
        /// The volume.
        name: String,
    },
    /// Whole blocks become holes.
    Clear {
        /// The volume.
        name: String,
        /// Numbers of the blocks.
        blocks: Range<u64>,
    },
    /// Buckets, or snapshots of them under `BUCKET@LABEL`, are in another state, all at once.
    Buckets {
        /// By name; `None`: it is gone.
        states: Vec<(String, Option<Arc<BucketState>>)>,
    },
}
