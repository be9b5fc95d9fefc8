//! Every bound of the mounts in one place.

use std::time::Duration;

/// Longest payload of a write request: what the kernel sends in one piece, and what the engine
/// commits whole.
pub const WRITE_BYTES_MAX: u32 = 1 << 20;
/// Longest name: the kernel's protocol allows more.
pub const NAME_BYTES_MAX: usize = 255;
/// Bytes that the kernel reads ahead of a sequential reader.
pub const READ_AHEAD_BYTES: u32 = 4 << 20;
/// Requests that the kernel has in flight on nobody's behalf: reading ahead, writing back.
pub const BACKGROUND_MAX: u16 = 128;
/// From so many on the kernel takes the mount for congested.
pub const CONGESTED_FROM: u16 = 96;
/// How long the kernel may use what it was given: it is told of every change, so a year.
pub const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
/// Names of one directory that lead nowhere and are remembered one by one; beyond, every name of
/// that directory counts as known to the kernel.
pub const ABSENT_NAMES_MAX: usize = 4096;
/// Changes remembered while requests are in flight, before those that concern none are dropped.
pub const RECENT_MAX: usize = 1024;
/// Entries that one step of reading a directory looks up.
pub const ENTRIES_AT_ONCE: usize = 128;
/// Bytes that one request copies from file to file; callers ask for the rest.
pub const COPY_BYTES_MAX: u64 = 16 << 20;
/// Rings of one processor's queue: as many of its requests are carried out at once.
pub const RINGS_OF_QUEUE_MAX: usize = 4;
/// Rings of a mount. Each has memory for a payload of [`WRITE_BYTES_MAX`], which the system gives
/// when it is used.
pub const RINGS_MAX: usize = 256;
/// How long the end of a session is waited for after its last mount is gone.
pub const END_GRACE: Duration = Duration::from_secs(5);

/// The bounds that an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Threads that serve one mounted bucket: as many of its requests are carried out at once.
    pub threads: usize,
    /// Threads that tell one kernel of changes made elsewhere.
    pub notifiers: usize,
}

impl Default for Limits {
    /// Two threads for each processor, because some wait for the device, but at least 4 and at most
    /// 16; 2 that notify: each waits for one lock of the kernel at a time.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            threads: (2 * processors).clamp(4, 16),
            notifiers: 2,
        }
    }
}
