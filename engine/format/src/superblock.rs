//! The superblock: names one checkpoint, the state of the whole pool at one LSN.
//!
//! The table of its fields is in FORMAT.md. Two copies lie on each device; the newest valid one is
//! opened, and a checkpoint is written over the other one, so that a torn write never costs both.

use engine_base::limits::LABEL_BYTES;
use engine_base::{Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{transmute, transmute_ref};

use crate::group::{Successor, successor_to_disk};
use crate::page_pointer::{PagePointer, RawPagePointer};
use crate::{CheckpointId, FORMAT_VERSION, FormatError};
use raw::RawSuperblock;

/// Bytes of a superblock.
pub const SUPERBLOCK_BYTES: usize = 4096;

const NAME: &str = "superblock";
/// Incompatible feature: the pool holds, or held, a bucket.
pub const FEATURE_BUCKETS: u64 = 1;
/// Incompatible feature: several extents may refer to the same stored bytes.
pub const FEATURE_SHARING: u64 = 2;
/// Incompatible feature: the pool keeps, or kept, settings.
pub const FEATURE_SETTINGS: u64 = 4;
/// Incompatible feature: the pool has, or had, snapshots.
pub const FEATURE_SNAPSHOTS: u64 = 8;
/// Incompatible feature: a bucket has, or had, quotas.
pub const FEATURE_QUOTAS: u64 = 16;
/// Incompatible feature: a bucket has, or had, snapshots.
pub const FEATURE_BUCKET_SNAPSHOTS: u64 = 32;
/// Incompatible feature: what is live of segments may lie in packs.
pub const FEATURE_PACKS: u64 = 64;
/// Incompatible feature: the pool lies on several devices, each with a membership record.
pub const FEATURE_MIRRORS: u64 = 128;
/// Incompatible feature: a dataset is, or was, to be compressed.
pub const FEATURE_COMPRESSION: u64 = 1 << 8;
/// A dataset is or was encrypted.
pub const FEATURE_ENCRYPTION: u64 = 1 << 9;
/// The incompatible features that this build knows.
const KNOWN_FEATURES: u64 = FEATURE_BUCKETS
    | FEATURE_SHARING
    | FEATURE_SETTINGS
    | FEATURE_SNAPSHOTS
    | FEATURE_QUOTAS
    | FEATURE_BUCKET_SNAPSHOTS
    | FEATURE_PACKS
    | FEATURE_MIRRORS
    | FEATURE_COMPRESSION
    | FEATURE_ENCRYPTION;

const MAGIC: [u8; 8] = *b"TREFOIL\x1a";
const CHECKED_FROM: usize = 12;

/// Where copy `copy` (0 or 1) lies, in bytes from the start of the label.
///
/// # Panics
/// If `copy` is neither 0 nor 1 (programmer error).
#[must_use]
pub fn superblock_offset(copy: u8) -> u64 {
    assert!(copy < 2, "there are two copies");
    u64::from(copy) * (LABEL_BYTES / 2)
}

/// What a superblock says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Features that a reader may ignore. Kept as found when a checkpoint is written.
    pub features_compatible: u64,
    /// Features that allow a build that does not know them to read, not to write.
    pub features_read_only: u64,
    /// Features without which a build must not touch the pool: of the known ones.
    pub features_incompatible: u64,
    /// The pool.
    pub pool_id: PoolId,
    /// The device that this superblock lies on.
    pub device_id: DeviceId,
    /// The checkpoint it names.
    pub checkpoint: CheckpointId,
    /// The state is that after this LSN.
    pub lsn: Lsn,
    /// The opening that wrote the checkpoint.
    pub epoch: EpochId,
    /// The opening before it; `None` for the first.
    pub parent_epoch: Option<EpochId>,
    /// Bytes of a segment: a power of two, 2 MiB to 1 GiB.
    pub segment_bytes: u32,
    /// Number of slots of the device.
    pub slots: u32,
    /// Where replay starts.
    pub journal: JournalStart,
    /// The lowest segment id not used before the checkpoint.
    pub next_segment: SegmentId,
    /// The lowest dataset id not used before the checkpoint.
    pub next_dataset: DatasetId,
    /// When the pool was created, in nanoseconds since 1970 UTC.
    pub created_unix_nanos: u64,
    /// Root of the pool's own tree, `None` while it is empty.
    pub pool_root: Option<PagePointer>,
    /// Root of the tree of dataset roots, `None` while it is empty.
    pub roots_root: Option<PagePointer>,
    /// First page of the segment table, `None` while it is empty.
    pub segment_table: Option<PagePointer>,
    /// Slot of the segment in which all pages of the segment table lie; slot 0 where there is none.
    pub segment_table_slot: Slot,
}

/// Where the journal goes on after a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalStart {
    /// Slot of the segment.
    pub slot: Slot,
    /// Where the first group after the checkpoint is expected: a multiple of 4,096 from 4,096 up to
    /// the end of the segment. It may lie in the successor instead.
    pub location: Location,
    /// Checksum of the group before it, or the start of the epoch's chain.
    pub chain: Checksum,
    /// The segment after that one, where it was known at the checkpoint.
    pub successor: Option<Successor>,
}

impl Superblock {
    /// The bytes of copy `copy` (0 or 1).
    ///
    /// # Panics
    /// If a field has a value that [`Superblock::decode`] would refuse (programmer error).
    #[must_use]
    pub fn encode(&self, copy: u8) -> [u8; SUPERBLOCK_BYTES] {
        let journal = &self.journal;
        let (next_segment, next_slot) = successor_to_disk(journal.successor);
        let mut raw = RawSuperblock {
            magic: MAGIC,
            crc32c: U32::ZERO,
            version: U32::new(FORMAT_VERSION),
            features_compatible: U64::new(self.features_compatible),
            features_read_only: U64::new(self.features_read_only),
            features_incompatible: U64::new(self.features_incompatible),
            pool_id: self.pool_id.get(),
            device_id: self.device_id.get(),
            copy: U32::new(u32::from(copy)),
            reserved: [0; 4],
            checkpoint: U64::new(self.checkpoint.get()),
            lsn: U64::new(self.lsn.get()),
            epoch: self.epoch.get(),
            parent_epoch: self.parent_epoch.unwrap_or(EpochId::NONE).get(),
            segment_bytes: U64::new(u64::from(self.segment_bytes)),
            slots: U32::new(self.slots),
            journal_slot: U32::new(journal.slot.get()),
            journal_segment: U64::new(journal.location.segment.get()),
            journal_offset: U32::new(journal.location.offset),
            journal_chain: U32::new(journal.chain.get()),
            next_segment: U64::new(self.next_segment.get()),
            next_dataset: U64::new(self.next_dataset.get()),
            created_unix_nanos: U64::new(self.created_unix_nanos),
            pool_root: RawPagePointer::new(&self.pool_root),
            roots_root: RawPagePointer::new(&self.roots_root),
            segment_table: RawPagePointer::new(&self.segment_table),
            journal_next_segment: next_segment,
            journal_next_slot: next_slot,
            segment_table_slot: U32::new(self.segment_table_slot.get()),
            reserved_tail: [0; 3752],
        };
        raw.crc32c = U32::new(raw.computed());
        if let Err(error) = raw.verify(copy) {
            panic!("refusing to write a superblock that could not be opened: {error}");
        }
        transmute!(raw)
    }

    /// Checks the bytes of copy `copy` (0 or 1).
    ///
    /// # Errors
    /// [`FormatError::BadMagic`] where no superblock was written, [`FormatError::Checksum`] where
    /// one was torn or rotted, [`FormatError::UnsupportedVersion`] and
    /// [`FormatError::UnsupportedFeatures`] for pools of newer builds, [`FormatError::Misplaced`]
    /// for the other copy, [`FormatError::Field`] for the rest.
    pub fn decode(bytes: &[u8; SUPERBLOCK_BYTES], copy: u8) -> Result<Self, FormatError> {
        let raw: &RawSuperblock = transmute_ref!(bytes);
        raw.verify(copy)
    }

    /// Whether the pool uses a feature that this build does not know and that forbids writing.
    /// Version 1 has none.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.features_read_only != 0
    }
}

mod raw;
#[cfg(test)]
mod tests;
