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
//! What a bucket copies refers to the same stored bytes from other places. Both rules are about
//! the bytes, not the places: a state refers to bytes as long as any of its extents does.
//!
//! *Younger* compares places: data with the place in the journal at which the snapshot was taken,
//! pages with the place in the index behind the snapshot's own.

use std::sync::OnceLock;

use engine_base::{DatasetId, Location};
use engine_format::{DatasetKind, DatasetRecord};

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

/// What a dataset that is being deleted does not refer to alone any more: how far it was gone
/// through.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Released {
    /// Of a volume: extents below this offset.
    Below(u64),
    /// Of a bucket: bytes in segments with ids below this. Several extents may refer to them.
    Segments(u64),
}

impl Default for Released {
    fn default() -> Self {
        Self::Below(0)
    }
}

impl Released {
    /// What the record says.
    pub(crate) fn by(record: &DatasetRecord) -> Self {
        let released = record.descent.map_or(0, |descent| descent.released);
        match record.kind {
            DatasetKind::Volume => Self::Below(released),
            DatasetKind::Bucket => Self::Segments(released),
        }
    }

    /// Whether bytes at this offset of the object are among it.
    pub(crate) fn has(&self, offset: u64, at: Location) -> bool {
        match *self {
            Self::Below(end) => offset < end,
            Self::Segments(end) => at.segment.get() < end,
        }
    }
}

/// What becomes of bytes that a dataset lets go of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fate {
    /// The moment of the parent.
    parent: Option<Location>,
    /// The parent is being deleted, and has let go of this.
    released: Released,
    /// The moment of the parent's parent.
    above: Option<Location>,
    /// Who is told what the parent alone refers to from then on.
    told: Option<DatasetId>,
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
            released: record.map(Released::by).unwrap_or_default(),
            above,
            told: None,
        }
    }

    /// Whether bytes at this offset of the object die with the dataset's reference to them.
    pub(crate) fn dies(&self, offset: u64, at: Location) -> bool {
        let Some(parent) = self.parent else {
            return true;
        };
        let is_released = self.released.has(offset, at);
        at >= parent || (is_released && self.above.is_none_or(|above| at >= above))
    }

    /// The parent, if it is a bucket's: it may be on its way out, and has what does not die here.
    pub(crate) const fn told(&self) -> Option<DatasetId> {
        self.told
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
        let fate = parent.with_record(|record| Fate::below(cut(&parent), record, above));
        let is_bucket = parent.is(DatasetKind::Bucket);
        Fate {
            told: is_bucket.then(|| parent.id()),
            ..fate
        }
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
