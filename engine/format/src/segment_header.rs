//! The segment header: the first 4,096 bytes of every segment, written and synced before anything
//! else in it.

use std::mem::offset_of;

use engine_base::{EpochId, Lsn, PoolId, SegmentId, Slot};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute, transmute_ref};

use crate::{FORMAT_VERSION, FormatError, Identity, check};

/// Bytes of a segment header; what a segment holds starts behind it.
pub const SEGMENT_HEADER_BYTES: usize = 4096;

const NAME: &str = "segment header";
const MAGIC: [u8; 8] = *b"TREFSEG\x1a";
const CHECKED_FROM: usize = 12;

/// What a segment holds. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SegmentKind {
    /// Groups: commits and the data in them.
    Journal = 1,
    /// Tree pages, deltas and segment tables.
    Index = 2,
    /// Blocks of data that cleaning moved.
    Pack = 3,
}

impl SegmentKind {
    /// The number on disk.
    #[must_use]
    pub const fn get(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for SegmentKind {
    type Error = u8;

    /// Gives the number back if it names no kind of version 1.
    fn try_from(value: u8) -> Result<Self, u8> {
        match value {
            1 => Ok(Self::Journal),
            2 => Ok(Self::Index),
            3 => Ok(Self::Pack),
            other => Err(other),
        }
    }
}

/// What a segment header says, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The pool it belongs to.
    pub pool_id: PoolId,
    /// Its id.
    pub segment: SegmentId,
    /// The slot it lies in.
    pub slot: Slot,
    /// What it holds.
    pub kind: SegmentKind,
    /// The opening that wrote it.
    pub epoch: EpochId,
    /// Journal: no group in it has a lower LSN. Otherwise zero.
    pub first_lsn: Lsn,
    /// Journal: the segment before it in this epoch; `None` for the epoch's first. Otherwise
    /// `None`.
    pub previous_segment: Option<SegmentId>,
}

/// The header exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSegmentHeader {
    magic: [u8; 8],
    crc32c: U32,
    version: U32,
    pool_id: [u8; 16],
    segment: U64,
    slot: U32,
    kind: u8,
    reserved: [u8; 3],
    epoch: [u8; 16],
    first_lsn: U64,
    previous_segment: U64,
    reserved_tail: [u8; 4016],
}

const _: () = assert!(size_of::<RawSegmentHeader>() == SEGMENT_HEADER_BYTES);
const _: () = assert!(offset_of!(RawSegmentHeader, version) == CHECKED_FROM);
const _: () = assert!(offset_of!(RawSegmentHeader, segment) == 32);
const _: () = assert!(offset_of!(RawSegmentHeader, epoch) == 48);
const _: () = assert!(offset_of!(RawSegmentHeader, first_lsn) == 64);

impl SegmentHeader {
    /// The bytes.
    ///
    /// # Panics
    /// If a field has a value that [`SegmentHeader::decode`] would refuse (programmer error).
    #[must_use]
    pub fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut raw = RawSegmentHeader {
            magic: MAGIC,
            crc32c: U32::ZERO,
            version: U32::new(FORMAT_VERSION),
            pool_id: self.pool_id.get(),
            segment: U64::new(self.segment.get()),
            slot: U32::new(self.slot.get()),
            kind: self.kind.get(),
            reserved: [0; 3],
            epoch: self.epoch.get(),
            first_lsn: U64::new(self.first_lsn.get()),
            previous_segment: U64::new(self.previous_segment.map_or(0, SegmentId::get)),
            reserved_tail: [0; 4016],
        };
        raw.crc32c = U32::new(raw.computed());
        if let Err(error) = raw.verify() {
            panic!("refusing to write a segment header that could not be read: {error}");
        }
        transmute!(raw)
    }

    /// Checks the first bytes of the segment in `slot` of the pool `pool_id`.
    ///
    /// Leftovers of earlier use of the slot are valid headers, too: whether this is the segment
    /// that was looked for is to be decided by [`SegmentHeader::segment`] and
    /// [`SegmentHeader::epoch`].
    ///
    /// # Errors
    /// [`FormatError::BadMagic`] where none was written, [`FormatError::Checksum`] where it was
    /// torn or rotted, [`FormatError::Misplaced`] for one of another slot or pool,
    /// [`FormatError::UnsupportedVersion`], [`FormatError::Field`].
    pub fn decode(
        bytes: &[u8; SEGMENT_HEADER_BYTES],
        pool_id: PoolId,
        slot: Slot,
    ) -> Result<Self, FormatError> {
        let raw: &RawSegmentHeader = transmute_ref!(bytes);
        let header = raw.verify()?;
        if header.pool_id != pool_id {
            return Err(FormatError::Misplaced {
                structure: NAME,
                name: "pool_id",
                found: Identity::Random(header.pool_id.get()),
                expected: Identity::Random(pool_id.get()),
            });
        }
        check::number(header.slot.get().into(), slot.get().into(), NAME, "slot")?;
        Ok(header)
    }
}

impl RawSegmentHeader {
    fn computed(&self) -> u32 {
        let (_, checked) = self.as_bytes().split_at(CHECKED_FROM);
        crc32c::crc32c(checked)
    }

    fn verify(&self) -> Result<SegmentHeader, FormatError> {
        check::magic(&self.magic, &MAGIC, NAME)?;
        check::checksum(self.crc32c.get(), self.computed(), NAME)?;
        check::version(self.version.get(), NAME)?;
        check::zero(&self.reserved, NAME, "reserved")?;
        check::zero(&self.reserved_tail, NAME, "reserved")?;
        check::drawn(self.pool_id, NAME, "pool_id")?;
        check::drawn(self.epoch, NAME, "epoch")?;
        let segment = check::segment(self.segment.get(), NAME, "segment")?;
        let kind = check::kind(self.kind, NAME)?;
        let (first_lsn, previous) = (self.first_lsn.get(), self.previous_segment.get());
        let journal = kind == SegmentKind::Journal;
        let why = "only journal segments have one";
        check::field(journal || first_lsn == 0, NAME, "first_lsn", first_lsn, why)?;
        check::field(
            journal || previous == 0,
            NAME,
            "previous_segment",
            previous,
            why,
        )?;
        let why = "journal ids ascend";
        check::field(
            previous < segment.get(),
            NAME,
            "previous_segment",
            previous,
            why,
        )?;
        Ok(SegmentHeader {
            pool_id: PoolId::new(self.pool_id),
            segment,
            slot: Slot::new(self.slot.get()),
            kind,
            epoch: EpochId::new(self.epoch),
            first_lsn: Lsn::new(first_lsn),
            previous_segment: SegmentId::new(previous),
        })
    }
}

#[cfg(test)]
mod tests;
