//! The head of a group: what commits the batches of one device write of the journal.
//!
//! A reader first reads one block and takes the sizes from it ([`peek_head`]), then reads the rest
//! of the head and checks it ([`decode_head`]). The head's checksum is seeded with the place, so
//! that a group that lies elsewhere (a misdirected write, a guest's data that looks like a group)
//! is never taken for one. Which LSN, epoch and chain belong at a position is known to the replayer
//! only.

use std::mem::offset_of;
use std::ops::Range;

use engine_base::limits::{
    BLOCK, BLOCK_BYTES, GROUP_DATA_BYTES_MAX, GROUP_MUTATION_BYTES_MAX, SEGMENT_BYTES_MAX,
};
use engine_base::{Checksum, EpochId, Location, Lsn, SegmentId, Slot, to_u32, to_usize};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{FormatError, check};

pub use head::{decode_head, encode_head, head_bytes_for, peek_head};

/// Bytes of a group's header; the mutations follow it.
pub const GROUP_HEADER_BYTES: usize = 80;

const NAME: &str = "group";
const MAGIC: [u8; 4] = *b"TGRP";
const CHECKED_FROM: usize = 8;

/// What a group's header says besides its sizes, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupHeader {
    /// Its position in the order of commits.
    pub lsn: Lsn,
    /// The opening that wrote it.
    pub epoch: EpochId,
    /// Checksum of the group before it, or the start of the epoch's chain.
    pub chain: Checksum,
    /// Bytes of data behind the head: a multiple of 4,096.
    pub data_bytes: u32,
    /// Number of batches. A group without carries only `durable_lsn` or `successor`.
    pub batches: u32,
    /// The segment after this one, once it exists durably.
    pub successor: Option<Successor>,
    /// Every group up to this one was on stable storage when this one was written.
    pub durable_lsn: Lsn,
}

/// Names the segment in which the journal goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Successor {
    /// The segment.
    pub segment: SegmentId,
    /// Where it lies.
    pub slot: Slot,
}

/// Sizes of a group from its first block. They are within the limits, but not covered by a checksum
/// yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadSizes {
    /// Bytes of the head: a multiple of 4,096.
    pub head_bytes: u32,
    /// Bytes of data behind it: a multiple of 4,096.
    pub data_bytes: u32,
    /// Bytes of mutations in the head.
    pub mutation_bytes: u32,
}

impl HeadSizes {
    /// Bytes of the whole group.
    #[must_use]
    pub const fn group_bytes(self) -> u32 {
        self.head_bytes + self.data_bytes
    }
}

/// A head whose checksum, sizes, batches and mutations have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupHead {
    /// Its header.
    pub header: GroupHeader,
    /// Its sizes.
    pub sizes: HeadSizes,
    /// Where in the head the mutations lie: input of [`crate::batches`].
    pub mutations: Range<usize>,
    /// Its checksum: `chain` of the next group.
    pub checksum: Checksum,
}

/// The header exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawGroupHeader {
    magic: [u8; 4],
    crc32c: U32,
    lsn: U64,
    epoch: [u8; 16],
    chain: U32,
    head_bytes: U32,
    data_bytes: U32,
    mutation_bytes: U32,
    batches: U32,
    next_slot: U32,
    next_segment: U64,
    durable_lsn: U64,
    reserved: [u8; 8],
}

const _: () = assert!(size_of::<RawGroupHeader>() == GROUP_HEADER_BYTES);
const _: () = assert!(offset_of!(RawGroupHeader, lsn) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawGroupHeader, head_bytes) == 36);
const _: () = assert!(offset_of!(RawGroupHeader, next_segment) == 56);
const _: () = assert!(GROUP_HEADER_BYTES + GROUP_MUTATION_BYTES_MAX + BLOCK_BYTES < 1 << 30);

impl RawGroupHeader {
    /// The magic and the sizes: all that may be believed before the checksum is known to be right,
    /// because the worst that wrong sizes do is a bounded read.
    fn peek(&self, place: Location) -> Result<HeadSizes, FormatError> {
        check::magic(&self.magic, &MAGIC, NAME)?;
        let mutation_bytes = self.mutation_bytes.get();
        let max = to_u32(GROUP_MUTATION_BYTES_MAX);
        let why = "it is more than a group may carry";
        check::field(
            mutation_bytes <= max,
            NAME,
            "mutation_bytes",
            mutation_bytes,
            why,
        )?;
        let head_bytes = self.head_bytes.get();
        let exact = to_u32(head_bytes_for(to_usize(mutation_bytes.into())));
        let why = "it must be the header and the mutations, padded to whole blocks";
        check::field(head_bytes == exact, NAME, "head_bytes", head_bytes, why)?;
        let data_bytes = self.data_bytes.get();
        let valid = data_bytes <= to_u32(GROUP_DATA_BYTES_MAX)
            && u64::from(data_bytes).is_multiple_of(BLOCK);
        let why = "it must be whole blocks and no more than a group may carry";
        check::field(valid, NAME, "data_bytes", data_bytes, why)?;
        let end = u64::from(place.offset) + u64::from(head_bytes) + u64::from(data_bytes);
        let why = "the group would end behind the largest segment";
        check::field(
            end <= SEGMENT_BYTES_MAX,
            NAME,
            "data_bytes",
            data_bytes,
            why,
        )?;
        Ok(HeadSizes {
            head_bytes,
            data_bytes,
            mutation_bytes,
        })
    }

    /// Everything else.
    fn verify(&self, place: Location) -> Result<GroupHeader, FormatError> {
        check::zero(&self.reserved, NAME, "reserved")?;
        check::drawn(self.epoch, NAME, "epoch")?;
        let (lsn, durable) = (self.lsn.get(), self.durable_lsn.get());
        check::field(lsn > 0, NAME, "lsn", lsn, "the first group has LSN 1")?;
        let why = "a group cannot know that it is durable itself";
        check::field(durable < lsn, NAME, "durable_lsn", durable, why)?;
        let (batches, mutation_bytes) = (self.batches.get(), self.mutation_bytes.get());
        let why = "there are mutations if and only if there are batches";
        let valid = (batches == 0) == (mutation_bytes == 0);
        check::field(valid, NAME, "batches", batches, why)?;
        let data_bytes = self.data_bytes.get();
        let why = "there are no batches that refer to data";
        check::field(
            batches > 0 || data_bytes == 0,
            NAME,
            "data_bytes",
            data_bytes,
            why,
        )?;
        let names = ["next_segment", "next_slot"];
        let (next_segment, next_slot) = (self.next_segment, self.next_slot);
        let successor = successor_from_disk(next_segment, next_slot, place.segment, NAME, names)?;
        Ok(GroupHeader {
            lsn: Lsn::new(lsn),
            epoch: EpochId::new(self.epoch),
            chain: Checksum::new(self.chain.get()),
            data_bytes,
            batches,
            successor,
            durable_lsn: Lsn::new(durable),
        })
    }
}

/// The two fields that name a successor.
pub(crate) fn successor_to_disk(successor: Option<Successor>) -> (U64, U32) {
    match successor {
        Some(next) => (U64::new(next.segment.get()), U32::new(next.slot.get())),
        None => (U64::ZERO, U32::ZERO),
    }
}

/// Reads the two fields that name the successor of `segment`.
pub(crate) fn successor_from_disk(
    next_segment: U64,
    next_slot: U32,
    segment: SegmentId,
    structure: &'static str,
    [segment_name, slot_name]: [&'static str; 2],
) -> Result<Option<Successor>, FormatError> {
    let slot = next_slot.get();
    let Some(next) = SegmentId::new(next_segment.get()) else {
        let why = "there is no successor";
        check::field(slot == 0, structure, slot_name, slot, why)?;
        return Ok(None);
    };
    let why = "journal ids ascend";
    check::field(next > segment, structure, segment_name, next.get(), why)?;
    Ok(Some(Successor {
        segment: next,
        slot: Slot::new(slot),
    }))
}

mod head;
#[cfg(test)]
mod tests;
