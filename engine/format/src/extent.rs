//! The value of an extent in a tree: where a range of an object is stored.

use engine_base::limits::{BLOCK, BLOCK_BYTES, EXTENT_BYTES_MAX, SEGMENT_BYTES_MAX};
use engine_base::{Location, to_u32, to_usize};

use crate::{Checksums, FormatError, SEALED_BLOCKS_MAX, SealRef, check, varint};

pub use buf::ExtentBuf;
pub(crate) use codec::codec;
pub use codec::{Codec, UNIT_BYTES_MAX, Unit};
pub use shared::position_in_unit;

/// Stored blocks of the longest extent: one mebibyte that starts inside a block.
pub const EXTENT_BLOCKS_MAX: usize = to_usize(EXTENT_BYTES_MAX / BLOCK) + 1;

/// Bytes of the longest extent value: tag, varints at their longest, checksums.
pub const EXTENT_VALUE_BYTES_MAX: usize = 1 + 10 + 3 + 3 + 2 + 4 * EXTENT_BLOCKS_MAX;
const _: () = assert!(
    1 + 10 + 3 + 3 + 3 + 3 + 3 + 5 + 10 + (4 + 16) * SEALED_BLOCKS_MAX < EXTENT_VALUE_BYTES_MAX
);

const NAME: &str = "extent";
const CODEC_MASK: u8 = 0x0f;
const HAS_SKIP: u8 = 0x10;
const IN_BYTES: u8 = 0x20;
const SHARED: u8 = 0x40;
const SEALED: u8 = 0x80;

/// An extent: `bytes` logical bytes that start `skip` bytes behind `location`, or behind the start
/// of the unit that lies there. Always valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentRef<'a> {
    location: Location,
    bytes: u32,
    skip: u16,
    codec: Codec,
    is_shared: bool,
    checksums: Checksums<'a>,
    seal: Option<SealRef<'a>>,
}

impl<'a> ExtentRef<'a> {
    /// Checks the parts of an extent against each other and the limits.
    ///
    /// # Errors
    /// [`FormatError::Field`]: `bytes` is 1 to 1 MiB, `skip` lies in the first block, or both in
    /// the unit; `location` is a block behind a segment's header, all blocks lie in the segment,
    /// and each has one checksum.
    pub fn new(
        location: Location,
        bytes: u32,
        skip: u16,
        codec: Codec,
        checksums: Checksums<'a>,
    ) -> Result<Self, FormatError> {
        let blocks = stored_blocks(NAME, bytes, skip, codec)?;
        let offset = u64::from(location.offset);
        let valid = offset.is_multiple_of(BLOCK) && offset >= BLOCK;
        check::field(
            valid,
            NAME,
            "block",
            offset,
            "data lies in blocks behind the header",
        )?;
        let end = offset + u64::from(blocks) * BLOCK;
        let why = "the extent would end behind the largest segment";
        check::field(end <= SEGMENT_BYTES_MAX, NAME, "block", offset, why)?;
        let count = checksums.len();
        let valid = count == to_usize(blocks.into());
        check::field(
            valid,
            NAME,
            "checksums",
            count as u64,
            "each block has one checksum",
        )?;
        Ok(Self {
            location,
            bytes,
            skip,
            codec,
            is_shared: false,
            checksums,
            seal: None,
        })
    }

    /// Reads a value of a tree.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] or [`FormatError::Field`]; also if it is not in the one form that
    /// [`ExtentBuf`] gives it.
    pub fn decode(value: &'a [u8]) -> Result<Self, FormatError> {
        let Some((tag, rest)) = value.split_first() else {
            return Err(FormatError::Truncated {
                structure: NAME,
                needed: 1,
                available: 0,
            });
        };
        let (segment, rest) = varint::take(rest, NAME, "segment")?;
        let segment = check::segment(segment, NAME, "segment")?;
        let (block, rest) = varint::take(rest, NAME, "block")?;
        let why = "the extent would lie behind the largest segment";
        check::field(block < SEGMENT_BYTES_MAX / BLOCK, NAME, "block", block, why)?;
        let (length, rest) = varint::take(rest, NAME, "length")?;
        let bytes = length_bytes(length, tag & IN_BYTES != 0)?;
        let (skip, rest) = match tag & HAS_SKIP {
            0 => (0, rest),
            _ => take_skip(rest, tag & CODEC_MASK != 0)?,
        };
        let mut rest = rest;
        let codec = codec(NAME, tag & CODEC_MASK, || {
            let (unit, left) = take_unit(rest)?;
            rest = left;
            Ok(unit)
        })?;
        let (rest, seal) = match tag & SEALED {
            0 => (rest, None),
            _ => {
                let (rest, seal) = sealed::take(rest, stored_blocks(NAME, bytes, skip, codec)?)?;
                (rest, Some(seal))
            }
        };
        let Some(checksums) = Checksums::from_bytes(rest) else {
            let (value, why) = (rest.len() as u64, "each checksum has 4 bytes");
            return Err(FormatError::Field {
                structure: NAME,
                name: "checksums",
                value,
                why,
            });
        };
        let offset = to_u32(to_usize(block * BLOCK));
        let extent = Self::new(Location { segment, offset }, bytes, skip, codec, checksums)?;
        Ok(Self {
            is_shared: tag & SHARED != 0,
            seal,
            ..extent
        })
    }

    /// The first block that holds a byte of it; of its unit, if it is a part of one.
    #[must_use]
    pub const fn location(&self) -> Location {
        self.location
    }

    /// Logical bytes it maps: 1 to 1 MiB.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Bytes of the first block, or of the unit, before the extent's first byte.
    #[must_use]
    pub const fn skip(&self) -> u16 {
        self.skip
    }

    /// How the stored bytes are encoded.
    #[must_use]
    pub const fn codec(&self) -> Codec {
        self.codec
    }

    /// One checksum for each stored block, from the one at [`ExtentRef::location`] on.
    #[must_use]
    pub const fn checksums(&self) -> Checksums<'a> {
        self.checksums
    }

    /// Bytes of the stored blocks that hold it: a multiple of 4,096.
    #[must_use]
    pub fn stored_bytes(&self) -> u32 {
        to_u32(self.checksums.len() * BLOCK_BYTES)
    }

    /// The extent of `bytes` of its logical bytes from `from` on. A block that the cut goes through
    /// keeps its checksum in the parts on both sides; parts of a unit keep all of it.
    ///
    /// # Panics
    /// If the range is empty or not inside the extent (programmer error).
    #[must_use]
    pub fn cut(&self, from: u32, bytes: u32) -> Self {
        assert!(bytes > 0, "an extent is not empty");
        assert!(
            from <= self.bytes && bytes <= self.bytes - from,
            "a cut lies in the extent"
        );
        let start = u32::from(self.skip) + from;
        if self.codec.unit().is_some() {
            let skip = u16::try_from(start).expect("it lies in the unit");
            return Self {
                bytes,
                skip,
                ..*self
            };
        }
        let block = to_u32(BLOCK_BYTES);
        let first = start / block;
        let skip = start % block;
        let count = (skip + bytes).div_ceil(block);
        let (from, count) = (to_usize(first.into()), to_usize(count.into()));
        let checksums = self.checksums.part(from, count);
        let tags = |seal: SealRef<'a>| seal.part(from, count).expect("each block has one tag");
        Self {
            location: self.location.advanced(first * block),
            bytes,
            skip: u16::try_from(skip).expect("the skip is less than a block"),
            codec: self.codec,
            is_shared: self.is_shared,
            checksums: checksums.expect("each block has one checksum"),
            seal: self.seal.map(tags),
        }
    }
}

/// Number of stored blocks of `bytes` logical bytes behind `skip` others, both checked.
pub(crate) fn stored_blocks(
    structure: &'static str,
    bytes: u32,
    skip: u16,
    codec: Codec,
) -> Result<u32, FormatError> {
    let valid = (1..=EXTENT_BYTES_MAX).contains(&bytes.into());
    check::field(
        valid,
        structure,
        "bytes",
        bytes,
        "an extent maps 1 byte to 1 MiB",
    )?;
    if let Codec::Lz4(unit) = codec {
        let valid = u32::from(skip) + bytes <= unit.bytes();
        let why = "it lies inside the unit";
        check::field(valid, structure, "skip", skip, why)?;
        return Ok(unit.blocks());
    }
    let valid = usize::from(skip) < BLOCK_BYTES;
    check::field(
        valid,
        structure,
        "skip",
        skip,
        "it lies inside the first block",
    )?;
    Ok((u32::from(skip) + bytes).div_ceil(to_u32(BLOCK_BYTES)))
}

fn length_bytes(length: u64, in_bytes: bool) -> Result<u32, FormatError> {
    let why = "an extent maps 1 byte to 1 MiB";
    check::field(
        (1..=EXTENT_BYTES_MAX).contains(&length),
        NAME,
        "length",
        length,
        why,
    )?;
    if in_bytes {
        let why = "whole blocks are counted in blocks";
        check::field(!length.is_multiple_of(BLOCK), NAME, "length", length, why)?;
        return Ok(to_u32(to_usize(length)));
    }
    check::field(
        length <= EXTENT_BYTES_MAX / BLOCK,
        NAME,
        "length",
        length,
        why,
    )?;
    Ok(to_u32(to_usize(length * BLOCK)))
}

fn take_skip(rest: &[u8], in_unit: bool) -> Result<(u16, &[u8]), FormatError> {
    let (skip, rest) = varint::take(rest, NAME, "skip")?;
    let (end, why) = match in_unit {
        false => (BLOCK, "it is 1 to 4,095 where it is present"),
        true => (1 << 16, "it is 1 to 65,535 where it is present"),
    };
    check::field((1..end).contains(&skip), NAME, "skip", skip, why)?;
    Ok((u16::try_from(skip).unwrap_or(u16::MAX), rest))
}

fn take_unit(rest: &[u8]) -> Result<(Unit, &[u8]), FormatError> {
    let (bytes, rest) = varint::take(rest, NAME, "unit")?;
    let (stored, rest) = varint::take(rest, NAME, "stored")?;
    let small = |value| u32::try_from(value).unwrap_or(u32::MAX);
    Ok((Unit::new(NAME, small(bytes), small(stored))?, rest))
}

mod buf;
mod codec;
mod sealed;
mod shared;
#[cfg(test)]
mod tests;
