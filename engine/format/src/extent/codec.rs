//! How stored bytes are encoded, and what of them a part of their content counts for.

use std::ops::Range;

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{Sixteenths, to_u32};

use crate::{FormatError, check};

/// Logical bytes of a unit at most.
pub const UNIT_BYTES_MAX: usize = 64 << 10;

/// The number of LZ4 on disk.
const LZ4: u8 = 1;

/// How stored bytes are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// As they are.
    #[default]
    None,
    /// As one block of LZ4, of which the extent is a part.
    Lz4(Unit),
}

/// Bytes that were compressed together. Always valid: what is stored takes fewer blocks than the
/// bytes themselves would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit {
    bytes: u32,
    stored: u16,
}

impl Codec {
    /// The number on disk.
    #[must_use]
    pub const fn get(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Lz4(_) => LZ4,
        }
    }

    /// The unit; `None` where the bytes are stored as they are.
    #[must_use]
    pub const fn unit(self) -> Option<Unit> {
        match self {
            Self::None => None,
            Self::Lz4(unit) => Some(unit),
        }
    }
}

impl Unit {
    /// A unit of `bytes` logical bytes in `stored` bytes.
    ///
    /// # Errors
    /// [`FormatError::Field`] if there are none or too many, or if it saves no block.
    pub fn new(structure: &'static str, bytes: u32, stored: u32) -> Result<Self, FormatError> {
        let valid = (1..=to_u32(UNIT_BYTES_MAX)).contains(&bytes);
        let why = "a unit has 1 byte to 64 KiB";
        check::field(valid, structure, "unit", bytes, why)?;
        let why = "a unit is stored only if it saves a block";
        let saves = stored > 0 && blocks_of(stored) < blocks_of(bytes);
        check::field(saves, structure, "stored", stored, why)?;
        // It saves a block of the at most 16.
        let stored = u16::try_from(stored).unwrap_or(u16::MAX);
        Ok(Self { bytes, stored })
    }

    /// Logical bytes.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Bytes of the compressed block; zeroes fill its last block.
    #[must_use]
    pub const fn stored(&self) -> u16 {
        self.stored
    }

    /// Stored blocks.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        blocks_of(self.stored.into())
    }

    /// What its logical bytes from `from` up to `to` count for of its stored blocks.
    /// Weights of neighbours add up to that of both, and that of at least one byte is not zero.
    ///
    /// # Panics
    /// If that is not a range of the unit (programmer error).
    #[must_use]
    pub fn weight(&self, from: u32, to: u32) -> Sixteenths {
        let counted = self.counted(0, &(from..to));
        Sixteenths::new(counted.end - counted.start)
    }

    /// What a range of its logical bytes counts for, as a range of the segment in which the unit
    /// lies at this offset, in sixteenths of a byte. Such ranges of two parts have as much in
    /// common as the parts do.
    ///
    /// # Panics
    /// If that is not a range of the unit (programmer error).
    #[must_use]
    pub fn counted(&self, offset: u32, range: &Range<u32>) -> Range<u64> {
        let is_inside = range.start <= range.end && range.end <= self.bytes;
        assert!(is_inside, "a range of the unit");
        let whole = u64::from(self.blocks()) * BLOCK * Sixteenths::PER_BYTE;
        let start = Sixteenths::of_bytes(offset.into()).get();
        // A unit has at most 16 times as many bytes as are stored: so each byte counts.
        let up_to = |at: u32| start + u64::from(at) * whole / u64::from(self.bytes);
        up_to(range.start)..up_to(range.end)
    }
}

fn blocks_of(bytes: u32) -> u32 {
    bytes.div_ceil(to_u32(BLOCK_BYTES))
}

/// Reads the number of a codec; the unit is read only where there is one.
pub(crate) fn codec(
    structure: &'static str,
    value: u8,
    unit: impl FnOnce() -> Result<Unit, FormatError>,
) -> Result<Codec, FormatError> {
    match value {
        0 => Ok(Codec::None),
        LZ4 => unit().map(Codec::Lz4),
        other => Err(FormatError::Field {
            structure,
            name: "codec",
            value: other.into(),
            why: "the codecs are 0 (none) and 1 (LZ4)",
        }),
    }
}
