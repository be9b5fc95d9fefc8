//! Bytes in flight over all connections.
//!
//! * A request is admitted while less than the limit is in flight, however large it is: large
//!   requests are not starved by small ones, and the limit is exceeded by one request at most.
//! * A connection with nothing in flight is always admitted with a small request (see
//!   [`ADMITTED_ALWAYS_BYTES`]), so clients that hold the budget cannot lock others out.
//! * Only a thread with nothing in flight sleeps here: one that has work in flight must go on
//!   polling it, because others may depend on that work. It leaves a waker instead.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::limits::ADMITTED_ALWAYS_BYTES;

/// The budget that all connections share.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    /// Threads in [`Budget::wait`] and wakers. Read after `used` was lowered; raised before `used`
    /// is read.
    waiting: AtomicUsize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    closed: bool,
    /// At most one for each thread.
    wakers: Vec<Waker>,
}

impl Budget {
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            state: Mutex::new(State {
                closed: false,
                wakers: Vec::new(),
            }),
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
            self.wake_all(false);
        }
    }

    /// Blocks until `take` has taken something; `false` if the server stops instead. It is tried
    /// again whenever something was given back.
    pub(crate) fn wait(&self, take: impl Fn() -> bool) -> bool {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut state = self.lock();
        let taken = loop {
            if take() {
                break true;
            }
            if state.closed {
                break false;
            }
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        taken
    }

    /// Wakes `waker` once when something is given back or the server stops. Who calls this tries
    /// once more afterwards: something may have been given back before.
    pub(crate) fn wake_when_given(&self, waker: &Waker) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            waker.wake_by_ref();
        } else if !state.wakers.iter().any(|known| known.will_wake(waker)) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            state.wakers.push(waker.clone());
        }
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        self.wake_all(true);
    }

    /// The lock orders this after a waiter's last look at `used`.
    fn wake_all(&self, close: bool) {
        let mut state = self.lock();
        state.closed |= close;
        let wakers = std::mem::take(&mut state.wakers);
        self.waiting.fetch_sub(wakers.len(), Ordering::SeqCst);
        drop(state);
        self.freed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
