//! The roots tree (dataset 2): where each dataset's tree starts at a checkpoint.

use std::mem::offset_of;

use engine_base::{ByteCount, DatasetId};
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, transmute};

use crate::{FormatError, PagePointer, RawPagePointer};

/// Bytes of a key of the roots tree.
pub const ROOTS_KEY_BYTES: usize = 8;
/// Bytes of a value of the roots tree.
pub const ROOTS_RECORD_BYTES: usize = 56;

const NAME: &str = "roots record";

/// The value of a dataset in the roots tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootsRecord {
    /// Root of the dataset's tree, `None` while it is empty.
    pub root: Option<PagePointer>,
    /// Logical bytes that its extents map.
    pub allocated: ByteCount,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawRootsRecord {
    root: RawPagePointer,
    allocated_bytes: U64,
}

const _: () = assert!(size_of::<RawRootsRecord>() == ROOTS_RECORD_BYTES);
const _: () = assert!(offset_of!(RawRootsRecord, allocated_bytes) == 48);

impl RootsRecord {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; ROOTS_RECORD_BYTES] {
        let root = RawPagePointer::new(&self.root);
        transmute!(RawRootsRecord {
            root,
            allocated_bytes: U64::new(self.allocated.get())
        })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] for any other length, and the errors of the page pointer.
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw = RawRootsRecord::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
            structure: NAME,
            needed: ROOTS_RECORD_BYTES,
            available: value.len(),
        })?;
        let root = raw.root.verify()?;
        Ok(Self {
            root,
            allocated: ByteCount::new(raw.allocated_bytes.get()),
        })
    }
}

/// The key of `dataset` in the roots tree: keys sort as the ids do.
#[must_use]
pub const fn roots_key(dataset: DatasetId) -> [u8; ROOTS_KEY_BYTES] {
    dataset.get().to_be_bytes()
}

/// The dataset of a key of the roots tree.
///
/// # Errors
/// [`FormatError::Truncated`] for any other length.
pub fn dataset_of_roots_key(key: &[u8]) -> Result<DatasetId, FormatError> {
    match <[u8; ROOTS_KEY_BYTES]>::try_from(key) {
        Ok(id) => Ok(DatasetId::new(u64::from_be_bytes(id))),
        Err(_) => Err(FormatError::Truncated {
            structure: "key of the roots tree",
            needed: ROOTS_KEY_BYTES,
            available: key.len(),
        }),
    }
}

#[cfg(test)]
mod tests;
