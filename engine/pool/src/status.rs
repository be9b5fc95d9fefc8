//! What operators see.

use std::sync::atomic::Ordering;

use engine_base::{ByteCount, Lsn};
use engine_device::MemberStatus;
use engine_format::{CheckpointId, DatasetKind};
use engine_log::JournalStats;

use crate::{DatasetInfo, Pool};

/// The pool at a glance.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// Path of the device.
    pub device: String,
    /// Bytes of all slots.
    pub capacity: ByteCount,
    /// Bytes of slots that are free.
    pub free: ByteCount,
    /// Bytes that writes may still add before they are refused.
    pub available: ByteCount,
    /// Bytes of data that volumes and buckets refer to; each counts what it shares with others.
    pub allocated: ByteCount,
    /// Bytes that are stored for them: fewer where they are compressed.
    pub stored: ByteCount,
    /// Bytes of stored data that datasets refer to.
    pub live_data: ByteCount,
    /// Bytes of tree pages and tables of the newest checkpoint.
    pub live_index: ByteCount,
    /// Bytes in segments that nothing refers to.
    pub dead: ByteCount,
    /// Bytes of a segment.
    pub segment_bytes: ByteCount,
    /// Segments in use, by what they hold: data and commits, index.
    pub segments: (u32, u32),
    /// What cleaning does.
    pub cleaning: CleaningStatus,
    /// Live volumes.
    pub volumes: usize,
    /// Live buckets.
    pub buckets: usize,
    /// Position of the newest readable change.
    pub lsn: Lsn,
    /// Everything up to here is on stable storage.
    pub durable_lsn: Lsn,
    /// The newest checkpoint.
    pub checkpoint: CheckpointId,
    /// Bytes of pages in memory, and the limit.
    pub memory: (ByteCount, ByteCount),
    /// Bytes of pages that the next checkpoint writes.
    pub dirty: ByteCount,
    /// The devices behind it; none where there is only that one.
    pub members: Vec<MemberStatus>,
    /// Why the pool is read-only, if it is.
    pub poisoned: Option<String>,
}

/// Counters since the pool was opened.
#[derive(Debug, Clone, Copy)]
pub struct PoolMetrics {
    /// Of the journal.
    pub journal: JournalStats,
    /// Bytes of pages, deltas and segment tables written.
    pub index_bytes: u64,
    /// Bytes that clients wrote, as far as they are stored as extents.
    pub client_bytes: u64,
    /// Bytes that cleaning moved.
    pub packed_bytes: u64,
    /// Rounds of cleaning that moved something.
    pub packing_rounds: u64,
    /// Whole pages written, second copies not counted.
    pub pages_written: u64,
    /// Deltas written instead of pages.
    pub deltas_written: u64,
    /// Pages and deltas written only to empty the segments they were in.
    pub pages_relocated: u64,
    /// Pages read because they were not in memory.
    pub page_reads: u64,
    /// Most pages that one look at a tree had to read and keep until it was through.
    pub look_pages_max: u64,
    /// Checkpoints taken.
    pub checkpoints: u64,
    /// Blocks that were read with a wrong checksum.
    pub data_read_errors: u64,
    /// Reads that another copy has answered.
    pub data_read_repairs: u64,
}

impl PoolMetrics {
    /// Bytes written to the device for each byte that clients wrote; 0 before the first.
    #[must_use]
    pub fn write_amplification(&self) -> f64 {
        let (heads, data) = (self.journal.head_bytes, self.journal.data_bytes);
        let all = heads + data + self.index_bytes + self.packed_bytes;
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let ratio = all as f64 / self.client_bytes.max(1) as f64;
        if self.client_bytes == 0 { 0.0 } else { ratio }
    }
}

/// What cleaning does, and has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleaningStatus {
    /// Segments in use that hold what it moved.
    pub packs: u32,
    /// Segments whose slots it has given back while something of them is live: their names stay.
    pub packed_names: u32,
    /// Bytes that it has to bring back until as much is free as it keeps free.
    pub debt: ByteCount,
    /// Bytes in memory of what says where moved blocks lie.
    pub redirects: ByteCount,
}

impl Pool {
    /// The pool at a glance.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let core = &*self.core;
        let (usage, redirects) = {
            let space = core.space.lock();
            (space.usage(), space.redirect_bytes() as u64)
        };
        let segment = u64::from(core.geometry.segment_bytes);
        let live = usage.live_data + usage.live_index;
        let all = self.datasets();
        let of_kind = |kind| all.iter().filter(|info| info.record.kind == kind).count();
        let sum = |of: fn(&DatasetInfo) -> ByteCount| {
            ByteCount::new(all.iter().map(|info| of(info).get()).sum())
        };
        PoolStatus {
            device: core.device.name().to_owned(),
            capacity: ByteCount::new(segment * u64::from(core.geometry.slots)),
            free: ByteCount::new(segment * u64::from(usage.free_slots)),
            available: ByteCount::new(core.admission.available()),
            allocated: sum(|info| info.allocated),
            stored: sum(|info| info.stored),
            live_data: ByteCount::new(usage.live_data),
            live_index: ByteCount::new(usage.live_index),
            dead: ByteCount::new(usage.written.saturating_sub(live)),
            segment_bytes: ByteCount::new(segment),
            segments: (usage.journal_segments, usage.index_segments),
            cleaning: CleaningStatus {
                packs: usage.pack_segments,
                packed_names: usage.packed_names,
                debt: ByteCount::new(segment * u64::from(core.cleaning_debt().slots)),
                redirects: ByteCount::new(redirects),
            },
            volumes: of_kind(DatasetKind::Volume),
            buckets: of_kind(DatasetKind::Bucket),
            lsn: self.journal.applied_lsn(),
            durable_lsn: self.journal.durable_lsn(),
            checkpoint: CheckpointId::new(self.newest_checkpoint()),
            memory: (core.budget.resident(), core.budget.limit()),
            dirty: core.budget.dirty(),
            members: core.device.members(),
            poisoned: core.poison.cause().map(ToString::to_string),
        }
    }

    /// Counters since the pool was opened.
    #[must_use]
    pub fn metrics(&self) -> PoolMetrics {
        let counters = &self.core.counters;
        PoolMetrics {
            journal: self.journal.stats(),
            index_bytes: counters.index_bytes.load(Ordering::Relaxed),
            client_bytes: counters.client_bytes.load(Ordering::Relaxed),
            packed_bytes: counters.packed_bytes.load(Ordering::Relaxed),
            packing_rounds: counters.packing_rounds.load(Ordering::Relaxed),
            pages_written: counters.pages_written.load(Ordering::Relaxed),
            deltas_written: counters.deltas_written.load(Ordering::Relaxed),
            pages_relocated: counters.pages_relocated.load(Ordering::Relaxed),
            page_reads: counters.page_reads.load(Ordering::Relaxed),
            look_pages_max: counters.look_pages_max.load(Ordering::Relaxed),
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
            data_read_errors: counters.data_read_errors.load(Ordering::Relaxed),
            data_read_repairs: counters.data_read_repairs.load(Ordering::Relaxed),
        }
    }

    fn newest_checkpoint(&self) -> u64 {
        self.core.counters.newest.load(Ordering::Relaxed)
    }
}
