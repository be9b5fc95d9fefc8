//! What the journal does off the write path: syncs for threads that must not block, successors made
//! early, and the group that vouches for the last sync once the journal is idle.

use std::time::Duration;

use engine_base::Lsn;

use super::Journal;
use super::writeback::{Streamed, Writeback};
use crate::LogError;

/// After this long without a commit the journal is idle.
const IDLE: Duration = Duration::from_millis(100);
/// What was written is synced after this many idle periods even if commits go on (1 s in all).
const PERIODS_UNSYNCED_MAX: u32 = 9;
/// Ranges that wait for their write-back to be started.
const WRITEBACKS_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Requests {
    running: bool,
    sync: bool,
    successor: bool,
    /// Hints; more than these are dropped.
    writeback: Vec<Writeback>,
    stop: bool,
}

/// What the background knows from one period to the next.
#[derive(Debug)]
struct Period {
    seen: Lsn,
    unsynced: u32,
}

impl Journal {
    /// Runs the background until [`Journal::stop_background`]; call it on a thread of its own.
    pub fn run_background(&self) {
        self.requests.lock().running = true;
        let mut period = Period {
            seen: self.applied_lsn(),
            unsynced: 0,
        };
        let mut streamed = Streamed::default();
        loop {
            let mut requests = self.requests.lock();
            let idle = if requests.is_something() {
                false
            } else {
                self.wake_background
                    .wait_for(&mut requests, IDLE)
                    .timed_out()
            };
            let sync = std::mem::take(&mut requests.sync);
            let writeback = std::mem::take(&mut requests.writeback);
            if requests.stop {
                requests.running = false;
                return;
            }
            drop(requests);
            for range in writeback {
                self.write_back(range);
                for old in streamed.push(range) {
                    self.forget(old);
                }
            }
            if sync {
                self.sync_now();
            }
            if idle {
                self.period_passed(&mut period);
            }
        }
    }

    /// Prepares successors early until [`Journal::stop_background`]; call it on a thread of its
    /// own, beside [`Journal::run_background`]: writing a segment over takes as long as a hundred
    /// syncs, which must not wait for it.
    pub fn run_preparing(&self) {
        loop {
            {
                let mut requests = self.requests.lock();
                while !(requests.successor || requests.stop) {
                    self.wake_preparing.wait(&mut requests);
                }
                if requests.stop {
                    return;
                }
                requests.successor = false;
            }
            self.prepare_early();
        }
    }

    /// Ends [`Journal::run_background`] and [`Journal::run_preparing`] after what they are at.
    pub fn stop_background(&self) {
        self.requests.lock().stop = true;
        self.wake_background.notify_all();
        self.wake_preparing.notify_all();
    }

    /// Writes what has gathered, syncs it, and lets an empty group vouch for it. Nothing joins
    /// afterwards.
    ///
    /// # Errors
    /// [`LogError::Poisoned`].
    pub fn close(&self) -> Result<(), LogError> {
        self.lead();
        self.state.lock().closed = true;
        self.settle();
        self.refused().map_or(Ok(()), Err)
    }

    /// Syncs, and if batches are not vouched for yet writes an empty group that does, and syncs
    /// that.
    pub fn settle(&self) {
        self.lead();
        if self.applied_lsn() > self.durable_lsn() {
            self.sync_now();
        }
        let vouch = {
            let state = self.state.lock();
            state.carried < state.last_batch_lsn
        };
        if vouch && self.refused().is_none() && self.durable_lsn() >= self.applied_lsn() {
            self.lead_until_idle(true);
            self.sync_now();
        }
    }

    fn period_passed(&self, period: &mut Period) {
        let applied = self.applied_lsn();
        let idle = applied == period.seen;
        period.seen = applied;
        period.unsynced = if applied > self.durable_lsn() {
            period.unsynced + 1
        } else {
            0
        };
        if idle {
            self.settle();
        } else if period.unsynced > PERIODS_UNSYNCED_MAX {
            self.sync_now();
            period.unsynced = 0;
        }
    }

    pub(super) fn has_background(&self) -> bool {
        self.requests.lock().running
    }

    /// `false`: there is no background to do it.
    pub(super) fn request_writeback(&self, range: Writeback) -> bool {
        let mut requests = self.requests.lock();
        if !requests.running {
            return false;
        }
        if requests.writeback.len() < WRITEBACKS_MAX {
            requests.writeback.push(range);
        }
        drop(requests);
        self.wake_background.notify_one();
        true
    }

    pub(super) fn request_sync(&self) {
        self.requests.lock().sync = true;
        self.wake_background.notify_one();
    }

    /// Has done early what writers would wait for later: a sync of much that is unsynced, and the
    /// successor.
    pub(super) fn request_what_is_due(&self) {
        let (sync, successor) = {
            let state = self.state.lock();
            (
                state.sync.is_sync_due(),
                state.wants_successor(self.geometry.segment_bytes),
            )
        };
        if !(sync || successor) {
            return;
        }
        let mut requests = self.requests.lock();
        if requests.running && ((sync && !requests.sync) || (successor && !requests.successor)) {
            requests.sync |= sync;
            requests.successor |= successor;
            drop(requests);
            if sync {
                self.wake_background.notify_one();
            }
            if successor {
                self.wake_preparing.notify_one();
            }
        }
    }
}

impl Requests {
    fn is_something(&self) -> bool {
        self.sync || self.stop || !self.writeback.is_empty()
    }
}
