//! Whose turn it is to send: a reply is never cut by another one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A lock that may be kept over calls, by whoever has sent a part of a reply.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    taken: AtomicBool,
    /// Threads in [`Turn::take`], and wakers. Raised before `taken` is tried once more; read after
    /// `taken` was lowered.
    waiting: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
    given: Condvar,
}

impl Turn {
    /// Takes the turn, unless somebody has it.
    pub(crate) fn try_take(&self) -> bool {
        let was = self
            .taken
            .compare_exchange(false, true, Ordering::SeqCst, Ordering::SeqCst);
        was.is_ok()
    }

    /// Takes the turn, unless somebody has it: then `waker` is woken when it is given.
    pub(crate) fn take_or_wake(&self, waker: &Waker) -> bool {
        if self.try_take() {
            return true;
        }
        let mut wakers = self.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            wakers.push(waker.clone());
        }
        self.try_take()
    }

    /// Waits for the turn and takes it.
    pub(crate) fn take(&self) {
        if self.try_take() {
            return;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut wakers = self.lock();
        while !self.try_take() {
            let given = self.given.wait(wakers);
            wakers = given.unwrap_or_else(PoisonError::into_inner);
        }
        drop(wakers);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// Gives the turn to whoever comes first.
    pub(crate) fn give(&self) {
        self.taken.store(false, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        // The lock orders this after a waiter's last try.
        let mut wakers = self.lock();
        let woken = std::mem::take(&mut *wakers);
        self.waiting.fetch_sub(woken.len(), Ordering::SeqCst);
        drop(wakers);
        self.given.notify_one();
        woken.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
