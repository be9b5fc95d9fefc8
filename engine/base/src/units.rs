//! Units and addresses as newtypes: an offset of one space is not an offset of another.

use std::fmt;

use crate::SegmentId;
use crate::limits::{BLOCK, BLOCK_BYTES};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteCount(u64);

impl ByteCount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `bytes` bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteCount {
    /// In the largest binary unit that divides it to at least one, e.g. `10.0 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 5] = [
            ("PiB", 50),
            ("TiB", 40),
            ("GiB", 30),
            ("MiB", 20),
            ("KiB", 10),
        ];
        for (name, shift) in UNITS {
            if self.0 >> shift > 0 {
                let tenths = (u128::from(self.0) * 10) >> shift;
                return write!(f, "{}.{} {name}", tenths / 10, tenths % 10);
            }
        }
        write!(f, "{} B", self.0)
    }
}

/// A part of stored bytes, in sixteenths of a byte: 16 bytes that were compressed into one count
/// for one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sixteenths(u64);

impl Sixteenths {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// How many make a byte.
    pub const PER_BYTE: u64 = 16;

    /// `sixteenths` of a byte.
    #[must_use]
    pub const fn new(sixteenths: u64) -> Self {
        Self(sixteenths)
    }

    /// Whole bytes.
    #[must_use]
    pub const fn of_bytes(bytes: u64) -> Self {
        Self(bytes * Self::PER_BYTE)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// In bytes, rounded up.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0.div_ceil(Self::PER_BYTE)
    }

    /// Both together; `None` over the limit of the type.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// What is left; `None` if `other` is more.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

impl std::ops::AddAssign for Sixteenths {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl fmt::Display for Sixteenths {
    /// In bytes, e.g. `4096` or `4096 7/16`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, rest) = (self.0 / Self::PER_BYTE, self.0 % Self::PER_BYTE);
        match rest {
            0 => write!(f, "{bytes}"),
            rest => write!(f, "{bytes} {rest}/{}", Self::PER_BYTE),
        }
    }
}

/// A number of 4 KiB blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlockCount(u32);

impl BlockCount {
    /// `blocks` blocks.
    #[must_use]
    pub const fn new(blocks: u32) -> Self {
        Self(blocks)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The bytes they take.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0 as u64 * BLOCK
    }
}

/// A byte address in a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VolumeOffset(u64);

impl VolumeOffset {
    /// The byte at `offset`.
    #[must_use]
    pub const fn new(offset: u64) -> Self {
        Self(offset)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Position of a group in the total order of commits. The state before any group is [`Lsn::ZERO`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(u64);

impl Lsn {
    /// Before the first group.
    pub const ZERO: Self = Self(0);

    /// The position with this number.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LSN {}", self.0)
    }
}

/// The name of stored bytes: a segment, and the byte offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The segment.
    pub segment: SegmentId,
    /// Bytes from the start of the segment.
    pub offset: u32,
}

impl Location {
    /// The location `bytes` further on.
    ///
    /// # Panics
    /// If that is past 4 GiB: no segment is so large (programmer error).
    #[must_use]
    pub fn advanced(self, bytes: u32) -> Self {
        let offset = self
            .offset
            .checked_add(bytes)
            .expect("segments are smaller than 4 GiB");
        Self {
            segment: self.segment,
            offset,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} offset {}", self.segment, self.offset)
    }
}

/// A CRC32C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum(u32);

impl Checksum {
    /// The checksum with this value.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number, for encoding.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

const _: () = assert!(BLOCK == BLOCK_BYTES as u64);
