//! A deterministic device in memory, for tests of crashes and faults.
//!
//! * What was written (`live`) is kept apart from what a power cut leaves (`durable`): between them
//!   lies, for each area, the list of changes since its last sync. A crash is a choice of which
//!   sectors of which changes survive ([`SimDevice::crash_image`]).
//! * Every choice comes from a seed: the same calls and the same seeds give the same bytes.
//! * It promises no more than [`Device`] does: a sync covers its own area only, a failed sync
//!   leaves anything, a discarded slot may come back after a crash.

mod area;
mod chunks;
mod device;
mod fault;
mod image;
mod options;
mod power;
mod state;
mod survival;

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

pub use self::fault::Fault;
pub use self::image::SimImage;
pub use self::options::{SimLayout, SimOptions, SimStats};
pub use self::power::SimPower;
use self::state::State;
use crate::{DeviceError, Place};

/// The simulated device; see the module. Share it as `Arc<SimDevice>`: one clone for the engine,
/// one for the test.
pub struct SimDevice {
    name: Arc<str>,
    options: SimOptions,
    /// Held over each call: calls from several threads take effect one after the other.
    state: Mutex<State>,
}

impl SimDevice {
    /// A device on which nothing was ever stored.
    #[must_use]
    pub fn new(options: SimOptions) -> Self {
        Self::from_image(SimImage::default(), options)
    }

    /// A device that comes up with what an earlier one left: the reboot after a crash.
    #[must_use]
    pub fn from_image(image: SimImage, options: SimOptions) -> Self {
        Self::on_power(image, options, Arc::default())
    }

    /// The same on a power supply that other devices share.
    #[must_use]
    pub fn on_power(image: SimImage, options: SimOptions, power: Arc<SimPower>) -> Self {
        let name = format!("sim-{}", options.seed).into();
        Self {
            name,
            options,
            state: Mutex::new(State::new(image, options.seed, power)),
        }
    }

    /// What a power cut leaves: everything synced, and of the rest what `seed` chooses. One of:
    /// nothing; everything; the first writes in order; or for each write none, all or some of its
    /// sectors.
    #[must_use]
    pub fn crash_image(&self, seed: u64) -> SimImage {
        self.state.lock().image.after_power_cut(seed)
    }

    /// What the death of the process leaves: everything written. What was not synced stays
    /// unsynced: a later [`Self::crash_image`] of a device made from this may lose it.
    #[must_use]
    pub fn process_kill_image(&self) -> SimImage {
        self.state.lock().image.clone()
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.state.lock().faults.arm(fault);
    }

    /// Disarms all faults that have not happened.
    pub fn clear_faults(&self) {
        self.state.lock().faults.clear();
    }

    /// Faults that were armed and have not happened; those that strike again and again count.
    #[must_use]
    pub fn armed_faults(&self) -> usize {
        self.state.lock().faults.armed()
    }

    /// Bit rot: inverts bit `bit` (0 to 7) of a byte, durably.
    ///
    /// # Panics
    /// If nothing is stored there (the test is wrong).
    pub fn flip_bit(&self, at: Place, bit: u8) {
        self.state.lock().image.flip_bit(at, bit);
    }

    /// Device calls so far: reads, writes, syncs, prepares and discards. Hints are not counted.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state.lock().stats.operations()
    }

    /// Device calls so far that change something: writes, syncs, prepares and discards.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.state.lock().stats.changes()
    }

    /// All counters.
    #[must_use]
    pub fn stats(&self) -> SimStats {
        self.state.lock().stats
    }

    /// Whether the simulated power was lost: every call fails from then on.
    #[must_use]
    pub fn power_lost(&self) -> bool {
        let state = self.state.lock();
        state.power_lost || state.power.is_lost()
    }

    fn failed(&self, action: &'static str, place: Place, source: io::Error) -> DeviceError {
        let (device, source) = (Arc::clone(&self.name), Arc::new(source));
        DeviceError::Io {
            action,
            device,
            place,
            source,
        }
    }
}

#[cfg(test)]
mod tests;
