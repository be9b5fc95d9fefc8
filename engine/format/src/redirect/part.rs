//! One part of a redirect.

use engine_base::limits::{BLOCK, BLOCK_BYTES, SEGMENT_BYTES_MAX};
use engine_base::{Location, SegmentId, to_u32};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::NAME;
use crate::{FormatError, check};

/// Consecutive survivors that lie one behind the other in one pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedirectPart {
    /// Where the first lies.
    pub at: Location,
    /// How many there are.
    pub blocks: u32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(super) struct RawPart {
    pack: U64,
    offset: U32,
    blocks: U32,
}

const _: () = assert!(size_of::<RawPart>() == 16);

impl RedirectPart {
    /// Where one of its blocks lies.
    pub(super) fn block(&self, index: u32) -> Option<Location> {
        let offset = self
            .at
            .offset
            .checked_add(index.checked_mul(to_u32(BLOCK_BYTES))?)?;
        let segment = self.at.segment;
        Some(Location { segment, offset })
    }

    /// Behind it.
    pub(super) fn end(&self) -> Option<Location> {
        self.block(self.blocks)
    }
}

impl RawPart {
    pub(super) fn new(part: &RedirectPart) -> Self {
        Self {
            pack: U64::new(part.at.segment.get()),
            offset: U32::new(part.at.offset),
            blocks: U32::new(part.blocks),
        }
    }

    pub(super) fn verify(&self) -> Result<RedirectPart, FormatError> {
        let segment: SegmentId = check::segment(self.pack.get(), NAME, "pack")?;
        let (offset, blocks) = (self.offset.get(), self.blocks.get());
        let valid = u64::from(offset) >= BLOCK && u64::from(offset) % BLOCK == 0;
        let why = "blocks lie at multiples of 4,096 behind the header";
        check::field(valid, NAME, "part offset", offset, why)?;
        let end = u64::from(offset) + u64::from(blocks) * BLOCK;
        let valid = blocks > 0 && end <= SEGMENT_BYTES_MAX;
        let why = "there is at least one, and they end within a segment";
        check::field(valid, NAME, "part blocks", blocks, why)?;
        let at = Location { segment, offset };
        Ok(RedirectPart { at, blocks })
    }
}
