//! Lists of block checksums as they lie on disk, borrowed.

use engine_base::Checksum;
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, IntoBytes};

/// One CRC32C for each stored 4 KiB block of an extent, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksums<'a>(&'a [U32]);

impl<'a> Checksums<'a> {
    /// The list that `bytes` encode: four bytes each, little-endian. `None` if a part of one is
    /// left over.
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        <[U32]>::ref_from_bytes(bytes).ok().map(Self)
    }

    /// The bytes that encode the list.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// Number of blocks.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// That of block `index`.
    #[must_use]
    pub fn get(self, index: usize) -> Option<Checksum> {
        self.0.get(index).map(|value| Checksum::new(value.get()))
    }

    /// All of them, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Checksum> + 'a {
        self.0.iter().map(|value| Checksum::new(value.get()))
    }

    /// Those of `count` blocks from block `first` on, `None` if there are not so many.
    #[must_use]
    pub fn part(self, first: usize, count: usize) -> Option<Self> {
        let end = first.checked_add(count)?;
        self.0.get(first..end).map(Self)
    }
}
