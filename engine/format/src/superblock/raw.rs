//! The superblock as bytes, and every rule for them.

use std::mem::offset_of;

use engine_base::limits::{SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENTS_MIN};
use engine_base::{
    Checksum, DatasetId, DeviceId, EpochId, Location, Lsn, PoolId, SegmentId, Slot, to_u32,
    to_usize,
};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{
    CHECKED_FROM, JournalStart, KNOWN_FEATURES, MAGIC, NAME, SUPERBLOCK_BYTES, Superblock,
};
use crate::group::successor_from_disk;
use crate::page_pointer::RawPagePointer;
use crate::{CheckpointId, FormatError, check};

const SEGMENT_HEAD: u32 = 4096;

/// The superblock exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct RawSuperblock {
    pub(super) magic: [u8; 8],
    pub(super) crc32c: U32,
    pub(super) version: U32,
    pub(super) features_compatible: U64,
    pub(super) features_read_only: U64,
    pub(super) features_incompatible: U64,
    pub(super) pool_id: [u8; 16],
    pub(super) device_id: [u8; 16],
    pub(super) copy: U32,
    pub(super) reserved: [u8; 4],
    pub(super) checkpoint: U64,
    pub(super) lsn: U64,
    pub(super) epoch: [u8; 16],
    pub(super) parent_epoch: [u8; 16],
    pub(super) segment_bytes: U64,
    pub(super) slots: U32,
    pub(super) journal_slot: U32,
    pub(super) journal_segment: U64,
    pub(super) journal_offset: U32,
    pub(super) journal_chain: U32,
    pub(super) next_segment: U64,
    pub(super) next_dataset: U64,
    pub(super) created_unix_nanos: U64,
    pub(super) pool_root: RawPagePointer,
    pub(super) roots_root: RawPagePointer,
    pub(super) segment_table: RawPagePointer,
    pub(super) journal_next_segment: U64,
    pub(super) journal_next_slot: U32,
    pub(super) segment_table_slot: U32,
    pub(super) reserved_tail: [u8; 3752],
}

const _: () = assert!(size_of::<RawSuperblock>() == SUPERBLOCK_BYTES);
const _: () = assert!(offset_of!(RawSuperblock, version) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawSuperblock, copy) == 72);
const _: () = assert!(offset_of!(RawSuperblock, segment_bytes) == 128);
const _: () = assert!(offset_of!(RawSuperblock, journal_segment) == 144);
const _: () = assert!(offset_of!(RawSuperblock, pool_root) == 184);
const _: () = assert!(offset_of!(RawSuperblock, journal_next_segment) == 328);
const _: () = assert!(offset_of!(RawSuperblock, segment_table_slot) == 340);

impl RawSuperblock {
    pub(super) fn computed(&self) -> u32 {
        let (_, checked) = self.as_bytes().split_at(CHECKED_FROM);
        crc32c::crc32c(checked)
    }

    /// Checks everything, in the order in which the fields may be believed.
    pub(super) fn verify(&self, copy: u8) -> Result<Superblock, FormatError> {
        check::magic(&self.magic, &MAGIC, NAME)?;
        check::checksum(self.crc32c.get(), self.computed(), NAME)?;
        check::version(self.version.get(), NAME)?;
        let incompatible = self.features_incompatible.get();
        let unknown = incompatible & !KNOWN_FEATURES;
        if unknown != 0 {
            return Err(FormatError::UnsupportedFeatures {
                incompatible: unknown,
            });
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
            features_incompatible: incompatible,
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
        Ok(to_u32(to_usize(bytes)))
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
