//! How fast a pass reads.
//!
//! After each read it pauses for at least as long as that took, and for as long as the rate says.
//! So it takes never more than half of what one reader at a time can have, and where others keep
//! the device busy its reads take longer, and its pauses too.

use std::time::Duration;

use engine_base::Clock;

use super::Scrubber;

/// A pause is never longer: rates are for seconds, not for hours.
const PAUSE_MAX: Duration = Duration::from_secs(10);
const SECOND_NANOS: u64 = 1_000_000_000;

pub(super) struct Pace {
    /// Bytes per second; `None`: no pauses at all.
    rate: Option<u64>,
    /// What was read is paid for at this moment.
    paid_at: Duration,
}

impl Pace {
    pub(super) const fn new(rate: Option<u64>) -> Self {
        Self {
            rate,
            paid_at: Duration::ZERO,
        }
    }

    /// After a read of `bytes` that began at a moment of the clock.
    pub(super) fn pause(&mut self, bytes: u64, began: Duration, clock: &dyn Clock, of: &Scrubber) {
        let Some(rate) = self.rate else { return };
        let now = clock.monotonic();
        let costs = Duration::from_nanos(bytes.saturating_mul(SECOND_NANOS) / rate.max(1));
        // What was not used before is not saved up.
        self.paid_at = self.paid_at.max(began) + costs;
        let took = now.saturating_sub(began);
        let pause = self.paid_at.saturating_sub(now).max(took).min(PAUSE_MAX);
        let mut left = pause;
        let mut state = of.state.lock();
        while !(state.stop || state.wanted) {
            if of.changed.wait_for(&mut state, left).timed_out() {
                return;
            }
            // Something else was told.
            left = pause.saturating_sub(clock.monotonic().saturating_sub(now));
        }
    }
}
