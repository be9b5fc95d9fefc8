//! What is asked of the background.

use std::time::Duration;

use crate::Pool;

impl Pool {
    /// Asks for a checkpoint; the number of finished ones to wait for.
    pub(crate) fn request_checkpoint(&self) -> u64 {
        // Counted before it is asked for: one that ends between the two must not be missed, since
        // nobody may ask for another.
        let wanted = self.done.count() + 1;
        self.wishes.lock().checkpoint = true;
        self.wished.notify_all();
        wanted
    }

    pub(crate) fn request_cleanup(&self) {
        self.wishes.lock().cleanup = true;
        self.wished.notify_all();
    }

    /// Asks for a round of cleaning; the number of finished ones to wait for.
    pub(crate) fn request_cleaning(&self) -> u64 {
        let wanted = self.cleaned.count() + 1;
        self.wishes.lock().cleaning = true;
        self.wished.notify_all();
        wanted
    }

    /// Waits until a round of cleaning is asked for, at most so long: whether it was. `None`: the
    /// pool is being closed.
    pub(crate) fn await_cleaning(&self, at_most: Duration) -> Option<bool> {
        let mut wishes = self.wishes.lock();
        if !(wishes.cleaning || wishes.stop) {
            self.wished.wait_for(&mut wishes, at_most);
        }
        (!wishes.stop).then(|| std::mem::take(&mut wishes.cleaning))
    }

    /// Does nothing for a while, unless the pool is being closed.
    pub(crate) fn pause(&self, time: Duration) {
        let mut wishes = self.wishes.lock();
        if !wishes.stop {
            self.wished.wait_for(&mut wishes, time);
        }
    }

    /// Whether [`Pool::close`] was called: long work in the background ends early, and is resumed
    /// at the next opening.
    pub(crate) fn is_stopping(&self) -> bool {
        self.wishes.lock().stop
    }
}
