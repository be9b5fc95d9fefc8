//! A journal without a pool: segments in a ring, and nobody who applies.

use std::sync::atomic::{AtomicU32, Ordering};

use engine_base::{SegmentId, Slot};
use engine_format::SegmentKind;
use engine_log::{Applier, ApplyGroup, LogError, SegmentPlace, SegmentSource};

/// Gives out slots in turn, for ever, whether or not somebody needs what is in them.
#[derive(Debug)]
pub struct Ring {
    slots: u32,
    next: AtomicU32,
}

impl Ring {
    /// A ring of `slots`.
    #[must_use]
    pub const fn new(slots: u32) -> Self {
        let next = AtomicU32::new(0);
        Self { slots, next }
    }
}

impl SegmentSource for Ring {
    fn allocate(&self, _kind: SegmentKind) -> Result<SegmentPlace, LogError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let segment = SegmentId::new(1 + u64::from(index)).ok_or(LogError::NoSpace)?;
        let slot = Slot::new(index % self.slots);
        Ok(SegmentPlace { segment, slot })
    }

    fn release(&self, _place: SegmentPlace) {}
}

/// Takes groups and does nothing.
#[derive(Debug)]
pub struct NothingApplied;

impl Applier for NothingApplied {
    fn apply(&self, _group: &ApplyGroup<'_>) {}
}
