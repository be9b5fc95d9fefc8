//! Families: datasets that descend from one another through snapshots.
//!
//! The states of a family, those of its snapshots and its heads, are a tree: each but the first
//! went on from one snapshot, its parent. What is stored is written once, by one head, and what a
//! head has let go of never comes back; so the states that refer to some stored bytes are connected
//! in that tree. Two rules follow:
//!
//! * what a head lets go of is dead if and only if it is younger than the parent of the head:
//!   everything older that the head had, the parent has;
//! * what a snapshot refers to is its own if and only if it is younger than its parent, and its
//!   child does not refer to it. A snapshot with several children is not deleted before all but one
//!   are gone, or they would not be connected any more.
//!
//! *Younger* compares places: data with the place in the journal at which the snapshot was taken,
//! pages with the place in the index behind the snapshot's own.

use std::sync::OnceLock;

use engine_base::{DatasetId, Location};
use engine_format::DatasetRecord;

use crate::Dataset;
use crate::core::Core;

/// The moment of a snapshot in places.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Data before this place is older.
    pub(crate) data: Location,
    /// Pages before this place are older. Known once a checkpoint has written the snapshot.
    pub(crate) pages: OnceLock<Location>,
}

impl Kept {
    /// A snapshot that no checkpoint has written yet.
    pub(crate) fn new(data: Location) -> Self {
        Self {
            data,
            pages: OnceLock::new(),
        }
    }
}

/// The offset below which a dataset that is being deleted refers to nothing alone.
pub(crate) fn released_by(record: &DatasetRecord) -> u64 {
    record.descent.map_or(0, |descent| descent.released)
}

/// What becomes of bytes that a dataset lets go of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fate {
    /// The moment of the parent.
    parent: Option<Location>,
    /// The parent is being deleted, and has let go of everything below this offset.
    released: u64,
    /// The moment of the parent's parent.
    above: Option<Location>,
}

impl Fate {
    /// The fate below a parent with this moment, and this record, whose own parent has the other
    /// moment.
    pub(crate) fn below(
        parent: Option<Location>,
        record: Option<&DatasetRecord>,
        above: Option<Location>,
    ) -> Self {
        Self {
            parent,
            released: record.map_or(0, released_by),
            above,
        }
    }

    /// Whether bytes at this offset of the object die with the dataset's reference to them.
    pub(crate) fn dies(&self, offset: u64, at: Location) -> bool {
        let Some(parent) = self.parent else {
            return true;
        };
        let is_released = offset < self.released;
        at >= parent || (is_released && self.above.is_none_or(|above| at >= above))
    }
}

impl Core {
    /// The fate of what `dataset` refers to.
    pub(crate) fn fate(&self, dataset: &Dataset) -> Fate {
        let parent_of = |dataset: &Dataset| {
            let parent = dataset.with_record(|record| record?.descent?.parent)?;
            self.catalog.get(parent)
        };
        let cut = |dataset: &Dataset| dataset.kept().map(|kept| kept.data);
        let Some(parent) = parent_of(dataset) else {
            return Fate::default();
        };
        let above = parent_of(&parent).and_then(|above| cut(&above));
        parent.with_record(|record| Fate::below(cut(&parent), record, above))
    }
}

/// How a family has grown since the last checkpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Growth {
    /// A snapshot was taken of a head.
    Kept {
        /// The snapshot.
        snapshot: DatasetId,
        /// The head.
        head: DatasetId,
        /// Whose number their pages carry.
        family: DatasetId,
    },
    /// A head began with a snapshot.
    Branched {
        /// The head.
        head: DatasetId,
        /// The snapshot.
        parent: DatasetId,
        /// Whose number their pages carry.
        family: DatasetId,
    },
}
