//! What is to be read.

use engine_base::Location;
use engine_base::limits::BLOCK_BYTES;
use engine_format::{Checksums, ExtentRef, Unit};

use crate::keyring::Sealed;

/// Whole stored blocks to read, with what they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentRead {
    /// The first block.
    pub location: Location,
    /// One checksum for each block, in order, little-endian.
    checksums: Vec<u8>,
    /// What the blocks hold, if it is compressed.
    pub(super) unit: Option<Unit>,
    /// How they were sealed: nothing, or what covers all of them.
    pub(super) sealed: Vec<Sealed>,
}

impl ExtentRead {
    /// All stored blocks of `extent`.
    #[must_use]
    pub fn new(extent: &ExtentRef<'_>) -> Self {
        Self {
            location: extent.location(),
            checksums: extent.checksums().as_bytes().to_vec(),
            unit: extent.codec().unit(),
            sealed: Sealed::of(extent).into_iter().collect(),
        }
    }

    /// The unit that the blocks hold; `None` if they hold the bytes as they are.
    #[must_use]
    pub const fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Appends the blocks of `extent` if they lie right behind these, and both hold bytes as they
    /// are. `false`: they do not.
    pub fn extend(&mut self, extent: &ExtentRef<'_>) -> bool {
        let end = u64::from(self.location.offset) + self.bytes() as u64;
        let next = extent.location();
        let is_behind = next.segment == self.location.segment && u64::from(next.offset) == end;
        let sealed = Sealed::of(extent);
        let is_alike = sealed.is_none() == self.sealed.is_empty();
        if !is_behind || !is_alike || self.unit.is_some() || extent.codec().unit().is_some() {
            return false;
        }
        self.checksums
            .extend_from_slice(extent.checksums().as_bytes());
        self.sealed.extend(sealed);
        true
    }

    /// Bytes of the blocks.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.checksums.len() / size_of::<u32>() * BLOCK_BYTES
    }

    pub(super) fn checksums(&self) -> Checksums<'_> {
        Checksums::from_bytes(&self.checksums).expect("whole checksums were put together")
    }
}
