//! Keeping pages under the memory budget.

use std::ops::Range;
use std::sync::Arc;

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{ByteCount, DatasetId};
use engine_format::DatasetKind;

use crate::Dataset;
use crate::core::Core;

/// Leaves looked at under one lock of a tree.
const LEAVES_PER_TURN: usize = 64;

impl Core {
    /// Drops clean pages until the budget holds, beginning with `first`. Gives up after every tree
    /// had its turns: what is left is dirty, in use, or pinned, and the next checkpoint makes it
    /// clean.
    pub(crate) fn evict_over_budget(&self, first: &Dataset) {
        if self.budget.excess() == ByteCount::ZERO {
            return;
        }
        let mut idle_turns = 0;
        let mut dataset: Option<Arc<Dataset>> = self.catalog.get(first.id());
        // Two rounds without a page: the first may only have cleared the marks of recent use.
        let turns_max = 2 * (self.catalog.len() + 1) + 2;
        while let Some(current) = dataset.take() {
            if self.budget.excess() == ByteCount::ZERO {
                return;
            }
            let dropped = evict_from(&current);
            idle_turns = if dropped == 0 { idle_turns + 1 } else { 0 };
            if idle_turns > turns_max {
                return;
            }
            dataset = if dropped == 0 {
                self.catalog.after(current.id())
            } else {
                Some(current)
            };
        }
    }
}

fn evict_from(dataset: &Dataset) -> usize {
    let mut cursor = dataset.evict_cursor.lock();
    let keep = |low: &[u8], high: &[u8]| is_locked(dataset, low, high);
    dataset
        .tree
        .write()
        .evict(&mut cursor, LEAVES_PER_TURN, &keep)
}

/// Whether a lock needs the leaf of the keys from `low` up to `high` (empty: no bound): between
/// fetching and applying it stays.
fn is_locked(dataset: &Dataset, low: &[u8], high: &[u8]) -> bool {
    if dataset.pins().touches(low, high) {
        return true;
    }
    if dataset.is(DatasetKind::Bucket) {
        return false;
    }
    let leaf = if dataset.id() == DatasetId::POOL {
        0..u64::MAX
    } else {
        offset_of(low)..if high.is_empty() {
            u64::MAX
        } else {
            offset_of(high)
        }
    };
    let leaf = if leaf.is_empty() {
        leaf.start..leaf.start.saturating_add(1)
    } else {
        leaf
    };
    touches(dataset, &leaf)
}

fn touches(dataset: &Dataset, leaf: &Range<u64>) -> bool {
    dataset.locks().touches(leaf, EXTENT_BYTES_MAX)
}

/// The offset that a fence of a volume's tree stands for. Fences may be cut short; missing bytes
/// count as zero.
fn offset_of(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}
