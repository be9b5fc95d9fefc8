//! Opening: choose a checkpoint, load it, replay the journal, begin an epoch.
//!
//! CRASH: until the checkpoint that ends an opening is durable, the next opening finds the same
//! checkpoint and the same journal and comes to the same state: nothing of the old epoch's is
//! changed, and the new epoch's first segment is in no chain yet.

mod durable;
mod later;
mod load;
mod recover;
mod superblocks;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::EpochId;
use engine_device::{Device, Geometry};
use engine_format::Superblock;
use engine_log::{IndexStream, Journal, JournalOptions};

use crate::apply::Work;
use crate::checkpoint::{Checkpointer, Compaction};
use crate::core::Core;
use crate::scrub::Scrubber;
use crate::{Pool, PoolOptions, StoreError};
pub(crate) use later::later_epoch;
pub(crate) use load::{Loaded, is_creation};
pub use superblocks::CopyError;
pub(crate) use superblocks::read_superblocks;

impl Pool {
    /// Opens the pool on `device`, which was not attached to a geometry yet.
    ///
    /// Time: that of replaying the journal since the newest checkpoint. When this returns,
    /// everything that it accepted is durable.
    ///
    /// # Errors
    /// [`StoreError::NoSuperblock`], [`StoreError::Inconsistent`] if the newest superblock is lost
    /// and the other one would lead to an older state, [`StoreError::Damaged`],
    /// [`StoreError::PageDamaged`], or [`StoreError::Log`] with damage in the journal;
    /// [`StoreError::Invalid`] if the pool uses features that forbid writing.
    pub fn open(device: Arc<dyn Device>, options: &PoolOptions) -> Result<Arc<Self>, StoreError> {
        let copies = read_superblocks(&*device);
        let (copy, superblock) = copies.choose(device.name(), options.rewind)?;
        if superblock.is_read_only() {
            return Err(StoreError::Invalid {
                what: format!("writing to the pool on {}", device.name()),
                why: "it uses features that this build does not know; use a newer one".to_owned(),
            });
        }
        let geometry = geometry_of(&superblock);
        device.attach(geometry)?;
        let later = copies.lost_epoch(&*device, &superblock, options)?;
        let epoch = EpochId::new(options.entropy.id_bytes());
        let loaded = Loaded::read(&device, &superblock, epoch, options)?;
        durable::rewrite_superblock(&*device, copy, &superblock)?;
        let recovered = loaded.recover(&superblock, options)?;
        let core = recovered.core;
        copies.keep(&core);
        if let Some(lost) = later {
            core.space.lock().skip_to(lost.segment.next());
        }
        let journal = Journal::start(JournalOptions {
            device: Arc::clone(&device),
            geometry,
            pool: superblock.pool_id,
            epoch,
            lsn: recovered.lsn,
            source: Arc::clone(&core) as Arc<_>,
            applier: Arc::clone(&core) as Arc<_>,
            poison: Arc::clone(&core.poison),
        })?;
        core.turn.lock().end = Some(journal.position());
        let checkpointer = Checkpointer {
            stream: IndexStream::new(superblock.pool_id, epoch, geometry, recovered.resume),
            newest: copies.newest(),
            copy,
            device_id: superblock.device_id,
            parent_epoch: superblock.epoch,
            created_unix_nanos: superblock.created_unix_nanos,
            features_compatible: superblock.features_compatible,
            table_pages: recovered.table_pages,
            compaction: Compaction::default(),
            lsn: superblock.lsn,
        };
        let scrubber = Scrubber::new(options.scrub_bytes_per_second);
        // Replay counted what was counted before.
        core.counters.client_bytes.store(0, Ordering::Relaxed);
        let pool = Self::from_parts(core, journal, checkpointer, scrubber);
        pool.checkpoint()?;
        Ok(Arc::new(pool))
    }
}

pub(crate) fn geometry_of(superblock: &Superblock) -> Geometry {
    Geometry {
        segment_bytes: superblock.segment_bytes,
        slots: superblock.slots,
    }
}

/// Estimated microseconds of replay after which a checkpoint is due: 1 s.
const REPLAY_MICROS_MAX: u64 = 1_000_000;
/// Microseconds that replay takes per group, per mutation and per page read, on a slow machine with
/// a cold cache.
const MICROS_PER_GROUP: u64 = 4;
const MICROS_PER_MUTATION: u64 = 3;
const MICROS_PER_PAGE: u64 = 100;
/// Bytes of dead segments for which alone a checkpoint is taken, less where that is much of a pool:
/// writing over what was used shortly before costs less than new room, because the host's page
/// cache and file system have it at hand.
const RECLAIM_BYTES: u64 = 128 << 20;
/// How many times what a checkpoint has to write it must bring back then.
const RECLAIM_RATIO: u64 = 16;

impl Core {
    /// Whether a checkpoint is due after this much work.
    pub(crate) fn is_due(&self, work: Work) -> bool {
        let micros = work.groups * MICROS_PER_GROUP
            + work.mutations * MICROS_PER_MUTATION
            + work.pages_read * MICROS_PER_PAGE;
        let capacity = u64::from(self.geometry.slots) * u64::from(self.geometry.segment_bytes);
        let journal_max = engine_base::limits::CHECKPOINT_JOURNAL_BYTES.min(capacity / 8);
        work.journal_bytes >= journal_max
            || micros >= REPLAY_MICROS_MAX
            || self.budget.dirty().get() >= self.dirty_limit / 2
            || self.space_is_due(work)
            || self.reclaiming_is_worth_it(capacity)
    }

    /// Much can be had back for little.
    fn reclaiming_is_worth_it(&self, capacity: u64) -> bool {
        let segments = u64::from(self.space.lock().reclaimable());
        let bytes = segments * u64::from(self.geometry.segment_bytes);
        bytes >= RECLAIM_BYTES.min(capacity / 16)
            && bytes >= RECLAIM_RATIO * self.budget.dirty().get()
    }

    /// A pool that is full, or nearly so, with something behind the gate, or moved: checkpoints
    /// bring it back.
    fn space_is_due(&self, work: Work) -> bool {
        let debt = self.cleaning_debt();
        let spare = u64::from(debt.spare / 2) * u64::from(self.geometry.segment_bytes);
        if self.admission.available() > spare || work.groups == 0 {
            return false;
        }
        let space = self.space.lock();
        space.is_coming_back()
    }
}
