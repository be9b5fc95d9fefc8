//! One pass.

use engine_base::{ByteCount, DatasetId};
use engine_device::{Place, ReadFrom};
use engine_format::LostRange;
use engine_log::LogError;

use super::data::Batch;
use super::lost::Added;
use super::pace::Pace;
use super::verified::Verified;
use super::{ScrubProgress, Scrubber};
use crate::core::Core;
use crate::{Pool, StoreError};

/// How often a pass says on the device how far it is. A pass that was interrupted does so much
/// again; each time costs a commit.
const SAVE_EVERY_NANOS: u64 = 60_000_000_000;

/// A pass on its way.
pub(super) struct Pass<'a> {
    pub(super) pool: &'a Pool,
    pub(super) batch: Batch,
    pub(super) verified: Verified,
    pace: Pace,
    progress: &'a mut dyn FnMut(ScrubProgress),
    saved_at: u64,
    /// Copies that were repaired by what the next checkpoint writes.
    pub(super) owed: u64,
    /// It holds the checkpointer, so it does not pause.
    pub(super) hurries: bool,
}

/// Why a pass did not come to its end.
pub(super) enum Ended {
    /// The pool is closed, or another pass is to begin.
    Stopped,
    Failed(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Log(LogError::Closed) => Self::Stopped,
            error => Self::Failed(error),
        }
    }
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        pool: &'a Pool,
        rate: Option<u64>,
        progress: &'a mut dyn FnMut(ScrubProgress),
    ) -> Self {
        Self {
            pool,
            batch: Batch::default(),
            verified: Verified::default(),
            pace: Pace::new(rate),
            progress,
            saved_at: pool.unix_nanos(),
            owed: 0,
            hurries: false,
        }
    }

    pub(super) fn core(&self) -> &'a Core {
        &self.pool.core
    }

    pub(super) fn scrubber(&self) -> &'a Scrubber {
        &self.pool.scrubber
    }

    /// Goes on where the record says, to the end.
    pub(super) fn run(&mut self) -> Result<(), Ended> {
        // Before a checkpoint writes over one of them: it may be the only good one.
        for copy in 0..2 {
            self.superblock(copy)?;
        }
        if self.cursor().is_none() {
            self.checkpoint()?;
        }
        self.expect();
        self.structures()?;
        let (mut tree, mut key) = self.cursor().unwrap_or((DatasetId::POOL, Vec::new()));
        loop {
            match self.tree_step(tree, &key)? {
                Some(next) => key = next,
                None => {
                    self.settle_owed()?;
                    let Some(next) = self.tree_after(tree) else {
                        break;
                    };
                    (tree, key) = (next, Vec::new());
                }
            }
            self.set_cursor(tree, &key);
            self.save_at_times()?;
        }
        self.pool.end_pass();
        self.pool.save_scrub()?;
        Ok(())
    }

    /// The pool's tree, that of the roots, then those of the datasets.
    fn tree_after(&self, tree: DatasetId) -> Option<DatasetId> {
        match tree {
            DatasetId::POOL => Some(DatasetId::ROOTS),
            tree => self.core().catalog.next_above(tree),
        }
    }

    /// So that all that is live lies in the trees of a checkpoint. On a full pool those of the
    /// newest one have to do.
    fn checkpoint(&self) -> Result<(), Ended> {
        match self.pool.checkpoint() {
            Ok(_) | Err(StoreError::Log(LogError::NoSpace | LogError::HostNoSpace(_))) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What was repaired by being made dirty is repaired when a checkpoint has written it.
    fn settle_owed(&mut self) -> Result<(), Ended> {
        if self.owed > 0 {
            self.pool.checkpoint()?;
            self.repaired(self.owed);
            self.owed = 0;
        }
        Ok(())
    }

    fn expect(&self) {
        let usage = self.core().space.lock().usage();
        let mut state = self.scrubber().state.lock();
        state.total = usage.live_data + usage.live_index;
    }

    fn cursor(&self) -> Option<(DatasetId, Vec<u8>)> {
        let state = self.scrubber().state.lock();
        let record = &state.record;
        (record.dataset > 0).then(|| (DatasetId::new(record.dataset), record.key.clone()))
    }

    fn set_cursor(&self, tree: DatasetId, key: &[u8]) {
        let mut state = self.scrubber().state.lock();
        state.record.dataset = tree.get();
        state.record.key = key.to_vec();
    }

    fn save_at_times(&mut self) -> Result<(), Ended> {
        let now = self.pool.unix_nanos();
        if now.saturating_sub(self.saved_at) >= SAVE_EVERY_NANOS {
            self.saved_at = now;
            self.pool.save_scrub()?;
        }
        Ok(())
    }

    /// Reads one copy of a range from storage, at the pace of the pass. `Ok(false)`: that copy
    /// cannot be read.
    pub(super) fn read(&mut self, copy: usize, at: Place, buf: &mut [u8]) -> Result<bool, Ended> {
        let clock = &*self.core().clock;
        let began = clock.monotonic();
        let read = self
            .core()
            .device
            .read_copy(copy, at, ReadFrom::Storage, buf);
        let bytes = buf.len() as u64;
        if !self.hurries {
            self.pace.pause(bytes, began, clock, self.scrubber());
        }
        let progress = {
            let mut state = self.scrubber().state.lock();
            if state.stop || state.wanted {
                return Err(Ended::Stopped);
            }
            state.record.verified += bytes;
            ScrubProgress {
                verified: ByteCount::new(state.record.verified),
                total: ByteCount::new(state.total.max(state.record.verified)),
            }
        };
        // Who is told may want a checkpoint.
        if !self.hurries {
            (self.progress)(progress);
        }
        if let Err(error) = &read {
            tracing::debug!(%error, copy, "a copy cannot be read");
        }
        Ok(read.is_ok())
    }

    /// Writes a copy over with bytes that were verified.
    pub(super) fn repair(&mut self, copy: usize, at: Place, good: &[u8]) -> Result<(), Ended> {
        match self.core().device.repair(copy, at, good) {
            Ok(()) => {
                tracing::warn!(%at, copy, bytes = good.len(), "a bad copy was repaired");
                self.repaired(1);
                Ok(())
            }
            // The write was done; what storage holds now is something else, or cannot be read.
            Err(error) if error.is_of_reading() => {
                tracing::error!(%error, "a bad copy cannot be repaired");
                Ok(())
            }
            Err(error) => {
                // Of several copies the device has given up the one that failed.
                if self.core().device.copies(at.area) == 1 {
                    self.core().poison.set(&error);
                }
                Err(Ended::Failed(error.into()))
            }
        }
    }

    /// So many bad copies were found.
    pub(super) fn found(&self, copies: u64) {
        self.scrubber().state.lock().record.found += copies;
    }

    pub(super) fn repaired(&self, copies: u64) {
        self.scrubber().state.lock().record.repaired += copies;
    }

    /// No copy of a range is good.
    pub(super) fn lose(&self, mut range: LostRange) {
        range.pass = self.scrubber().state.lock().record.pass;
        let added = self.scrubber().lost.lock().add(range);
        if added == Added::LeftOut {
            self.scrubber().state.lock().record.left_out += 1;
        }
        if added == Added::New {
            let (dataset, offset) = (range.dataset, range.offset);
            tracing::error!(%dataset, ?range.content, offset, range.bytes, at = %range.location,
                "no good copy is left: reads of that range fail");
        }
    }
}
