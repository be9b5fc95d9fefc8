//! The roots tree (dataset 2): where each dataset's tree starts at a checkpoint, and where the
//! blocks of segments that were packed lie.

use std::mem::offset_of;

use engine_base::limits::{BLOCK, SEGMENT_BYTES_MAX};
use engine_base::{ByteCount, DatasetId, Location, SegmentId, Sixteenths};
use zerocopy::big_endian;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{FormatError, PagePointer, RawPagePointer, check};

/// Bytes of a key of the roots tree.
pub const ROOTS_KEY_BYTES: usize = 8;
/// Bytes of the value of a dataset that is no snapshot, and has nothing compressed.
pub const ROOTS_RECORD_BYTES: usize = 56;
/// Bytes of the value of a snapshot that has nothing compressed.
pub const KEPT_ROOTS_RECORD_BYTES: usize = 80;

const NAME: &str = "roots record";
/// No dataset has an id that begins with it.
const REDIRECT_PREFIX: u8 = 0xff;

/// The value of a dataset in the roots tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootsRecord {
    /// Root of the dataset's tree, `None` while it is empty.
    pub root: Option<PagePointer>,
    /// Logical bytes that its extents map.
    pub allocated: ByteCount,
    /// What these count for of the bytes that are stored for them: as many where nothing is
    /// compressed.
    pub stored: Sixteenths,
    /// Of a snapshot: what is older than it.
    pub kept: Option<KeptCut>,
}

/// The moment of a snapshot, in places: what lies before them is older than it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptCut {
    /// In the journal: data.
    pub data: Location,
    /// In the index: pages.
    pub pages: Location,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawRootsRecord {
    root: RawPagePointer,
    allocated_bytes: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawRedirectKey {
    prefix: u8,
    segment: big_endian::U64,
    stretch: big_endian::U32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawKeptCut {
    data_segment: U64,
    pages_segment: U64,
    data_offset: U32,
    pages_offset: U32,
}

const _: () = assert!(size_of::<RawRootsRecord>() == ROOTS_RECORD_BYTES);
const _: () = assert!(ROOTS_RECORD_BYTES + size_of::<RawKeptCut>() == KEPT_ROOTS_RECORD_BYTES);
const _: () = assert!(offset_of!(RawRootsRecord, allocated_bytes) == 48);

impl RootsRecord {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let raw = RawRootsRecord {
            root: RawPagePointer::new(&self.root),
            allocated_bytes: U64::new(self.allocated.get()),
        };
        let kept = self.kept.as_ref().map(RawKeptCut::new);
        let kept = kept.as_ref().map_or(&[][..], IntoBytes::as_bytes);
        let stored = U64::new(self.stored.get());
        let stored = match self.stored == all_of(self.allocated) {
            true => &[][..],
            false => stored.as_bytes(),
        };
        [raw.as_bytes(), stored, kept].concat()
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] for any other length, and the errors of the page pointer and of
    /// locations.
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let truncated = |needed| FormatError::Truncated {
            structure: NAME,
            needed,
            available: value.len(),
        };
        let (raw, rest) =
            RawRootsRecord::ref_from_prefix(value).map_err(|_| truncated(ROOTS_RECORD_BYTES))?;
        let allocated = ByteCount::new(raw.allocated_bytes.get());
        let (stored, rest) = take_stored(allocated, rest)?;
        let kept = match rest {
            [] => None,
            rest => {
                let raw = RawKeptCut::ref_from_bytes(rest)
                    .map_err(|_| truncated(KEPT_ROOTS_RECORD_BYTES))?;
                Some(raw.verify()?)
            }
        };
        Ok(Self {
            root: raw.root.verify()?,
            allocated,
            stored,
            kept,
        })
    }
}

fn all_of(allocated: ByteCount) -> Sixteenths {
    Sixteenths::new(allocated.get().saturating_mul(Sixteenths::PER_BYTE))
}

/// The field that only datasets have of which something is compressed.
fn take_stored(allocated: ByteCount, rest: &[u8]) -> Result<(Sixteenths, &[u8]), FormatError> {
    let all = all_of(allocated);
    if rest.len() % size_of::<RawKeptCut>() != size_of::<U64>() {
        return Ok((all, rest));
    }
    let Ok((stored, rest)) = U64::ref_from_prefix(rest) else {
        return Ok((all, rest));
    };
    let (stored, why) = (Sixteenths::new(stored.get()), "it is left out then");
    check::field(stored != all, NAME, "stored", stored.get(), why)?;
    Ok((stored, rest))
}

impl RawKeptCut {
    fn new(kept: &KeptCut) -> Self {
        Self {
            data_segment: U64::new(kept.data.segment.get()),
            pages_segment: U64::new(kept.pages.segment.get()),
            data_offset: U32::new(kept.data.offset),
            pages_offset: U32::new(kept.pages.offset),
        }
    }

    fn verify(&self) -> Result<KeptCut, FormatError> {
        let location = |name, segment: U64, offset: U32| {
            let segment = SegmentId::new(segment.get()).ok_or(FormatError::Field {
                structure: NAME,
                name,
                value: 0,
                why: "there is no segment 0",
            })?;
            let offset = offset.get();
            let valid = u64::from(offset) <= SEGMENT_BYTES_MAX;
            let why = "segments are at most 1 GiB";
            check::field(valid, NAME, name, offset, why)?;
            Ok::<_, FormatError>(Location { segment, offset })
        };
        Ok(KeptCut {
            data: location("data cut", self.data_segment, self.data_offset)?,
            pages: location("page cut", self.pages_segment, self.pages_offset)?,
        })
    }
}

/// The key of `dataset` in the roots tree: keys sort as the ids do.
#[must_use]
pub const fn roots_key(dataset: DatasetId) -> [u8; ROOTS_KEY_BYTES] {
    dataset.get().to_be_bytes()
}

/// The key of the redirect of one stretch of a segment, behind those of all datasets.
#[must_use]
pub fn redirect_key(segment: SegmentId, stretch: u32) -> Vec<u8> {
    let stretch = stretch.to_be_bytes();
    [
        &[REDIRECT_PREFIX],
        &segment.get().to_be_bytes()[..],
        &stretch,
    ]
    .concat()
}

/// A key of the roots tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootsKey {
    /// Of a dataset: where its tree starts.
    Dataset(DatasetId),
    /// Of a stretch of [`crate::REDIRECT_BLOCKS`] blocks of a segment: where they lie.
    Redirect {
        /// The segment.
        segment: SegmentId,
        /// Which stretch of it.
        stretch: u32,
    },
}

impl RootsKey {
    /// Below the keys of all redirects, and behind those of datasets.
    pub const REDIRECTS: [u8; 1] = [REDIRECT_PREFIX];

    /// Checks a key.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] for any other length, [`FormatError::Field`].
    pub fn decode(key: &[u8]) -> Result<Self, FormatError> {
        const KEY: &str = "key of the roots tree";
        if let Ok(id) = <[u8; ROOTS_KEY_BYTES]>::try_from(key) {
            return Ok(Self::Dataset(DatasetId::new(u64::from_be_bytes(id))));
        }
        let raw = RawRedirectKey::ref_from_bytes(key).map_err(|_| FormatError::Truncated {
            structure: KEY,
            needed: ROOTS_KEY_BYTES,
            available: key.len(),
        })?;
        let prefix = raw.prefix;
        let why = "keys of redirects begin with 255";
        check::field(prefix == REDIRECT_PREFIX, KEY, "prefix", prefix, why)?;
        let stretch = raw.stretch.get();
        let first = u64::from(stretch) * u64::from(crate::REDIRECT_BLOCKS) * BLOCK;
        let why = "segments are at most 1 GiB";
        check::field(first < SEGMENT_BYTES_MAX, KEY, "stretch", stretch, why)?;
        let segment = check::segment(raw.segment.get(), KEY, "segment")?;
        Ok(Self::Redirect { segment, stretch })
    }
}

#[cfg(test)]
mod tests;
