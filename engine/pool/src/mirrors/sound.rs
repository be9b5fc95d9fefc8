//! What of a slot is not to be copied to another device, because no copy has it good.
//!
//! In journal segments each group says what its data is. Blocks of index segments and packs have
//! their checksums in trees: of these only what cannot be read is told here, and the scrub that
//! begins when a device has caught up reads every copy of the rest.

use engine_base::limits::BLOCK_BYTES;
use engine_base::{SegmentId, Slot, to_usize};
use engine_device::{Area, PageBuf, Place, ReadFrom};
use engine_format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind};
use engine_log::{SegmentPlace, unsound_blocks};

use crate::Pool;
use crate::space::Segment;

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

impl Pool {
    /// See [`engine_device::Attention::unsound`].
    pub(super) fn unsound_blocks(&self, slot: Slot) -> Vec<u64> {
        // Taken before the look: what is there now is not released while it is held.
        let _pin = self.read_pin();
        match self.segment_in(slot) {
            Some((segment, known)) if known.kind == SegmentKind::Journal => {
                let core = &self.core;
                let place = SegmentPlace { segment, slot };
                let (device, end) = (&*core.device, known.written);
                unsound_blocks(device, core.geometry, place, end, core.repairs)
            }
            Some(_) => self.unreadable_blocks(slot),
            None => Vec::new(),
        }
    }

    /// What lies in a slot, as a header there says, if it is in use.
    fn segment_in(&self, slot: Slot) -> Option<(SegmentId, Segment)> {
        let device = &self.core.device;
        let at = Place::slot(slot, 0);
        (0..device.copies(at.area)).find_map(|copy| {
            let mut bytes = [0; SEGMENT_HEADER_BYTES];
            device
                .read_copy(copy, at, ReadFrom::Cache, &mut bytes)
                .ok()?;
            let header = SegmentHeader::decode(&bytes, self.core.pool_id, slot).ok()?;
            let space = self.core.space.lock();
            let known = space.segments.get(&header.segment)?;
            (known.slot == Some(slot)).then_some((header.segment, *known))
        })
    }

    fn unreadable_blocks(&self, slot: Slot) -> Vec<u64> {
        let mut piece = PageBuf::recycled(PIECE_BYTES);
        let mut unreadable = Vec::new();
        let end = to_usize(u64::from(self.core.geometry.segment_bytes));
        for first in (0..end).step_by(PIECE_BYTES) {
            let bytes = PIECE_BYTES.min(end - first);
            if self.reads(slot, first, piece.get_mut(..bytes).unwrap_or_default()) {
                continue;
            }
            for offset in (first..first + bytes).step_by(BLOCK_BYTES) {
                if !self.reads(
                    slot,
                    offset,
                    piece.get_mut(..BLOCK_BYTES).unwrap_or_default(),
                ) {
                    unreadable.push(offset as u64);
                }
            }
        }
        unreadable
    }

    /// Whether some copy can be read there.
    fn reads(&self, slot: Slot, offset: usize, buf: &mut [u8]) -> bool {
        let device = &self.core.device;
        let at = Place::slot(slot, offset as u64);
        (0..device.copies(Area::Segment(slot)))
            .any(|copy| device.read_copy(copy, at, ReadFrom::Cache, buf).is_ok())
    }
}
