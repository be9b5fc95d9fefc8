//! Waiting for what the background does.

use std::task::Waker;

use parking_lot::Mutex;

/// Counts finished checkpoints, or rounds of cleaning, and wakes who waits for one.
#[derive(Debug, Default)]
pub(crate) struct Done {
    state: Mutex<(u64, Vec<Waker>)>,
}

impl Done {
    pub(crate) fn count(&self) -> u64 {
        self.state.lock().0
    }

    /// Whether `wanted` are done; else `waker` is woken when one more is.
    pub(crate) fn reached(&self, wanted: u64, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.0 >= wanted {
            return true;
        }
        state.1.push(waker.clone());
        false
    }

    pub(crate) fn add_one(&self) {
        let wakers = {
            let mut state = self.state.lock();
            state.0 += 1;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Wakes everyone without one more: the pool was poisoned.
    pub(crate) fn wake_all(&self) {
        let wakers = std::mem::take(&mut self.state.lock().1);
        wakers.into_iter().for_each(Waker::wake);
    }
}
