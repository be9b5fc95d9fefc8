//! Mutations: the absolute changes that a batch consists of.

use engine_base::limits::BLOCK;
use engine_base::{DatasetId, Location};
use zerocopy::FromBytes;

use crate::{Charge, Checksums, Codec, ExtentRef, FormatError, SealRef, Touch, check};
use raw::{take_extent_clear, take_extent_put, take_extent_share, truncated};

pub(crate) use raw::{
    CHARGE, DELETE, EXTENT_CLEAR, EXTENT_PUT, EXTENT_RELEASE, EXTENT_SHARE, PUT, RawExtentClear,
    RawExtentPut, RawExtentShare, RawMutation, RawSeal, TOUCH,
};

const NAME: &str = "mutation";

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
    /// Maps a range of an object to what a range of another one maps, or of the same one apart
    /// from it: from then on both refer to the same stored bytes. Holes are copied as holes.
    ExtentShare {
        /// The tree.
        dataset: DatasetId,
        /// The object's key prefix.
        key: &'a [u8],
        /// The ranges.
        share: ExtentShareRef<'a>,
    },
    /// Says that what a range maps is referred to by no other dataset, as far as it is younger
    /// than the snapshot below: it is dead. The tree, of a dataset that is being deleted, stays as
    /// it is.
    ExtentRelease {
        /// The tree.
        dataset: DatasetId,
        /// The object's key prefix.
        key: &'a [u8],
        /// First byte of the range.
        offset: u64,
        /// Bytes of the range, at least 1.
        bytes: u64,
    },
    /// Merges a change into the state of a directory, in the order of commits: so that creates in
    /// one directory need no common lock.
    Touch {
        /// The tree.
        dataset: DatasetId,
        /// The key of the directory's state.
        key: &'a [u8],
        /// What changes.
        touch: Touch,
    },
    /// Merges a change into the usage of a quota, in the order of commits: so that changes of
    /// different files need no common lock.
    Charge {
        /// The tree.
        dataset: DatasetId,
        /// The key of the usage.
        key: &'a [u8],
        /// What changes.
        charge: Charge,
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
    /// Bytes of that block before the range's first byte; 0 where it is compressed.
    pub skip: u16,
    /// How the stored bytes are encoded; a unit is that range.
    pub codec: Codec,
    /// One checksum for each stored block.
    pub checksums: Checksums<'a>,
    /// How the stored blocks were sealed, if they were.
    pub seal: Option<SealRef<'a>>,
}

/// The ranges of an extent share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtentShareRef<'a> {
    /// First byte of the range in the object.
    pub offset: u64,
    /// Bytes of both ranges, at least 1.
    pub bytes: u64,
    /// The key prefix of the object that has them.
    pub source: &'a [u8],
    /// First byte of the range there.
    pub from: u64,
}

impl<'a> MutationRef<'a> {
    /// The tree that it changes.
    #[must_use]
    pub const fn dataset(&self) -> DatasetId {
        match *self {
            Self::Put { dataset, .. }
            | Self::Delete { dataset, .. }
            | Self::ExtentPut { dataset, .. }
            | Self::ExtentClear { dataset, .. }
            | Self::ExtentShare { dataset, .. }
            | Self::ExtentRelease { dataset, .. }
            | Self::Touch { dataset, .. }
            | Self::Charge { dataset, .. } => dataset,
        }
    }

    /// The key, or the object's key prefix.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        match *self {
            Self::Put { key, .. }
            | Self::Delete { key, .. }
            | Self::ExtentPut { key, .. }
            | Self::ExtentClear { key, .. }
            | Self::ExtentShare { key, .. }
            | Self::ExtentRelease { key, .. }
            | Self::Touch { key, .. }
            | Self::Charge { key, .. } => key,
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
            TOUCH => Self::Touch {
                dataset,
                key,
                touch: Touch::decode(payload)?,
            },
            CHARGE => Self::Charge {
                dataset,
                key,
                charge: Charge::decode(payload)?,
            },
            EXTENT_SHARE => Self::ExtentShare {
                dataset,
                key,
                share: take_extent_share(payload)?,
            },
            EXTENT_RELEASE => {
                let (offset, bytes) = take_extent_clear(payload)?;
                Self::ExtentRelease {
                    dataset,
                    key,
                    offset,
                    bytes,
                }
            }
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
        let plain = ExtentRef::new(location, self.bytes, self.skip, self.codec, self.checksums)?;
        plain.with_seal(self.seal)
    }
}

mod raw;
#[cfg(test)]
mod tests;
