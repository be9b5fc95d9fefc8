//! Bytes in flight over all connections.
//!
//! * A request is admitted while less than the limit is in flight, however large it is: large
//!   requests are not starved by small ones, and the limit is exceeded by one request at most.
//! * A connection with nothing in flight is always admitted with a small request (see
//!   [`ADMITTED_ALWAYS_BYTES`]), so clients that hold the budget cannot lock others out.
//! * Only a thread with nothing in flight waits here: one that has work in flight must go on
//!   polling it, because others may depend on that work.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use crate::limits::ADMITTED_ALWAYS_BYTES;

/// The budget that all connections share.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    /// Threads in [`Budget::wait`]. Read after `used` was lowered; raised before `used` is read.
    waiting: AtomicUsize,
    closed: Mutex<bool>,
    freed: Condvar,
}

impl Budget {
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            closed: Mutex::new(false),
            freed: Condvar::new(),
        }
    }

    /// Bytes in flight now.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` if the rules above allow it. `own`: what the caller has in flight.
    pub(crate) fn try_take(&self, bytes: u64, own: u64) -> bool {
        if own == 0 && bytes <= ADMITTED_ALWAYS_BYTES {
            self.used.fetch_add(bytes, Ordering::SeqCst);
            return true;
        }
        self.used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
                (used < self.limit).then(|| used + bytes)
            })
            .is_ok()
    }

    /// Gives `bytes` back.
    pub(crate) fn give(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.used.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // The lock orders this after a waiter's last look at `used`.
            drop(self.closed.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// Blocks until `bytes` were taken; `false` if the server stops instead.
    pub(crate) fn wait(&self, bytes: u64) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = loop {
            if self.try_take(bytes, 0) {
                break true;
            }
            if *closed {
                break false;
            }
            closed = self
                .freed
                .wait(closed)
                .unwrap_or_else(PoisonError::into_inner);
        };
        drop(closed);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        taken
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests;
