//! Dataset records: what the pool's own tree (dataset 1) keeps of each dataset.

use std::mem::offset_of;

use engine_base::limits::{VOLUME_BYTES_MAX, VOLUME_NAME_BYTES_MAX};
use engine_base::{ByteCount, DatasetId, to_usize};
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{DatasetName, FormatError, check};

/// Bytes of a key of the pool's tree that names a dataset.
pub const DATASET_KEY_BYTES: usize = 9;
/// First byte of the keys of the pool's tree that name datasets.
pub const DATASET_KEY_PREFIX: u8 = b'd';
/// Bytes of the longest dataset record.
pub const DATASET_RECORD_BYTES_MAX: usize = size_of::<RawDatasetRecord>()
    + size_of::<RawDescent>()
    + size_of::<RawAbove>()
    + VOLUME_NAME_BYTES_MAX;

mod compression;
mod descent;
mod encryption;

pub use compression::Compression;
pub use descent::{Above, Descent};
use descent::{RawAbove, RawDescent};
pub use encryption::Encryption;

const NAME: &str = "dataset record";
/// Of a record without descent.
const PLAIN: u8 = 1;
/// Of one with it.
const WITH_DESCENT: u8 = 2;
/// Of one with it, of a bucket with numbers that must not come again.
const WITH_NUMBERS: u8 = 3;
/// `cleanup_from` of a volume without leftovers.
const NO_CLEANUP: u64 = u64::MAX;

/// What a dataset is. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DatasetKind {
    /// A block device.
    Volume = 1,
    /// A tree of files that are objects too.
    Bucket = 2,
}

/// Whether a dataset is there. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DatasetState {
    /// It is.
    Live = 1,
    /// It is invisible, and its space is being given back.
    Deleting = 2,
    /// It is a snapshot: what its dataset was at one moment. It never changes.
    Snapshot = 3,
}

/// What the pool keeps of a dataset, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetRecord {
    /// What it is.
    pub kind: DatasetKind,
    /// Whether it is there.
    pub state: DatasetState,
    /// What becomes of what is written from now on.
    pub compression: Compression,
    /// How what is written to it is sealed.
    pub encryption: Encryption,
    /// Its size; 0 for a bucket.
    pub size: ByteCount,
    /// Bytes from here on are leftovers of a larger size that are being given back; `None`: nothing
    /// is.
    pub cleanup_from: Option<u64>,
    /// When it was created, in nanoseconds since 1970 UTC.
    pub created_unix_nanos: u64,
    /// Its name. Unique among the live datasets of its kind; of a snapshot the label, unique among
    /// those of its lineage.
    pub name: DatasetName,
    /// Its place in its family, once there is one.
    pub descent: Option<Descent>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawDatasetRecord {
    version: u8,
    kind: u8,
    state: u8,
    compression: u8,
    size: U64,
    cleanup_from: U64,
    created_unix_nanos: U64,
    name_bytes: U16,
    encryption: u8,
    reserved_tail: u8,
}

const _: () = assert!(size_of::<RawDatasetRecord>() == 32);
const _: () = assert!(offset_of!(RawDatasetRecord, cleanup_from) == 12);
const _: () = assert!(offset_of!(RawDatasetRecord, name_bytes) == 28);

impl DatasetRecord {
    /// The value.
    ///
    /// # Panics
    /// If the size is over the limit or `cleanup_from` is 2^64 - 1 (programmer error).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        assert!(
            self.size.get() <= VOLUME_BYTES_MAX,
            "sizes are checked when they are set"
        );
        assert!(
            self.cleanup_from != Some(NO_CLEANUP),
            "that stands for none"
        );
        let name = self.name.as_str().as_bytes();
        let raw = RawDatasetRecord {
            version: match self.descent {
                None => PLAIN,
                Some(descent) if descent.above == Above::default() => WITH_DESCENT,
                Some(_) => WITH_NUMBERS,
            },
            kind: self.kind as u8,
            state: self.state as u8,
            compression: self.compression as u8,
            size: U64::new(self.size.get()),
            cleanup_from: U64::new(self.cleanup_from.unwrap_or(NO_CLEANUP)),
            created_unix_nanos: U64::new(self.created_unix_nanos),
            name_bytes: U16::new(u16::try_from(name.len()).expect("names have 1 to 255 bytes")),
            encryption: self.encryption as u8,
            reserved_tail: 0,
        };
        let descent = self.descent.as_ref().map(RawDescent::new);
        let descent = descent.as_ref().map_or(&[][..], IntoBytes::as_bytes);
        let above = self.descent.map(|descent| RawAbove::new(descent.above));
        let above = above.filter(|_| raw.version == WITH_NUMBERS);
        let above = above.as_ref().map_or(&[][..], IntoBytes::as_bytes);
        [raw.as_bytes(), descent, above, name].concat()
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError::UnsupportedVersion`], [`FormatError::Truncated`], [`FormatError::Field`],
    /// [`FormatError::Name`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let truncated = |needed| FormatError::Truncated {
            structure: NAME,
            needed,
            available: value.len(),
        };
        let (raw, name) = RawDatasetRecord::ref_from_prefix(value)
            .map_err(|_| truncated(size_of::<RawDatasetRecord>()))?;
        let (kind, state) = raw.verify()?;
        let (descent, name) = raw.descent(state, name)?;
        let (descent, name) = raw.above(kind, descent, name)?;
        let name_bytes = to_usize(raw.name_bytes.get().into());
        if name.len() < name_bytes {
            return Err(truncated(size_of::<RawDatasetRecord>() + name_bytes));
        }
        let why = "bytes follow the name";
        check::field(
            name.len() == name_bytes,
            NAME,
            "name_bytes",
            name_bytes as u64,
            why,
        )?;
        let cleanup_from = raw.cleanup_from.get();
        Ok(Self {
            kind,
            state,
            compression: compression::decode(raw.compression)?,
            encryption: encryption::decode(kind, raw.encryption)?,
            size: ByteCount::new(raw.size.get()),
            cleanup_from: (cleanup_from != NO_CLEANUP).then_some(cleanup_from),
            created_unix_nanos: raw.created_unix_nanos.get(),
            name: DatasetName::from_bytes(name).map_err(|source| FormatError::Name {
                structure: NAME,
                source,
            })?,
            descent,
        })
    }

    /// Whether it is a snapshot, or was one until it was deleted.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.descent.is_some_and(|descent| descent.head.is_some())
    }
}

impl RawDatasetRecord {
    fn verify(&self) -> Result<(DatasetKind, DatasetState), FormatError> {
        if ![PLAIN, WITH_DESCENT, WITH_NUMBERS].contains(&self.version) {
            let (found, supported) = (self.version.into(), WITH_NUMBERS.into());
            return Err(FormatError::UnsupportedVersion {
                structure: NAME,
                found,
                supported,
            });
        }
        check::zero(&[self.reserved_tail], NAME, "reserved")?;
        let (kind, state, size) = (self.kind, self.state, self.size.get());
        let kind = match kind {
            1 => DatasetKind::Volume,
            2 => DatasetKind::Bucket,
            other => {
                return Err(FormatError::Field {
                    structure: NAME,
                    name: "kind",
                    value: other.into(),
                    why: "the kinds are 1 (volume) and 2 (bucket)",
                });
            }
        };
        let (max, why) = match kind {
            DatasetKind::Volume => (VOLUME_BYTES_MAX, "no volume is larger than 1 PiB"),
            DatasetKind::Bucket => (0, "a bucket has no size"),
        };
        check::field(size <= max, NAME, "size", size, why)?;
        let state = match state {
            1 => DatasetState::Live,
            2 => DatasetState::Deleting,
            3 => DatasetState::Snapshot,
            other => {
                return Err(FormatError::Field {
                    structure: NAME,
                    name: "state",
                    value: other.into(),
                    why: "the states are 1 (live), 2 (deleting) and 3 (snapshot)",
                });
            }
        };
        let is_cleanup = self.cleanup_from.get() != NO_CLEANUP;
        let valid = kind == DatasetKind::Volume || !is_cleanup;
        let why = "only volumes shrink";
        check::field(valid, NAME, "cleanup_from", self.cleanup_from.get(), why)?;
        Ok((kind, state))
    }
}

/// The key of `dataset` in the pool's tree: keys sort as the ids do.
#[must_use]
pub fn dataset_key(dataset: DatasetId) -> [u8; DATASET_KEY_BYTES] {
    let mut key = [DATASET_KEY_PREFIX; DATASET_KEY_BYTES];
    let (_, id) = key.split_at_mut(1);
    id.copy_from_slice(&dataset.get().to_be_bytes());
    key
}

/// The dataset that a key of the pool's tree names.
///
/// # Errors
/// [`FormatError::Truncated`] or [`FormatError::Field`] if it names none.
pub(crate) fn dataset_of_key(key: &[u8]) -> Result<DatasetId, FormatError> {
    const KEY: &str = "key of the pool's tree";
    let Ok([prefix, id @ ..]) = <[u8; DATASET_KEY_BYTES]>::try_from(key) else {
        let (needed, available) = (DATASET_KEY_BYTES, key.len());
        return Err(FormatError::Truncated {
            structure: KEY,
            needed,
            available,
        });
    };
    let why = "dataset records have the prefix `d`, sessions `e`, keys `k`, settings `s`";
    check::field(prefix == DATASET_KEY_PREFIX, KEY, "prefix", prefix, why)?;
    Ok(DatasetId::new(u64::from_be_bytes(id)))
}

#[cfg(test)]
mod tests;
