//! Looking after the devices behind the pool's: whether they are there, and bringing those up to
//! date that missed something. How that is done is theirs.

mod expected;
mod sound;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use engine_base::Slot;
use engine_device::{Area, Attention, ReadOwn, Upkeep};
use parking_lot::{Condvar, Mutex};

use crate::Pool;

/// How often it is looked whether devices are gone or came back.
const LOOK: Duration = Duration::from_secs(1);

/// How the background rests between two bits of upkeep.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    ends: Mutex<bool>,
    ended: Condvar,
}

impl Pace {
    /// Waits that long, less if there is to be no more upkeep; whether that is so.
    fn rest(&self, rest: Duration) -> bool {
        let mut ends = self.ends.lock();
        if !*ends {
            self.ended.wait_for(&mut ends, rest);
        }
        *ends
    }

    /// No more upkeep begins.
    pub(crate) fn end(&self) {
        *self.ends.lock() = true;
        self.ended.notify_all();
    }
}

impl Pool {
    /// A bit of the devices' upkeep. The background does it all the time; without one, whoever
    /// wants it done calls this. `look`: also see which devices are gone or came back.
    pub fn maintain(&self, look: bool) -> Upkeep {
        // Slots are taken before they are written.
        let in_use = |slot: Slot| self.core.space.lock().has_slot(slot);
        let unsound = |slot: Slot, own: ReadOwn<'_>| self.unsound_ranges(slot, own);
        let attention = Attention {
            in_use: &in_use,
            unsound: &unsound,
            look,
        };
        self.core.device.maintain(&attention)
    }

    /// Starts the thread that does it, if there is any upkeep to do.
    pub(crate) fn start_maintenance(self: &Arc<Self>) -> io::Result<Option<JoinHandle<()>>> {
        if self.core.device.copies(Area::Label) == 1 {
            return Ok(None);
        }
        let pool = Arc::clone(self);
        let thread = std::thread::Builder::new().name("trefoil-mirror".to_owned());
        thread.spawn(move || pool.run_maintenance()).map(Some)
    }

    /// On a thread of its own, because copying is paced.
    fn run_maintenance(&self) {
        let mut since_look = LOOK;
        let mut has_copied = false;
        loop {
            let look = since_look >= LOOK;
            if look {
                since_look = Duration::ZERO;
            }
            let rest = match self.maintain(look) {
                Upkeep::Idle => {
                    if std::mem::take(&mut has_copied) {
                        self.scrubber.note_new_copies();
                    }
                    LOOK
                }
                Upkeep::Copied(bytes) => {
                    has_copied = true;
                    let rate = self.core.resync_rate.get().max(1);
                    Duration::from_micros(bytes.saturating_mul(1_000_000) / rate)
                }
            };
            since_look += rest;
            if self.pace.rest(rest) {
                return;
            }
        }
    }
}
