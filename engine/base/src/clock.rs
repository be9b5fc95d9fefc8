//! The only place where the engine learns what time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of time. Simulated runs use [`ManualClock`], so that one seed is one run.
pub trait Clock: Send + Sync {
    /// Time since an arbitrary start; never goes back.
    fn monotonic(&self) -> Duration;
    /// Nanoseconds since 1970, as the host believes.
    fn unix_nanos(&self) -> u64;
}

/// The host's clocks.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the Clock that others are told to use"
        )]
        let now = std::time::Instant::now();
        now.saturating_duration_since(*START.get_or_init(|| now))
    }

    fn unix_nanos(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the Clock that others are told to use"
        )]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Processor time that the calling thread has used: what waiting and other threads take is not in
/// it. For measuring what work costs, never for what happens.
#[must_use]
pub fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// Moves time forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    fn unix_nanos(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }
}
