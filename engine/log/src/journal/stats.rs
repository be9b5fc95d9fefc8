//! What the journal counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Journal;
use super::group::ClosedGroup;

#[derive(Debug, Default)]
pub(super) struct Counters {
    groups: AtomicU64,
    head_bytes: AtomicU64,
    data_bytes: AtomicU64,
    syncs: AtomicU64,
}

/// Counters since the pool was opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct JournalStats {
    /// Groups written.
    pub groups: u64,
    /// Bytes of group heads written, mutations and padding included.
    pub head_bytes: u64,
    /// Bytes of data blocks written.
    pub data_bytes: u64,
    /// Syncs done.
    pub syncs: u64,
}

impl Counters {
    pub(super) fn wrote(&self, group: &ClosedGroup) {
        let head = group.head.len() as u64;
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.head_bytes.fetch_add(head, Ordering::Relaxed);
        self.data_bytes
            .fetch_add(group.bytes() - head, Ordering::Relaxed);
    }

    pub(super) fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }
}

impl Journal {
    /// Counters since the pool was opened.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        JournalStats {
            groups: self.stats.groups.load(Ordering::Relaxed),
            head_bytes: self.stats.head_bytes.load(Ordering::Relaxed),
            data_bytes: self.stats.data_bytes.load(Ordering::Relaxed),
            syncs: self.stats.syncs.load(Ordering::Relaxed),
        }
    }
}
