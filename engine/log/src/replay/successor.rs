//! Finding a successor that no readable group names.
//!
//! The group that names the successor can be the last one of its segment. If just that one is bad,
//! everything behind it would look like a torn tail. The header of each journal segment says which
//! one was before it, so the way on can be found without the name.

use engine_base::limits::{BLOCK, GROUP_DATA_BYTES_MAX, GROUP_MUTATION_BYTES_MAX};
use engine_base::{SegmentId, Slot};
use engine_device::{Area, Place, ReadFrom};
use engine_format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind};

use super::Replay;
use crate::SegmentPlace;

/// Bytes of the largest group.
const GROUP_BYTES_MAX: u64 = (GROUP_DATA_BYTES_MAX + GROUP_MUTATION_BYTES_MAX) as u64 + 2 * BLOCK;

impl Replay<'_> {
    /// Whether a group at `offset` can be the only one that names a successor: the next one did not
    /// fit behind it.
    pub(super) fn may_be_last(&self, offset: u32) -> bool {
        u64::from(offset) + 2 * GROUP_BYTES_MAX + BLOCK > u64::from(self.geometry.segment_bytes)
    }

    /// The segment of this epoch whose header says that `previous` was before it. Reads the header
    /// of every slot; those that cannot be read are passed over, because most were never used.
    pub(super) fn successor_by_header(&self, previous: SegmentId) -> Option<SegmentPlace> {
        let follows = |slot: &Slot, copy: usize| {
            let mut bytes = [0; SEGMENT_HEADER_BYTES];
            let at = Place::slot(*slot, 0);
            self.device
                .read_copy(copy, at, ReadFrom::Cache, &mut bytes)
                .ok()?;
            let header = SegmentHeader::decode(&bytes, self.pool, *slot).ok()?;
            let is_next = header.kind == SegmentKind::Journal
                && header.epoch == self.epoch
                && header.previous_segment == Some(previous);
            let segment = header.segment;
            is_next.then_some(SegmentPlace {
                segment,
                slot: *slot,
            })
        };
        (0..self.geometry.slots).map(Slot::new).find_map(|slot| {
            let copies = self.device.copies(Area::Segment(slot));
            (0..copies).find_map(|copy| follows(&slot, copy))
        })
    }
}
