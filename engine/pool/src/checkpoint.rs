//! Checkpoints: the whole state at exactly one LSN.
//!
//! Order: pages are chosen that are to leave sparse segments; room is made sure of; the state is
//! taken in one turn of apply; the journal is made durable up to it; pages and the segment table
//! are written and synced; the superblock is written over the older copy and synced; space is
//! released.
//!
//! CRASH: before the superblock is durable the older checkpoints are as they were, and what was
//! written lies in segments or behind offsets that nothing names. After it, the newest checkpoint
//! is this one.

mod capture;
mod lines;
mod relocate;
mod sink;
mod trees;

use std::sync::atomic::Ordering;

use engine_base::limits::PAGE_BYTES;
use engine_base::{DeviceId, EpochId, Location, Lsn};
use engine_device::{Area, Place};
use engine_format::{CheckpointId, JournalStart, PagePointer, Superblock, superblock_offset};
use engine_log::{IndexStream, LogError};
use engine_tree::CaptureReport;

use crate::core::Core;
use crate::space::{table_bytes, write_table};
use crate::{Pool, StoreError, block_on};
use capture::State;
pub(crate) use lines::Lines;
pub(crate) use relocate::Compaction;
use trees::write_tree;

/// What checkpoints know from one to the next. Behind a mutex: one checkpoint at a time.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    pub(crate) stream: IndexStream,
    pub(crate) newest: CheckpointId,
    /// The copy of the superblock that holds the newest.
    pub(crate) copy: u8,
    pub(crate) device_id: DeviceId,
    pub(crate) parent_epoch: EpochId,
    pub(crate) created_unix_nanos: u64,
    pub(crate) features_compatible: u64,
    /// Pages of the newest segment table: freed by the next checkpoint.
    pub(crate) table_pages: Vec<(Location, u32)>,
    pub(crate) compaction: Compaction,
    /// The newest has the state of this LSN.
    pub(crate) lsn: Lsn,
}

/// What a checkpoint wrote and what it made superfluous.
#[derive(Debug, Default)]
struct Pages {
    written: Vec<(Location, u32)>,
    freed: Vec<(Location, u32)>,
}

impl Pages {
    fn add(&mut self, core: &Core, report: CaptureReport) -> Option<PagePointer> {
        core.counters
            .pages_written
            .fetch_add(report.pages as u64, Ordering::Relaxed);
        core.counters
            .deltas_written
            .fetch_add(report.deltas as u64, Ordering::Relaxed);
        self.written.extend(report.written);
        self.freed.extend(report.freed);
        report.root
    }
}

impl Pool {
    /// Takes a checkpoint on this thread. Writers go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Log`] with no space: nothing was done, the pool goes on. Any other error has
    /// poisoned the pool.
    pub fn checkpoint(&self) -> Result<CheckpointId, StoreError> {
        let mut checkpointer = self.checkpointer.lock();
        if let Some(error) = self.refused() {
            return Err(error);
        }
        self.relocate(&mut checkpointer);
        if let Err(error) = self.make_room(&mut checkpointer) {
            if !matches!(
                error,
                StoreError::Log(LogError::NoSpace | LogError::HostNoSpace(_))
            ) {
                self.poison_with(&error);
            }
            return Err(error);
        }
        self.seal_empty_packs();
        let state = self.core.take_state(checkpointer.newest.next());
        let number = state.checkpoint;
        if !state.space.redirects.is_empty() {
            self.core.refresh_homes();
        }
        let lsn = state.lsn;
        let result = self.write_checkpoint(&mut checkpointer, state);
        if let Err(error) = &result {
            self.poison_with(error);
        }
        result?;
        checkpointer.lsn = lsn;
        let discard = self.core.space.lock().release(number);
        self.core.give_back(discard)?;
        self.core
            .counters
            .checkpoints
            .fetch_add(1, Ordering::Relaxed);
        drop(checkpointer);
        // Pages that were brought in to be moved are clean now.
        self.core.evict_over_budget(&self.core.catalog.pool);
        self.done.add_one();
        Ok(number)
    }

    /// Prepares segments for everything that is dirty now, so that the host's lack of room is
    /// noticed before any state is taken.
    fn make_room(&self, checkpointer: &mut Checkpointer) -> Result<(), StoreError> {
        let core = &*self.core;
        let bytes = core.checkpoint_bytes();
        checkpointer
            .stream
            .ensure_room(&*core.device, core, bytes)?;
        Ok(())
    }

    fn write_checkpoint(
        &self,
        checkpointer: &mut Checkpointer,
        mut state: State,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        state.prune();
        block_on(self.journal.durable(state.lsn))?;
        let mut pages = Pages::default();
        let roots_root = core.write_datasets(&mut checkpointer.stream, &mut state, &mut pages)?;
        let pool_root = {
            let report = write_tree(core, &mut checkpointer.stream, state.pool)?;
            pages.add(core, report)
        };
        pages.freed.append(&mut checkpointer.table_pages);
        let (segment_table, table_slot) =
            core.write_space(checkpointer, state.checkpoint, state.space.entries, pages)?;
        checkpointer.stream.sync(&*core.device)?;
        let superblock = Superblock {
            features_compatible: checkpointer.features_compatible,
            features_read_only: 0,
            features_incompatible: state.features,
            pool_id: core.pool_id,
            device_id: checkpointer.device_id,
            checkpoint: state.checkpoint,
            lsn: state.lsn,
            epoch: core.epoch,
            parent_epoch: (checkpointer.parent_epoch != EpochId::NONE)
                .then_some(checkpointer.parent_epoch),
            segment_bytes: core.geometry.segment_bytes,
            slots: core.geometry.slots,
            journal: journal_start(state.position),
            next_segment: core.space.lock().next_segment,
            next_dataset: state.next_dataset,
            created_unix_nanos: checkpointer.created_unix_nanos,
            pool_root,
            roots_root,
            segment_table,
            segment_table_slot: table_slot,
        };
        let copy = 1 - checkpointer.copy;
        core.device.write(
            Place::label(superblock_offset(copy)),
            &[&superblock.encode(copy)],
        )?;
        core.device.sync(Area::Label)?;
        core.set_superblock(copy, Some(superblock));
        checkpointer.copy = copy;
        checkpointer.newest = state.checkpoint;
        core.counters
            .newest
            .store(state.checkpoint.get(), Ordering::Relaxed);
        let bytes = checkpointer.stream.appended().get();
        core.counters.index_bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// A checkpoint that failed after its state was taken cannot be repeated: the pool stops
    /// writing.
    pub(crate) fn poison_with(&self, error: &StoreError) {
        match error {
            StoreError::Device(cause)
            | StoreError::Log(
                LogError::Device(cause) | LogError::HostNoSpace(cause) | LogError::Poisoned(cause),
            ) => self.core.poison.set(cause),
            other => {
                let source = std::io::Error::other(other.to_string());
                self.core.poison.set(&engine_device::DeviceError::Unusable {
                    device: self.core.device.name().into(),
                    reason: "a checkpoint failed".to_owned(),
                    source: Some(std::sync::Arc::new(source)),
                });
            }
        }
    }
}

impl Core {
    /// Counts the pages and writes the segment table, which counts its own pages too.
    fn write_space(
        &self,
        checkpointer: &mut Checkpointer,
        checkpoint: CheckpointId,
        journal: Vec<engine_format::SegmentEntry>,
        mut pages: Pages,
    ) -> Result<(Option<PagePointer>, engine_base::Slot), StoreError> {
        let stream = &mut checkpointer.stream;
        let device = &*self.device;
        // Two more than there are now: the segment that the table itself may open, and one of
        // slack.
        let entries = journal.len() + self.space.lock().index_entries().len() + 2;
        let bytes = table_bytes(entries);
        let place = stream.keep_together(device, self, bytes)?;
        let open = stream.open_segment();
        let start = open.map_or(0, |(_, offset)| {
            engine_base::align_up(u64::from(offset), engine_base::limits::BLOCK)
        });
        let table_pages: Vec<(Location, u32)> = (0..bytes / PAGE_BYTES as u64)
            .map(|index| {
                let offset = start + index * PAGE_BYTES as u64;
                let offset = u32::try_from(offset).expect("a segment is at most 1 GiB");
                (
                    Location {
                        segment: place.segment,
                        offset,
                    },
                    engine_base::to_u32(PAGE_BYTES),
                )
            })
            .collect();
        pages.written.extend_from_slice(&table_pages);
        let mut all = journal;
        {
            let mut space = self.space.lock();
            for (sealed, end) in stream.take_sealed() {
                space.wrote(sealed.segment, end, Lsn::ZERO);
                space.seal(sealed.segment);
            }
            let end = u32::try_from(start + bytes).expect("a segment is at most 1 GiB");
            space.wrote(place.segment, end, Lsn::ZERO);
            space.count_pages(checkpoint, &pages.written, &pages.freed);
            all.extend(space.index_entries());
        }
        all.sort_by_key(|entry| entry.segment);
        let first = write_table(checkpoint, &all, bytes, stream, device, self)?;
        checkpointer.table_pages = table_pages;
        Ok((first, place.slot))
    }
}

fn journal_start(position: engine_log::JournalPosition) -> JournalStart {
    JournalStart {
        slot: position.place.slot,
        location: Location {
            segment: position.place.segment,
            offset: position.offset,
        },
        chain: position.chain,
        successor: position.next.map(engine_log::SegmentPlace::successor),
    }
}
