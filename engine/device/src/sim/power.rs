//! One power supply for several simulated devices.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Power that fails for all devices on it at once, at a change of any of them.
#[derive(Debug, Default)]
pub struct SimPower {
    changes: AtomicU64,
    fails_at: Option<u64>,
    lost: AtomicBool,
}

impl SimPower {
    /// Power that fails at the change after this many, counted over all devices; `None`: never.
    #[must_use]
    pub fn failing_at(change: Option<u64>) -> Self {
        Self {
            fails_at: change,
            ..Self::default()
        }
    }

    /// Changes of all devices so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// Whether it has failed.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Counts changes; whether the power fails at one of them.
    pub(super) fn count(&self, changes: u64) -> bool {
        if changes == 0 {
            return false;
        }
        let before = self.changes.fetch_add(changes, Ordering::SeqCst);
        let fails = self.fails_at == Some(before);
        if fails {
            self.lost.store(true, Ordering::SeqCst);
        }
        fails
    }
}
