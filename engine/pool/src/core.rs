//! What apply, checkpoints and readers share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::{ByteCount, Clock, Entropy, EpochId, PoolId, SegmentId, Slot};
use engine_device::{Device, Geometry};
use engine_format::{MasterKey, SegmentKind, Superblock};
use engine_log::{LogError, Poison, SegmentPlace, SegmentSource};
use engine_tree::{MemoryBudget, Tree};
use parking_lot::{Mutex, RwLock};

use crate::apply::Turn;
use crate::catalog::Catalog;
use crate::checkpoint::Lines;
use crate::keyring::Keyring;
use crate::pages::{PageReader, SlotOf};
use crate::places::Home;
use crate::salvage::LostPages;
use crate::snapshots::Leaving;
use crate::space::{Admission, Generation, Space};
use crate::{KeyLocks, StoreError};

/// The state of an open pool.
pub(crate) struct Core {
    pub(crate) device: Arc<dyn Device>,
    pub(crate) geometry: Geometry,
    pub(crate) pool_id: PoolId,
    pub(crate) epoch: EpochId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) keyring: Keyring,
    pub(crate) catalog: Catalog,
    /// Roots of the datasets. Changed by checkpoints only.
    pub(crate) roots: Mutex<Tree>,
    /// Families as of the newest checkpoint. Changed by checkpoints only.
    pub(crate) lines: Mutex<Lines>,
    pub(crate) turn: Mutex<Turn>,
    /// Held by who gives back what deleted members of families leave behind.
    pub(crate) releasing: KeyLocks<()>,
    /// What is being given back of a bucket's.
    pub(crate) leaving: Leaving,
    pub(crate) space: Mutex<Space>,
    pub(crate) admission: Admission,
    /// Where each segment in use lies: what readers need of `space`, without its mutex. Taken
    /// inside it.
    pub(crate) homes: RwLock<HashMap<SegmentId, Home>>,
    pub(crate) generation: RwLock<Generation>,
    pub(crate) budget: Arc<MemoryBudget>,
    /// Dirty bytes above which writers wait for a checkpoint.
    pub(crate) dirty_limit: u64,
    pub(crate) poison: Arc<Poison>,
    /// Incompatible features that checkpoints name from now on.
    pub(crate) features: AtomicU64,
    pub(crate) counters: Counters,
    /// What each copy of the superblock should hold; `None`: the next checkpoint writes it.
    superblocks: Mutex<[Option<Superblock>; 2]>,
    pub(crate) created_unix_nanos: u64,
    /// Set only where a damaged pool is read.
    pub(crate) lost: Option<LostPages>,
    /// Whether bad copies are rewritten when they are met.
    pub(crate) repairs: bool,
    /// Bytes a second copied to devices that catch up.
    pub(crate) resync_rate: ByteCount,
}

/// What the pool counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) page_reads: AtomicU64,
    pub(crate) look_pages_max: AtomicU64,
    /// `page_reads` when the newest checkpoint took its state.
    pub(crate) page_reads_before: AtomicU64,
    pub(crate) pages_written: AtomicU64,
    pub(crate) deltas_written: AtomicU64,
    pub(crate) pages_relocated: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) index_bytes: AtomicU64,
    /// Bytes of extents that were put since the pool was opened.
    pub(crate) client_bytes: AtomicU64,
    /// Bytes that cleaning moved into packs.
    pub(crate) packed_bytes: AtomicU64,
    /// Rounds of cleaning that moved something.
    pub(crate) packing_rounds: AtomicU64,
    /// Number of the newest durable checkpoint.
    pub(crate) newest: AtomicU64,
    pub(crate) data_read_errors: AtomicU64,
    /// Of them those that another copy has answered.
    pub(crate) data_read_repairs: AtomicU64,
}

impl Counters {
    pub(crate) fn pages_read_since_checkpoint(&self) -> u64 {
        let before = self.page_reads_before.load(Ordering::Relaxed);
        self.page_reads
            .load(Ordering::Relaxed)
            .saturating_sub(before)
    }
}

/// What [`Core::new`] needs.
pub(crate) struct CoreParts {
    pub(crate) device: Arc<dyn Device>,
    pub(crate) geometry: Geometry,
    pub(crate) pool_id: PoolId,
    pub(crate) epoch: EpochId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) master_keys: Vec<MasterKey>,
    pub(crate) catalog: Catalog,
    pub(crate) roots: Tree,
    pub(crate) turn: Turn,
    pub(crate) space: Space,
    pub(crate) admission: Admission,
    pub(crate) budget: Arc<MemoryBudget>,
    pub(crate) dirty_limit: u64,
    pub(crate) features: u64,
    pub(crate) created_unix_nanos: u64,
    pub(crate) lost: Option<LostPages>,
    pub(crate) repairs: bool,
    pub(crate) resync_rate: ByteCount,
}

impl Core {
    pub(crate) fn new(parts: CoreParts) -> Self {
        let homes = parts.space.homes().collect();
        parts.admission.set_free_slots(parts.space.free_slots());
        Self {
            device: parts.device,
            geometry: parts.geometry,
            pool_id: parts.pool_id,
            epoch: parts.epoch,
            clock: parts.clock,
            entropy: parts.entropy,
            keyring: Keyring::new(parts.master_keys),
            catalog: parts.catalog,
            roots: Mutex::new(parts.roots),
            lines: Mutex::default(),
            turn: Mutex::new(parts.turn),
            releasing: KeyLocks::default(),
            leaving: Leaving::default(),
            space: Mutex::new(parts.space),
            admission: parts.admission,
            homes: RwLock::new(homes),
            generation: RwLock::new(Generation::default()),
            budget: parts.budget,
            dirty_limit: parts.dirty_limit,
            poison: Arc::new(Poison::default()),
            features: AtomicU64::new(parts.features),
            counters: Counters::default(),
            superblocks: Mutex::default(),
            created_unix_nanos: parts.created_unix_nanos,
            lost: parts.lost,
            repairs: parts.repairs,
            resync_rate: parts.resync_rate,
        }
    }

    /// What a copy of the superblock should hold, if that is known.
    pub(crate) fn superblock(&self, copy: u8) -> Option<Superblock> {
        self.superblocks.lock().get(usize::from(copy))?.clone()
    }

    /// A copy of the superblock was written and is durable, or was read.
    pub(crate) fn set_superblock(&self, copy: u8, superblock: Option<Superblock>) {
        if let Some(known) = self.superblocks.lock().get_mut(usize::from(copy)) {
            *known = superblock;
        }
    }

    /// That of the newest durable checkpoint.
    pub(crate) fn newest_superblock(&self) -> Option<Superblock> {
        let known = self.superblocks.lock();
        let newest = known.iter().flatten().max_by_key(|known| known.checkpoint);
        newest.cloned()
    }

    /// Reads pages, blocking the thread.
    pub(crate) fn page_reader(&self) -> PageReader<'_> {
        PageReader {
            device: &*self.device,
            slots: self,
            lost: self.lost.as_ref(),
            repair: self.repairs,
        }
    }

    /// Forgets released segments and gives their storage back.
    ///
    /// CRASH: anywhere in here a slot is free in both openable checkpoints, whether or not its
    /// storage was given back.
    pub(crate) fn give_back(&self, discard: Vec<Slot>) -> Result<(), StoreError> {
        self.refresh_homes();
        for slot in discard {
            if let Err(cause) = self.device.discard(slot) {
                self.poison.set(&cause);
                return Err(cause.into());
            }
            self.space.lock().add_free(slot);
        }
        self.admission
            .set_free_slots(self.space.lock().free_slots());
        Ok(())
    }

    /// After the space was changed in place.
    pub(crate) fn refresh_homes(&self) {
        let space = self.space.lock();
        *self.homes.write() = space.homes().collect();
        self.admission.set_free_slots(space.free_slots());
    }

    /// Notes a journal segment that replay found.
    pub(crate) fn adopt_journal(&self, place: SegmentPlace) {
        let mut space = self.space.lock();
        space.adopt_journal(place);
        self.homes
            .write()
            .insert(place.segment, Home::Slot(place.slot));
        self.admission.set_free_slots(space.free_slots());
    }
}

impl SlotOf for Core {
    fn slot_of(&self, segment: SegmentId) -> Option<Slot> {
        self.whole_slot(segment)
    }
}

impl SegmentSource for Core {
    fn allocate(&self, kind: SegmentKind) -> Result<SegmentPlace, LogError> {
        let mut space = self.space.lock();
        let place = space.allocate(kind).ok_or(LogError::NoSpace)?;
        self.homes
            .write()
            .insert(place.segment, Home::Slot(place.slot));
        self.admission.set_free_slots(space.free_slots());
        Ok(place)
    }

    fn release(&self, place: SegmentPlace) {
        let mut space = self.space.lock();
        space.release_unused(place);
        self.homes.write().remove(&place.segment);
        self.admission.set_free_slots(space.free_slots());
    }
}
