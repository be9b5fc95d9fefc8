//! Times of many operations.

use std::time::Duration;

use engine_base::{Clock, SystemClock};

/// Times of operations of one kind.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Runs `operation` and notes how long it took.
    pub(crate) fn time<R>(&mut self, operation: impl FnOnce() -> R) -> R {
        let start = SystemClock.monotonic();
        let result = operation();
        self.add(SystemClock.monotonic() - start);
        result
    }

    /// What `per_mille` of 1,000 stay within.
    pub(crate) fn quantile(&self, per_mille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = sorted.len() * per_mille / 1000;
        let last = sorted.len().saturating_sub(1);
        sorted.get(at.min(last)).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.quantile(500)
    }

    pub(crate) fn p99(&self) -> Duration {
        self.quantile(990)
    }
}

/// The middle one of some numbers.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// One number over another.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "statistics"
)]
pub(crate) const fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
