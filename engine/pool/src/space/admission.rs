//! Who may still write when the pool gets full.
//!
//! A reserve of slots is kept for what must always work: checkpoints (two in a row, since space
//! comes back only behind the second), and the journal of deletes and trims. Writes that add data
//! are refused before they touch it.

use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::limits::{BLOCK, PAGE_BYTES};
use engine_device::Geometry;
use engine_format::SEGMENT_ENTRIES_MAX;

use super::victims::NAMES_PER_SLOT;

/// Slots kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserve {
    /// Data is refused when fewer than these are free.
    pub(crate) data_slots: u32,
    /// Deletes and trims wait for checkpoints when fewer than these are free.
    pub(crate) release_slots: u32,
}

impl Reserve {
    /// For a pool cut like this, whose checkpoints write at most `dirty_bytes` of pages.
    pub(crate) fn new(geometry: Geometry, dirty_bytes: u64) -> Self {
        let entries = SEGMENT_ENTRIES_MAX as u64;
        let names = u64::from(geometry.slots) * (1 + NAMES_PER_SLOT);
        let table_pages = names.div_ceil(entries) * 2;
        // A dirty page may need its second copy and a page per level above it: an eighth on top is
        // ample. Another one is for pages that leave sparse segments.
        let pages = dirty_bytes + dirty_bytes / 4 + table_pages * PAGE_BYTES as u64;
        let checkpoint = pages.div_ceil(u64::from(geometry.segment_bytes)) + 1;
        let journal = 3;
        let release = u32::try_from(checkpoint + journal).unwrap_or(u32::MAX);
        Self {
            data_slots: release.saturating_mul(2),
            release_slots: release,
        }
    }
}

/// Counts what was admitted and is not in the journal yet.
#[derive(Debug)]
pub(crate) struct Admission {
    geometry: Geometry,
    reserve: Reserve,
    free_slots: AtomicU64,
    admitted: AtomicU64,
}

/// Bytes admitted for one batch; dropping it ends the claim.
#[derive(Debug)]
pub struct Admitted<'a> {
    admission: &'a Admission,
    bytes: u64,
}

impl Admission {
    pub(crate) fn new(geometry: Geometry, reserve: Reserve) -> Self {
        Self {
            geometry,
            reserve,
            free_slots: AtomicU64::new(0),
            admitted: AtomicU64::new(0),
        }
    }

    pub(crate) const fn reserve(&self) -> Reserve {
        self.reserve
    }

    /// Told after every change of the number of free slots.
    pub(crate) fn set_free_slots(&self, slots: u32) {
        self.free_slots.store(u64::from(slots), Ordering::Release);
    }

    pub(crate) fn free_slots(&self) -> u64 {
        self.free_slots.load(Ordering::Acquire)
    }

    /// Admits a batch with `bytes` of data, or `None` if that would eat into the reserve.
    pub(crate) fn admit(&self, bytes: u64) -> Option<Admitted<'_>> {
        let cost = bytes + BLOCK;
        let before = self.admitted.fetch_add(cost, Ordering::AcqRel);
        let admitted = Admitted {
            admission: self,
            bytes: cost,
        };
        let spare = self
            .free_slots
            .load(Ordering::Acquire)
            .saturating_sub(u64::from(self.reserve.data_slots))
            .saturating_mul(u64::from(self.geometry.segment_bytes));
        (before + cost <= spare).then_some(admitted)
    }

    /// Whether a batch that gives space back may be written without waiting for a checkpoint.
    pub(crate) fn may_release(&self) -> bool {
        self.free_slots.load(Ordering::Acquire) > u64::from(self.reserve.release_slots)
    }

    /// Whether what is kept for deletes and checkpoints has begun to be used up.
    pub(crate) fn uses_reserve(&self) -> bool {
        self.free_slots.load(Ordering::Acquire) < u64::from(self.reserve.data_slots)
    }

    /// Bytes of data that would be admitted now.
    pub(crate) fn available(&self) -> u64 {
        let slots = self.free_slots.load(Ordering::Acquire);
        slots.saturating_sub(u64::from(self.reserve.data_slots))
            * u64::from(self.geometry.segment_bytes)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.admission
            .admitted
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
