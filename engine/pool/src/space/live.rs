//! Counting what is live: in sixteenths of a byte, since compressed bytes count for less than one
//! each.

use engine_base::{Lsn, PoolId, SegmentId, Sixteenths, Slot};
use engine_format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentState};

use super::Segment;

impl Segment {
    /// Whether something refers to it: those that were only prepared have nothing that matters.
    pub(crate) fn is_used(&self) -> bool {
        let was_used =
            self.live > 0 || self.last_lsn > Lsn::ZERO || self.state == SegmentState::Sealed;
        was_used && self.state != SegmentState::Dead
    }

    /// Whether these bytes are its header.
    pub(crate) fn has_header(
        &self,
        bytes: &[u8],
        (pool, slot): (PoolId, Slot),
        id: SegmentId,
    ) -> bool {
        let Some(bytes) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else {
            return false;
        };
        SegmentHeader::decode(bytes, pool, slot)
            .is_ok_and(|header| header.segment == id && header.kind == self.kind)
    }

    /// What is referred to of it.
    pub(crate) const fn weight(&self) -> Sixteenths {
        let rounded = Sixteenths::of_bytes(self.live as u64);
        Sixteenths::new(rounded.get() - self.live_excess as u64)
    }

    /// Sets what is referred to of it; `None` if that is more than a segment has.
    pub(crate) fn set_weight(&mut self, weight: Sixteenths) -> Option<()> {
        let excess = Sixteenths::of_bytes(weight.bytes()).checked_sub(weight)?;
        self.live = u32::try_from(weight.bytes()).ok()?;
        self.live_excess = u8::try_from(excess.get()).ok()?;
        Some(())
    }
}

/// A change of live bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveChange {
    /// More is referred to.
    Add(Sixteenths),
    /// Less is.
    Subtract(Sixteenths),
}

/// Bytes that are stored as they are.
pub(super) fn all_of(bytes: u32) -> Sixteenths {
    Sixteenths::of_bytes(bytes.into())
}
