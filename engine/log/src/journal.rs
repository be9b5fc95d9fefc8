//! The journal: group commit.
//!
//! Invariants
//! * Groups are closed (LSN, place, chain fixed) under the state mutex, one after the other;
//!   written without it, up to [`GROUPS_IN_FLIGHT_MAX`] at once; applied in LSN order by one thread
//!   at a time; members are told after apply.
//! * A group and its buffers belong to the journal: a member that is dropped changes nothing.
//! * The durable LSN moves in order only, after every segment with a group up to it was synced.
//! * A segment is left only after a group in it named the successor, whose header was synced
//!   before.
//! * The first failed write or sync poisons: groups that were not applied are refused, and nothing
//!   is written again.

mod background;
mod close;
mod commit;
mod group;
mod lead;
mod prepare;
mod stats;
mod sync;
mod writeback;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::{EpochId, Location, Lsn, PoolId};
use engine_device::{Device, Geometry};
use parking_lot::{Condvar, Mutex};

use crate::{JournalPosition, LogError, Plug, Poison, SegmentPlace, SegmentSource};

use background::Requests;
use close::State;
pub use commit::{BatchData, Commit};
pub use stats::JournalStats;
pub use sync::Durable;

/// One group, as it is handed to the trees.
#[derive(Debug, Clone, Copy)]
pub struct ApplyGroup<'a> {
    /// Its position in history.
    pub lsn: Lsn,
    /// Its encoded batches.
    pub mutations: &'a [u8],
    /// Where its data lies.
    pub data: Location,
    /// The journal just behind it.
    pub end: JournalPosition,
}

/// Publishes groups. Called in LSN order, by one thread at a time, without any lock of the journal.
pub trait Applier: Send + Sync {
    /// Makes the group's changes readable. Must not wait for a device.
    fn apply(&self, group: &ApplyGroup<'_>);
}

/// What a journal is opened with.
pub struct JournalOptions {
    /// Where it writes.
    pub device: Arc<dyn Device>,
    /// How the device is cut.
    pub geometry: Geometry,
    /// Identity of the pool.
    pub pool: PoolId,
    /// This opening.
    pub epoch: EpochId,
    /// The last LSN of the past; the first group gets the next one.
    pub lsn: Lsn,
    /// Where segments come from.
    pub source: Arc<dyn SegmentSource>,
    /// Who publishes.
    pub applier: Arc<dyn Applier>,
    /// The pool's latch.
    pub poison: Arc<Poison>,
}

/// The journal of one opening of a pool.
pub struct Journal {
    device: Arc<dyn Device>,
    geometry: Geometry,
    pool: PoolId,
    epoch: EpochId,
    source: Arc<dyn SegmentSource>,
    applier: Arc<dyn Applier>,
    poison: Arc<Poison>,
    state: Mutex<State>,
    /// Highest LSN that is applied; all below are too.
    applied: AtomicU64,
    /// Highest LSN known to be on stable storage; all below are too.
    durable: AtomicU64,
    requests: Mutex<Requests>,
    wake_background: Condvar,
    wake_preparing: Condvar,
    stats: stats::Counters,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Starts the journal of a new epoch in a segment of its own.
    ///
    /// # Errors
    /// [`LogError::NoSpace`], [`LogError::HostNoSpace`] or [`LogError::Device`]: the journal is not
    /// there.
    pub fn start(options: JournalOptions) -> Result<Self, LogError> {
        let journal = Self {
            device: options.device,
            geometry: options.geometry,
            pool: options.pool,
            epoch: options.epoch,
            source: options.source,
            applier: options.applier,
            poison: options.poison,
            state: Mutex::new(State::new(
                options.lsn,
                options.epoch,
                options.geometry.segment_bytes,
            )),
            applied: AtomicU64::new(options.lsn.get()),
            durable: AtomicU64::new(options.lsn.get()),
            requests: Mutex::new(Requests::default()),
            wake_background: Condvar::new(),
            wake_preparing: Condvar::new(),
            stats: stats::Counters::default(),
        };
        let first = journal.make_segment(options.lsn.next(), None, false)?;
        journal.state.lock().begin(first);
        Ok(journal)
    }

    /// The journal's position at its start: before any group of this epoch.
    #[must_use]
    pub fn position(&self) -> JournalPosition {
        self.state.lock().position()
    }

    /// The segment being written.
    #[must_use]
    pub fn current_segment(&self) -> SegmentPlace {
        self.state.lock().position().place
    }

    /// The prepared successor, if there is one.
    #[must_use]
    pub fn next_segment(&self) -> Option<SegmentPlace> {
        self.state.lock().next_segment()
    }

    /// Highest LSN whose group is readable.
    #[must_use]
    pub fn applied_lsn(&self) -> Lsn {
        Lsn::new(self.applied.load(Ordering::Acquire))
    }

    /// Highest LSN that is on stable storage.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        Lsn::new(self.durable.load(Ordering::Acquire))
    }

    /// Lets commits of this thread gather until the plug is dropped.
    pub fn plug(&self) -> Plug<'_> {
        Plug::new(self)
    }

    /// Why nothing can be written, if so.
    pub(crate) fn refused(&self) -> Option<LogError> {
        self.poison
            .cause()
            .map(|cause| LogError::Poisoned(cause.clone()))
    }
}

#[cfg(test)]
mod tests;
