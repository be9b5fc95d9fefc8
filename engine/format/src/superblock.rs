//! The superblock: names one checkpoint, the state of the whole pool at one LSN.
//!
//! The table of its fields is in FORMAT.md. Two copies lie on each device; the newest valid one is
//! opened, and a checkpoint is written over the other one, so that a torn write never costs both.

use std::mem::offset_of;

use engine_base::limits::{LABEL_BYTES, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENTS_MIN};
use engine_base::{
    Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot, to_u32,
};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::group::{Successor, successor_from_disk, successor_to_disk};
use crate::page_pointer::{PagePointer, RawPagePointer};
use crate::{CheckpointId, FORMAT_VERSION, FormatError, check};

/// Bytes of a superblock.
pub const SUPERBLOCK_BYTES: usize = 4096;

const NAME: &str = "superblock";
const MAGIC: [u8; 8] = *b"TREFOIL\x1a";
const CHECKED_FROM: usize = 12;
const SEGMENT_HEAD: u32 = 4096;

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

/// The superblock exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSuperblock {
    magic: [u8; 8],
    crc32c: U32,
    version: U32,
    features_compatible: U64,
    features_read_only: U64,
    features_incompatible: U64,
    pool_id: [u8; 16],
    device_id: [u8; 16],
    copy: U32,
    reserved: [u8; 4],
    checkpoint: U64,
    lsn: U64,
    epoch: [u8; 16],
    parent_epoch: [u8; 16],
    segment_bytes: U64,
    slots: U32,
    journal_slot: U32,
    journal_segment: U64,
    journal_offset: U32,
    journal_chain: U32,
    next_segment: U64,
    next_dataset: U64,
    created_unix_nanos: U64,
    pool_root: RawPagePointer,
    roots_root: RawPagePointer,
    segment_table: RawPagePointer,
    journal_next_segment: U64,
    journal_next_slot: U32,
    segment_table_slot: U32,
    reserved_tail: [u8; 3752],
}

const _: () = assert!(size_of::<RawSuperblock>() == SUPERBLOCK_BYTES);
const _: () = assert!(offset_of!(RawSuperblock, version) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawSuperblock, copy) == 72);
const _: () = assert!(offset_of!(RawSuperblock, segment_bytes) == 128);
const _: () = assert!(offset_of!(RawSuperblock, journal_segment) == 144);
const _: () = assert!(offset_of!(RawSuperblock, pool_root) == 184);
const _: () = assert!(offset_of!(RawSuperblock, journal_next_segment) == 328);
const _: () = assert!(offset_of!(RawSuperblock, segment_table_slot) == 340);

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
            features_incompatible: U64::ZERO,
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
        let raw: &RawSuperblock = zerocopy::transmute_ref!(bytes);
        raw.verify(copy)
    }

    /// Whether the pool uses a feature that this build does not know and that forbids writing.
    /// Version 1 has none.
    #[must_use]
    pub const fn is_read_only(&self) -> bool {
        self.features_read_only != 0
    }
}

impl RawSuperblock {
    fn computed(&self) -> u32 {
        let (_, checked) = self.as_bytes().split_at(CHECKED_FROM);
        crc32c::crc32c(checked)
    }

    /// Checks everything, in the order in which the fields may be believed.
    fn verify(&self, copy: u8) -> Result<Superblock, FormatError> {
        check::magic(&self.magic, &MAGIC, NAME)?;
        check::checksum(self.crc32c.get(), self.computed(), NAME)?;
        check::version(self.version.get(), NAME)?;
        let incompatible = self.features_incompatible.get();
        if incompatible != 0 {
            return Err(FormatError::UnsupportedFeatures { incompatible });
        }
        check::number(self.copy.get().into(), copy.into(), NAME, "copy")?;
        check::zero(&self.reserved, NAME, "reserved")?;
        check::zero(&self.reserved_tail, NAME, "reserved")?;
        check::drawn(self.pool_id, NAME, "pool_id")?;
        check::drawn(self.device_id, NAME, "device_id")?;
        check::drawn(self.epoch, NAME, "epoch")?;
        let segment_bytes = self.verify_segment_bytes()?;
        let slots = self.slots.get();
        check::field(
            slots >= SEGMENTS_MIN,
            NAME,
            "slots",
            slots,
            "a pool has at least 32",
        )?;
        let journal = self.verify_journal(segment_bytes)?;
        let parent_epoch = EpochId::new(self.parent_epoch);
        let next_dataset = DatasetId::new(self.next_dataset.get());
        let valid = next_dataset >= DatasetId::FIRST_USER;
        check::field(
            valid,
            NAME,
            "next_dataset",
            next_dataset.get(),
            "lower ids are reserved",
        )?;
        Ok(Superblock {
            features_compatible: self.features_compatible.get(),
            features_read_only: self.features_read_only.get(),
            pool_id: PoolId::new(self.pool_id),
            device_id: DeviceId::new(self.device_id),
            checkpoint: CheckpointId::new(self.checkpoint.get()),
            lsn: Lsn::new(self.lsn.get()),
            epoch: EpochId::new(self.epoch),
            parent_epoch: (parent_epoch != EpochId::NONE).then_some(parent_epoch),
            segment_bytes,
            slots,
            journal,
            next_segment: self.verify_next_segment(&journal)?,
            next_dataset,
            created_unix_nanos: self.created_unix_nanos.get(),
            pool_root: self.pool_root.verify()?,
            roots_root: self.roots_root.verify()?,
            segment_table: self.segment_table.verify()?,
            segment_table_slot: self.verify_table_slot()?,
        })
    }

    fn verify_segment_bytes(&self) -> Result<u32, FormatError> {
        let bytes = self.segment_bytes.get();
        let valid =
            bytes.is_power_of_two() && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&bytes);
        let why = "it must be a power of two from 2 MiB to 1 GiB";
        check::field(valid, NAME, "segment_bytes", bytes, why)?;
        Ok(to_u32(engine_base::to_usize(bytes)))
    }

    fn verify_journal(&self, segment_bytes: u32) -> Result<JournalStart, FormatError> {
        let slot = self.verify_slot("journal_slot", self.journal_slot)?;
        let segment = check::segment(self.journal_segment.get(), NAME, "journal_segment")?;
        let offset = self.journal_offset.get();
        let valid =
            offset.is_multiple_of(SEGMENT_HEAD) && (SEGMENT_HEAD..=segment_bytes).contains(&offset);
        let why =
            "it must be a multiple of 4,096 behind the segment's header and inside the segment";
        check::field(valid, NAME, "journal_offset", offset, why)?;
        let successor = successor_from_disk(
            self.journal_next_segment,
            self.journal_next_slot,
            segment,
            NAME,
            ["journal_next_segment", "journal_next_slot"],
        )?;
        if successor.is_some() {
            self.verify_slot("journal_next_slot", self.journal_next_slot)?;
        }
        let location = Location { segment, offset };
        let chain = Checksum::new(self.journal_chain.get());
        Ok(JournalStart {
            slot,
            location,
            chain,
            successor,
        })
    }

    fn verify_slot(&self, name: &'static str, slot: U32) -> Result<Slot, FormatError> {
        let valid = slot < self.slots;
        check::field(valid, NAME, name, slot.get(), "the device has fewer slots")?;
        Ok(Slot::new(slot.get()))
    }

    fn verify_table_slot(&self) -> Result<Slot, FormatError> {
        let slot = self.verify_slot("segment_table_slot", self.segment_table_slot)?;
        let valid = slot.get() == 0 || self.segment_table.verify()?.is_some();
        let why = "there is no segment table";
        check::field(valid, NAME, "segment_table_slot", slot.get(), why)?;
        Ok(slot)
    }

    fn verify_next_segment(&self, journal: &JournalStart) -> Result<SegmentId, FormatError> {
        let newest = journal
            .successor
            .map_or(journal.location.segment, |next| next.segment);
        let next_segment = check::segment(self.next_segment.get(), NAME, "next_segment")?;
        let why = "the journal uses that segment or a later one";
        check::field(
            next_segment > newest,
            NAME,
            "next_segment",
            next_segment.get(),
            why,
        )?;
        Ok(next_segment)
    }
}

#[cfg(test)]
mod tests;
