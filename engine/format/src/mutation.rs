//! Mutations: the absolute changes that a batch consists of.

use std::mem::offset_of;

use engine_base::limits::{BLOCK, GROUP_DATA_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use engine_base::{DatasetId, Location, to_usize};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::extent::{codec, stored_blocks};
use crate::{Checksums, Codec, EXTENT_BLOCKS_MAX, ExtentRef, FormatError, check};

const NAME: &str = "mutation";

pub(crate) const PUT: u8 = 1;
pub(crate) const DELETE: u8 = 2;
pub(crate) const EXTENT_PUT: u8 = 3;
pub(crate) const EXTENT_CLEAR: u8 = 4;

/// A checked mutation, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MutationRef<'a> {
    /// Sets the value of a key.
    Put {
        /// The tree.
        dataset: DatasetId,
        /// The key.
        key: &'a [u8],
        /// Its value from now on.
        value: &'a [u8],
    },
    /// Removes a key, if it is there.
    Delete {
        /// The tree.
        dataset: DatasetId,
        /// The key.
        key: &'a [u8],
    },
    /// Maps a range of an object to data of this group.
    ExtentPut {
        /// The tree.
        dataset: DatasetId,
        /// The object's key prefix.
        key: &'a [u8],
        /// The range and its data.
        extent: ExtentPutRef<'a>,
    },
    /// Makes a range of an object a hole.
    ExtentClear {
        /// The tree.
        dataset: DatasetId,
        /// The object's key prefix.
        key: &'a [u8],
        /// First byte of the range.
        offset: u64,
        /// Bytes of the range, at least 1.
        bytes: u64,
    },
}

/// The range and the data of an extent put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentPutRef<'a> {
    /// First byte of the range in the object.
    pub offset: u64,
    /// Bytes of the range: 1 to 1 MiB.
    pub bytes: u32,
    /// Where the first stored block lies, from the start of the group's data (of the batch's data
    /// before the batch joined a group): a multiple of 4,096.
    pub data_offset: u32,
    /// Bytes of that block before the range's first byte.
    pub skip: u16,
    /// How the stored bytes are encoded.
    pub codec: Codec,
    /// One checksum for each stored block.
    pub checksums: Checksums<'a>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawMutation {
    pub(crate) kind: u8,
    pub(crate) reserved: u8,
    pub(crate) key_bytes: U16,
    pub(crate) payload_bytes: U32,
    pub(crate) dataset: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawExtentPut {
    pub(crate) offset: U64,
    pub(crate) bytes: U32,
    pub(crate) data_offset: U32,
    pub(crate) skip: U16,
    pub(crate) codec: u8,
    pub(crate) reserved: u8,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
pub(crate) struct RawExtentClear {
    pub(crate) offset: U64,
    pub(crate) bytes: U64,
}

const _: () = assert!(size_of::<RawMutation>() == 16);
const _: () = assert!(offset_of!(RawMutation, dataset) == 8);
const _: () = assert!(size_of::<RawExtentPut>() == 20);
const _: () = assert!(offset_of!(RawExtentPut, data_offset) == 12);
const _: () = assert!(size_of::<RawExtentClear>() == 16);

impl<'a> MutationRef<'a> {
    /// The tree that it changes.
    #[must_use]
    pub const fn dataset(&self) -> DatasetId {
        match *self {
            Self::Put { dataset, .. }
            | Self::Delete { dataset, .. }
            | Self::ExtentPut { dataset, .. }
            | Self::ExtentClear { dataset, .. } => dataset,
        }
    }

    /// The key, or the object's key prefix.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        match *self {
            Self::Put { key, .. }
            | Self::Delete { key, .. }
            | Self::ExtentPut { key, .. }
            | Self::ExtentClear { key, .. } => key,
        }
    }

    /// Refuses an extent whose blocks are not within `data_bytes` bytes of data.
    ///
    /// # Errors
    /// [`FormatError::Field`].
    pub fn check_data(&self, data_bytes: u32) -> Result<(), FormatError> {
        let Self::ExtentPut { extent, .. } = self else {
            return Ok(());
        };
        let end = u64::from(extent.data_offset) + extent.checksums.len() as u64 * BLOCK;
        let why = "the group carries less data";
        let valid = end <= u64::from(data_bytes);
        check::field(valid, NAME, "data_offset", extent.data_offset, why)
    }

    /// Reads the mutation at the start of `bytes` and returns it and what follows it.
    pub(crate) fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), FormatError> {
        let (raw, rest) = RawMutation::ref_from_prefix(bytes)
            .map_err(|_| truncated(size_of::<RawMutation>(), bytes.len()))?;
        let (key_bytes, payload_bytes) = raw.verify()?;
        let Some((body, rest)) = rest.split_at_checked(key_bytes + payload_bytes) else {
            return Err(truncated(key_bytes + payload_bytes, rest.len()));
        };
        let (key, payload) = body.split_at(key_bytes);
        let dataset = DatasetId::new(raw.dataset.get());
        let mutation = match raw.kind {
            PUT => Self::Put {
                dataset,
                key,
                value: payload,
            },
            DELETE => Self::Delete { dataset, key },
            EXTENT_PUT => Self::ExtentPut {
                dataset,
                key,
                extent: take_extent_put(payload)?,
            },
            _ => {
                let (offset, bytes) = take_extent_clear(payload)?;
                Self::ExtentClear {
                    dataset,
                    key,
                    offset,
                    bytes,
                }
            }
        };
        Ok((mutation, rest))
    }
}

impl<'a> ExtentPutRef<'a> {
    /// The extent that a tree keeps of it, where the group's data starts at `data`.
    ///
    /// # Errors
    /// [`FormatError::Field`] if it does not lie in a segment there.
    pub fn extent(&self, data: Location) -> Result<ExtentRef<'a>, FormatError> {
        let offset = data.offset.checked_add(self.data_offset);
        let offset = offset.ok_or(FormatError::Field {
            structure: NAME,
            name: "data_offset",
            value: self.data_offset.into(),
            why: "the data would lie behind the largest segment",
        })?;
        let location = Location {
            segment: data.segment,
            offset,
        };
        ExtentRef::new(location, self.bytes, self.skip, self.codec, self.checksums)
    }
}

impl RawMutation {
    /// Checks everything but the bodies and returns the lengths of key and payload.
    fn verify(&self) -> Result<(usize, usize), FormatError> {
        let known = matches!(self.kind, PUT | DELETE | EXTENT_PUT | EXTENT_CLEAR);
        check::field(known, NAME, "kind", self.kind, "the kinds are 1 to 4")?;
        check::zero(&[self.reserved], NAME, "reserved")?;
        let dataset = self.dataset.get();
        check::field(
            dataset != 0,
            NAME,
            "dataset",
            dataset,
            "there is no dataset 0",
        )?;
        let key_bytes = usize::from(self.key_bytes.get());
        // The key of an extent is the prefix and an offset of 8 bytes.
        let key_bytes_max = match self.kind {
            PUT | DELETE => KEY_BYTES_MAX,
            _ => KEY_BYTES_MAX - size_of::<u64>(),
        };
        let valid = key_bytes <= key_bytes_max;
        check::field(
            valid,
            NAME,
            "key_bytes",
            key_bytes as u64,
            "keys are shorter",
        )?;
        let payload_bytes = to_usize(self.payload_bytes.get().into());
        let valid = match self.kind {
            PUT => payload_bytes <= VALUE_BYTES_MAX,
            DELETE => payload_bytes == 0,
            EXTENT_PUT => payload_bytes <= EXTENT_PUT_BYTES_MAX,
            _ => payload_bytes == size_of::<RawExtentClear>(),
        };
        let why = "a mutation of this kind has another length";
        check::field(valid, NAME, "payload_bytes", payload_bytes as u64, why)?;
        Ok((key_bytes, payload_bytes))
    }
}

/// An extent of 1 MiB that starts inside a block.
const EXTENT_PUT_BYTES_MAX: usize = size_of::<RawExtentPut>() + 4 * EXTENT_BLOCKS_MAX;

fn take_extent_put(payload: &[u8]) -> Result<ExtentPutRef<'_>, FormatError> {
    let (raw, rest) = RawExtentPut::ref_from_prefix(payload)
        .map_err(|_| truncated(size_of::<RawExtentPut>(), payload.len()))?;
    raw.verify()?;
    let blocks = stored_blocks(NAME, raw.bytes.get(), raw.skip.get())?;
    let checksums = Checksums::from_bytes(rest)
        .filter(|checksums| checksums.len() == to_usize(blocks.into()))
        .ok_or(FormatError::Field {
            structure: NAME,
            name: "payload_bytes",
            value: payload.len() as u64,
            why: "each stored block has one checksum of 4 bytes",
        })?;
    let end = u64::from(raw.data_offset.get()) + u64::from(blocks) * BLOCK;
    let valid = end <= GROUP_DATA_BYTES_MAX as u64;
    let why = "a group carries less data";
    check::field(valid, NAME, "data_offset", raw.data_offset.get(), why)?;
    Ok(ExtentPutRef {
        offset: raw.offset.get(),
        bytes: raw.bytes.get(),
        data_offset: raw.data_offset.get(),
        skip: raw.skip.get(),
        codec: codec(NAME, raw.codec)?,
        checksums,
    })
}

impl RawExtentPut {
    fn verify(&self) -> Result<(), FormatError> {
        check::zero(&[self.reserved], NAME, "reserved")?;
        let data_offset = self.data_offset.get();
        let valid = u64::from(data_offset).is_multiple_of(BLOCK);
        check::field(
            valid,
            NAME,
            "data_offset",
            data_offset,
            "data lies in whole blocks",
        )?;
        check_range(self.offset.get(), self.bytes.get().into())
    }
}

fn take_extent_clear(payload: &[u8]) -> Result<(u64, u64), FormatError> {
    let raw = RawExtentClear::ref_from_bytes(payload)
        .map_err(|_| truncated(size_of::<RawExtentClear>(), payload.len()))?;
    let (offset, bytes) = (raw.offset.get(), raw.bytes.get());
    check::field(
        bytes > 0,
        NAME,
        "bytes",
        bytes,
        "an empty range is not cleared",
    )?;
    check_range(offset, bytes)?;
    Ok((offset, bytes))
}

fn check_range(offset: u64, bytes: u64) -> Result<(), FormatError> {
    let valid = offset.checked_add(bytes).is_some();
    check::field(
        valid,
        NAME,
        "offset",
        offset,
        "the range would end behind byte 2^64 - 1",
    )
}

fn truncated(needed: usize, available: usize) -> FormatError {
    FormatError::Truncated {
        structure: NAME,
        needed,
        available,
    }
}

#[cfg(test)]
mod tests;
