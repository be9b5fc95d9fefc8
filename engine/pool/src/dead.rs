//! Dead data leaves the host's page cache.
//!
//! A log writes over nothing. Without this the page cache would keep what was overwritten beside
//! what took its place, until the host finds out; and each write would take memory that was not
//! used for long, which costs a multiple of writing where something lies already, most of all in a
//! virtual machine.

use engine_base::{Location, to_usize};
use parking_lot::Mutex;

use crate::core::Core;

/// Shorter ranges are not worth a call of the host.
const BYTES_MIN: u32 = 64 << 10;
/// Ranges that wait; this is a hint, so more are dropped.
const RANGES_MAX: usize = 16 << 10;

/// What died since the last look.
#[derive(Debug, Default)]
pub(crate) struct DeadData {
    ranges: Mutex<Vec<(Location, u32)>>,
}

impl DeadData {
    /// Nobody who looks something up from now on finds these bytes.
    pub(crate) fn note(&self, at: Location, bytes: u32) {
        if bytes < BYTES_MIN {
            return;
        }
        let mut ranges = self.ranges.lock();
        if ranges.len() < RANGES_MAX {
            ranges.push((at, bytes));
        }
    }
}

impl Core {
    /// Tells the host what will not be read again. Who looked it up before and reads it now reads
    /// it from the device.
    pub(crate) fn forget_dead(&self) {
        let ranges = std::mem::take(&mut *self.dead.ranges.lock());
        for (at, bytes) in ranges {
            // The segment may be free by now.
            for (place, bytes) in self.runs_at(at, to_usize(bytes.into())).unwrap_or_default() {
                self.device.forget(place, bytes as u64);
            }
        }
    }
}
