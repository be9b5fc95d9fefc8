//! Segments and their places.

use engine_base::{Checksum, EpochId, Lsn, PoolId, SegmentId, Slot};
use engine_device::{Area, Device, Place};
use engine_format::{SegmentHeader, SegmentKind, Successor};

use crate::LogError;

/// A segment and the slot it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPlace {
    /// Its name for life.
    pub segment: SegmentId,
    /// Where its bytes are.
    pub slot: Slot,
}

impl SegmentPlace {
    /// As a group names it.
    #[must_use]
    pub const fn successor(self) -> Successor {
        Successor {
            segment: self.segment,
            slot: self.slot,
        }
    }
}

impl From<Successor> for SegmentPlace {
    fn from(named: Successor) -> Self {
        Self {
            segment: named.segment,
            slot: named.slot,
        }
    }
}

/// The journal just behind one group: where the next one goes, or where replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalPosition {
    /// The segment of the group before.
    pub place: SegmentPlace,
    /// Bytes from the segment's start.
    pub offset: u32,
    /// Header checksum of the group before.
    pub chain: Checksum,
    /// The successor, if a group up to here has named it.
    pub next: Option<SegmentPlace>,
}

/// Who gives out slots and segment ids: the pool's space accounting.
pub trait SegmentSource: Send + Sync {
    /// Takes a free slot and a new id. The slot's bytes are not prepared yet.
    ///
    /// # Errors
    /// [`LogError::NoSpace`] if none is free.
    fn allocate(&self, kind: SegmentKind) -> Result<SegmentPlace, LogError>;

    /// Gives back a slot that [`SegmentSource::allocate`] gave and in which nothing was written.
    fn release(&self, place: SegmentPlace);
}

/// What a new segment's header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderFields {
    pub(crate) pool: PoolId,
    pub(crate) epoch: EpochId,
    pub(crate) kind: SegmentKind,
    pub(crate) first_lsn: Lsn,
    pub(crate) previous: Option<SegmentId>,
}

/// Writes and syncs the header of the segment at `place`, whose slot was prepared.
///
/// # Errors
/// [`LogError::Device`].
pub fn write_segment_header(
    device: &dyn Device,
    place: SegmentPlace,
    header: &SegmentHeader,
) -> Result<(), LogError> {
    device.write(Place::slot(place.slot, 0), &[&header.encode()])?;
    device.sync(Area::Segment(place.slot))?;
    Ok(())
}

impl HeaderFields {
    pub(crate) fn at(&self, place: SegmentPlace) -> SegmentHeader {
        SegmentHeader {
            pool_id: self.pool,
            segment: place.segment,
            slot: place.slot,
            kind: self.kind,
            epoch: self.epoch,
            first_lsn: self.first_lsn,
            previous_segment: self.previous,
        }
    }
}
