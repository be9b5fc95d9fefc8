//! A group: what its members share, and what the journal writes.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use engine_base::Lsn;
use parking_lot::Mutex;

use crate::LogError;

/// Shared by the members of a group: how it ended, and whom to wake.
#[derive(Debug, Default)]
pub(super) struct GroupOutcome {
    /// LSN once applied; 0 before (no group has LSN 0).
    applied: AtomicU64,
    failed: OnceLock<LogError>,
    wakers: Mutex<Vec<Waker>>,
}

impl GroupOutcome {
    /// How the group ended, `None` while it has not.
    pub(super) fn get(&self) -> Option<Result<Lsn, LogError>> {
        match self.applied.load(Ordering::Acquire) {
            0 => self.failed.get().map(|error| Err(error.clone())),
            lsn => Some(Ok(Lsn::new(lsn))),
        }
    }

    /// Asks to be woken; the caller looks at [`GroupOutcome::get`] again afterwards, else a wake-up
    /// is lost.
    pub(super) fn wake_later(&self, waker: &Waker) {
        let mut wakers = self.wakers.lock();
        if !wakers.last().is_some_and(|last| last.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    pub(super) fn complete(&self, lsn: Lsn) {
        self.applied.store(lsn.get(), Ordering::Release);
        self.wake_all();
    }

    pub(super) fn fail(&self, error: &LogError) {
        // A group fails once; a second cause adds nothing.
        let _ = self.failed.set(error.clone());
        self.wake_all();
    }

    /// Wakes the members without an outcome, so that one of them leads.
    pub(super) fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}
