//! What the trees of a pool take of the memory they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::ByteCount;
use engine_base::limits::PAGE_BYTES;

/// Bytes charged for one page in memory: the page, and what is kept beside it (node, search hints,
/// changes, homes, and what the allocator adds).
pub(crate) const PAGE_CHARGE: u64 = PAGE_BYTES as u64 + 1280;
/// Bytes counted for one page that is to be written.
const DIRTY_CHARGE: u64 = PAGE_BYTES as u64;

/// Counts the pages of all trees that share it. The trees only count; when to evict, to write a
/// checkpoint or to slow writers down is decided by their owner, who reads the numbers here.
///
/// Concurrency: plain counters, read without any lock; a reader sees values that were right a
/// moment ago.
#[derive(Debug)]
pub struct MemoryBudget {
    limit: u64,
    resident: AtomicU64,
    dirty: AtomicU64,
}

impl MemoryBudget {
    /// A budget of `limit` bytes, nothing of it used.
    #[must_use]
    pub fn new(limit: ByteCount) -> Arc<Self> {
        let (resident, dirty) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self {
            limit: limit.get(),
            resident,
            dirty,
        })
    }

    /// What the trees may take together.
    #[must_use]
    pub fn limit(&self) -> ByteCount {
        ByteCount::new(self.limit)
    }

    /// Pages in memory, in bytes, those that only a running capture holds included.
    #[must_use]
    pub fn resident(&self) -> ByteCount {
        ByteCount::new(self.resident.load(Ordering::Relaxed))
    }

    /// Pages in memory that are not on a device yet, in bytes: changed since the last capture, or
    /// captured and not yet written.
    #[must_use]
    pub fn dirty(&self) -> ByteCount {
        ByteCount::new(self.dirty.load(Ordering::Relaxed))
    }

    /// How far the pages in memory are over the limit: evict that much.
    #[must_use]
    pub fn excess(&self) -> ByteCount {
        ByteCount::new(self.resident().get().saturating_sub(self.limit))
    }

    /// Dirty pages have reached a quarter of the limit: a checkpoint is due.
    #[must_use]
    pub fn checkpoint_due(&self) -> bool {
        self.dirty().get() >= self.limit / 4
    }

    /// Dirty pages have reached half of the limit: writers should be slowed down.
    #[must_use]
    pub fn slow_down(&self) -> bool {
        self.dirty().get() >= self.limit / 2
    }

    pub(crate) fn add_dirty(&self) {
        self.dirty.fetch_add(DIRTY_CHARGE, Ordering::Relaxed);
    }

    pub(crate) fn remove_dirty(&self) {
        self.dirty.fetch_sub(DIRTY_CHARGE, Ordering::Relaxed);
    }
}

/// The memory of one page, given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<MemoryBudget>,
}

impl Charge {
    pub(crate) fn new(budget: &Arc<MemoryBudget>) -> Self {
        budget.resident.fetch_add(PAGE_CHARGE, Ordering::Relaxed);
        Self {
            budget: Arc::clone(budget),
        }
    }
}

impl Clone for Charge {
    fn clone(&self) -> Self {
        Self::new(&self.budget)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget
            .resident
            .fetch_sub(PAGE_CHARGE, Ordering::Relaxed);
    }
}
