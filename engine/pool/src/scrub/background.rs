//! Passes in the background: when they begin, and how they end.

use std::time::Duration;

use engine_log::LogError;

use super::pass::{Ended, Pass};
use crate::{Pool, StoreError};

/// After an opening nothing is read for so long: what comes up beside the server comes up first.
const SETTLE: Duration = Duration::from_secs(60);
/// Passes begin no more often than once a day: what rots in less time is found by its readers, and
/// a small pool would be read over and over.
const INTERVAL_NANOS: u64 = 24 * 3600 * 1_000_000_000;
/// After a pass that failed.
const RETRY: Duration = Duration::from_secs(600);
/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(10);
/// What a pass may read a second where none is made in the background, and one was asked for.
const RATE_ON_REQUEST: u64 = u64::MAX / 2_000_000_000;

/// What the background does next.
enum Next {
    Begin,
    GoOn,
    Stop,
}

impl Pool {
    /// Makes passes until the pool is closed.
    pub(crate) fn run_scrub(&self) {
        let clock = &self.core.clock;
        let mut not_before = clock.monotonic() + SETTLE;
        loop {
            let begins = match self.next_pass(not_before) {
                Next::Stop => return,
                Next::Begin => true,
                Next::GoOn => false,
            };
            let _turn = self.scrubber.turn.lock();
            if begins {
                self.begin_pass();
            }
            let rate = Some(self.scrubber.rate.unwrap_or(RATE_ON_REQUEST));
            match Pass::new(self, rate, &mut |_| ()).run() {
                Ok(()) => {}
                Err(Ended::Stopped) => self.keep_for_later(),
                Err(Ended::Failed(error)) => {
                    tracing::warn!(%error, "a pass of scrubbing failed; it goes on later");
                    self.scrubber.state.lock().failed = Some(error.to_string());
                    self.scrubber.changed.notify_all();
                    not_before = clock.monotonic() + RETRY;
                }
            }
        }
    }

    /// Waits until there is something to do.
    fn next_pass(&self, not_before: Duration) -> Next {
        loop {
            let due = self.pass_is_due();
            let mut state = self.scrubber.state.lock();
            if state.stop {
                return Next::Stop;
            }
            if state.wanted {
                return Next::Begin;
            }
            let is_settled = self.core.clock.monotonic() >= not_before;
            if due && is_settled && self.core.poison.cause().is_none() {
                return match state.record.is_running {
                    true => Next::GoOn,
                    false => Next::Begin,
                };
            }
            self.scrubber.changed.wait_for(&mut state, LOOK);
        }
    }

    fn pass_is_due(&self) -> bool {
        if self.scrubber.rate.is_none() {
            return false;
        }
        let now = self.unix_nanos();
        let state = self.scrubber.state.lock();
        let record = &state.record;
        let is_old = now.saturating_sub(record.began) >= INTERVAL_NANOS;
        record.is_running || state.has_new_copies || is_old
    }

    /// The next opening goes on from here.
    fn keep_for_later(&self) {
        if !self.scrubber.state.lock().stop || !self.has_settings() {
            return;
        }
        match self.save_scrub() {
            Ok(()) | Err(StoreError::Log(LogError::Closed | LogError::Poisoned(_))) => {}
            Err(error) => tracing::warn!(%error, "how far scrubbing was is not kept"),
        }
    }
}
