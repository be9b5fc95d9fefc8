//! Page pointer: where a tree page lies and what its bytes must be. FORMAT.md "Page pointer".

#[cfg(test)]
mod tests;

use std::mem::offset_of;

use engine_base::limits::{BLOCK_BYTES, PAGE_BYTES, SEGMENT_BYTES_MAX};
use engine_base::{Checksum, Location, SegmentId, to_u32};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::delta::{DELTA_BYTES_MAX, DELTA_BYTES_MIN};
use crate::{FormatError, check};

/// Bytes of an encoded page pointer.
pub const PAGE_POINTER_BYTES: usize = 48;

/// Deltas lie at multiples of this many bytes.
pub const DELTA_ALIGNMENT: u32 = 8;

/// A page pointer exactly as it lies on the device. Nothing in it has been checked.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub struct RawPagePointer {
    segment: U64,
    offset: U32,
    crc32c: U32,
    copy_segment: U64,
    copy_offset: U32,
    delta_bytes: U32,
    delta_segment: U64,
    delta_offset: U32,
    delta_crc32c: U32,
}

const _: () = assert!(size_of::<RawPagePointer>() == PAGE_POINTER_BYTES);
const _: () = assert!(offset_of!(RawPagePointer, copy_segment) == 16);
const _: () = assert!(offset_of!(RawPagePointer, delta_segment) == 32);

/// Where a page's delta lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeltaPointer {
    /// Its first byte, a multiple of [`DELTA_ALIGNMENT`].
    pub location: Location,
    /// Its length: [`DELTA_BYTES_MIN`] to [`DELTA_BYTES_MAX`].
    pub bytes: u32,
    /// CRC32C of these bytes.
    pub checksum: Checksum,
}

/// Where a page lies and what its bytes must be: the checksum that proves a page is in the pointer
/// to it.
///
/// "No page" (the root of an empty tree) is `Option::None`, see [`PagePointer::encode_option`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PagePointer {
    /// The page of [`PAGE_BYTES`] bytes.
    pub base: Location,
    /// CRC32C of the page.
    pub checksum: Checksum,
    /// The same bytes once more.
    pub copy: Option<Location>,
    /// Changes to apply to the page after it was read.
    pub delta: Option<DeltaPointer>,
}

const NAME: &str = "page pointer";

impl RawPagePointer {
    /// The bytes for `pointer`; all zero for `None`.
    #[must_use]
    pub fn new(pointer: &Option<PagePointer>) -> Self {
        let Some(pointer) = pointer else {
            return Self::new_zeroed();
        };
        let delta = pointer.delta.as_ref();
        let (copy_segment, copy_offset) = raw_location(pointer.copy);
        let (delta_segment, delta_offset) = raw_location(delta.map(|delta| delta.location));
        Self {
            segment: pointer.base.segment.get().into(),
            offset: pointer.base.offset.into(),
            crc32c: pointer.checksum.get().into(),
            copy_segment,
            copy_offset,
            delta_bytes: delta.map_or(0, |delta| delta.bytes).into(),
            delta_segment,
            delta_offset,
            delta_crc32c: delta.map_or(0, |delta| delta.checksum.get()).into(),
        }
    }

    /// Checks every field; `None` is "no page".
    ///
    /// # Errors
    /// [`FormatError::Field`] for every combination that no writer makes.
    pub fn verify(&self) -> Result<Option<PagePointer>, FormatError> {
        let offset = self.offset.get();
        let Some(segment) = SegmentId::new(self.segment.get()) else {
            check::zero(self.as_bytes(), NAME, "rest of a pointer to no page")?;
            return Ok(None);
        };
        let base = Location { segment, offset };
        check_place(base, PAGE, "offset")?;
        let copy = self.verify_copy()?;
        let why = "page and copy must not be the same bytes";
        check::field(copy != Some(base), NAME, "copy_offset", offset, why)?;
        let checksum = Checksum::new(self.crc32c.get());
        Ok(Some(PagePointer {
            base,
            checksum,
            copy,
            delta: self.verify_delta()?,
        }))
    }

    fn verify_copy(&self) -> Result<Option<Location>, FormatError> {
        let offset = self.copy_offset.get();
        let Some(segment) = SegmentId::new(self.copy_segment.get()) else {
            let why = "there is no segment of a copy";
            check::field(offset == 0, NAME, "copy_offset", offset, why)?;
            return Ok(None);
        };
        let copy = Location { segment, offset };
        check_place(copy, PAGE, "copy_offset")?;
        Ok(Some(copy))
    }

    fn verify_delta(&self) -> Result<Option<DeltaPointer>, FormatError> {
        let (bytes, offset) = (self.delta_bytes.get(), self.delta_offset.get());
        let checksum = self.delta_crc32c.get();
        let Some(segment) = SegmentId::new(self.delta_segment.get()) else {
            let why = "there is no segment of a delta";
            check::field(bytes == 0, NAME, "delta_bytes", bytes, why)?;
            check::field(offset == 0, NAME, "delta_offset", offset, why)?;
            check::field(checksum == 0, NAME, "delta_crc32c", checksum, why)?;
            return Ok(None);
        };
        let possible = to_u32(DELTA_BYTES_MIN)..=to_u32(DELTA_BYTES_MAX);
        let why = "no delta has this length";
        check::field(possible.contains(&bytes), NAME, "delta_bytes", bytes, why)?;
        let location = Location { segment, offset };
        check_place(location, bytes, "delta_offset")?;
        let why = "deltas lie at multiples of 8";
        check::field(
            offset.is_multiple_of(DELTA_ALIGNMENT),
            NAME,
            "delta_offset",
            offset,
            why,
        )?;
        Ok(Some(DeltaPointer {
            location,
            bytes,
            checksum: Checksum::new(checksum),
        }))
    }
}

impl PagePointer {
    /// The 48 bytes of this pointer.
    #[must_use]
    pub fn encode(&self) -> [u8; PAGE_POINTER_BYTES] {
        Self::encode_option(&Some(*self))
    }

    /// As [`PagePointer::encode`]; all zero for `None`.
    #[must_use]
    pub fn encode_option(pointer: &Option<Self>) -> [u8; PAGE_POINTER_BYTES] {
        transmute!(RawPagePointer::new(pointer))
    }

    /// Reads what [`PagePointer::encode_option`] wrote.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] or [`FormatError::Field`]: no writer made these bytes.
    pub fn decode_option(bytes: &[u8]) -> Result<Option<Self>, FormatError> {
        match RawPagePointer::ref_from_bytes(bytes) {
            Ok(raw) => raw.verify(),
            Err(_) => Err(FormatError::Truncated {
                structure: NAME,
                needed: PAGE_POINTER_BYTES,
                available: bytes.len(),
            }),
        }
    }

    /// Reads what [`PagePointer::encode`] wrote.
    ///
    /// # Errors
    /// As [`PagePointer::decode_option`], and [`FormatError::Field`] if there is no page.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::decode_option(bytes)?.ok_or(FormatError::Field {
            structure: NAME,
            name: "segment",
            value: 0,
            why: "there must be a page here",
        })
    }

    /// Everything this pointer refers to, with its length in bytes: page, copy, delta, each on its
    /// own.
    pub fn parts(&self) -> impl Iterator<Item = (Location, u32)> + use<> {
        let delta = self.delta.map(|delta| (delta.location, delta.bytes));
        let copy = self.copy.map(|copy| (copy, PAGE));
        [Some((self.base, PAGE)), copy, delta].into_iter().flatten()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "16,384")]
const PAGE: u32 = PAGE_BYTES as u32;

fn raw_location(location: Option<Location>) -> (U64, U32) {
    location.map_or((0.into(), 0.into()), |location| {
        (location.segment.get().into(), location.offset.into())
    })
}

/// Segments begin with a header of one block, and none is larger than the largest.
fn check_place(location: Location, bytes: u32, name: &'static str) -> Result<(), FormatError> {
    let end = u64::from(location.offset) + u64::from(bytes);
    let valid = location.offset >= to_u32(BLOCK_BYTES) && end <= SEGMENT_BYTES_MAX;
    let why = "it lies in the segment's header or past the end of the largest segment";
    check::field(valid, NAME, name, location.offset, why)
}
