//! When cleaning happens, and how fast.
//!
//! Debt is what is missing to a number of slots that are free or on their way to be: the reserve,
//! and a thirty-second of the pool. While there is debt, rounds are made; while it is small, they
//! make a pause after each megabyte, so that readers and writers have the device. Nobody is ever
//! stopped by it but those who find the pool full, who wait for what it brings.

use std::sync::atomic::Ordering;
use std::time::Duration;

use engine_log::LogError;

use crate::core::Core;
use crate::{Pool, StoreError};

/// A part of the pool that cleaning keeps free beside the reserve.
const SPARE_PART: u32 = 32;
/// The least of it.
const SPARE_SLOTS_MIN: u32 = 4;
/// A pause while debt is small.
const PAUSE: Duration = Duration::from_millis(4);
/// How often the cleaner looks whether there is anything to do although nobody asked.
const IDLE: Duration = Duration::from_millis(50);
/// How long it waits after an error, which it may meet again.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// Slots that a round brings back at most: they come when all of it was copied.
const GAIN_MAX: u32 = 64;

/// How much cleaning there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Debt {
    /// Slots that are missing.
    pub(crate) slots: u32,
    /// Slots that cleaning keeps free beside the reserve.
    pub(crate) spare: u32,
}

impl Core {
    /// What cleaning would have to bring back now.
    pub(crate) fn cleaning_debt(&self) -> Debt {
        let spare = (self.geometry.slots / SPARE_PART).max(SPARE_SLOTS_MIN);
        let space = self.space.lock();
        let coming = space.gated() + space.reclaimable() + space.staged_gain();
        let there = space.free_slots() + coming;
        let wanted = self.admission.reserve().data_slots + spare;
        Debt {
            slots: wanted.saturating_sub(there),
            spare,
        }
    }

    /// Slots that a round brings back.
    pub(super) fn gain_wanted(&self) -> u32 {
        let debt = self.cleaning_debt();
        debt.slots.max(debt.spare / 2).clamp(1, GAIN_MAX)
    }

    /// Free slots that cleaning leaves to checkpoints and deletes.
    pub(super) fn slots_kept(&self) -> u32 {
        let checkpoint = self
            .checkpoint_bytes()
            .div_ceil(self.geometry.segment_bytes.into());
        self.admission.reserve().release_slots + u32::try_from(checkpoint).unwrap_or(u32::MAX)
    }
}

impl Pool {
    /// Waits for one round of cleaning; without a background it is made here. Whether it moved
    /// something. What keeps it from doing so is said in the log: who waits for room need not fail
    /// for it.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the pool is poisoned or being closed.
    pub(crate) async fn next_cleaning(&self) -> Result<bool, StoreError> {
        if !self.has_background() {
            return match self.clean() {
                Ok(moved) => Ok(moved),
                Err(error) => match self.refused() {
                    Some(poisoned) => Err(poisoned),
                    None => {
                        tracing::warn!(%error, "cleaning moved nothing");
                        Ok(false)
                    }
                },
            };
        }
        let rounds = || self.core.counters.packing_rounds.load(Ordering::Relaxed);
        let before = rounds();
        let wanted = self.request_cleaning();
        self.wait_for(&self.cleaned, wanted).await?;
        Ok(rounds() > before)
    }

    /// On a thread of its own.
    pub(crate) fn run_cleaning(&self) {
        while let Some(wanted) = self.await_cleaning(IDLE) {
            if self.refused().is_some() {
                self.cleaned.wake_all();
                continue;
            }
            let debt = self.core.cleaning_debt();
            if !wanted && debt.slots <= debt.spare / 2 {
                continue;
            }
            match self.clean() {
                Ok(true) => {
                    self.request_checkpoint();
                }
                Ok(false) => {}
                Err(StoreError::Log(LogError::Closed)) => break,
                Err(error) => {
                    tracing::warn!(%error, "cleaning moved nothing");
                    self.pause(AFTER_ERROR);
                }
            }
            if wanted {
                self.cleaned.add_one();
            }
        }
        self.cleaned.wake_all();
    }

    /// Between two pieces of work of a round.
    pub(super) fn pause_cleaning(&self) {
        if !self.has_background() {
            return;
        }
        let debt = self.core.cleaning_debt();
        if debt.slots <= debt.spare {
            self.pause(PAUSE);
        }
    }
}
