//! What the engine's decoders say of a structure's bytes. Where a decoder refuses, the engine sees
//! the refusal and nothing else of the bytes: all damage that is refused for one reason is one
//! case.

use engine_base::{Checksum, Location, PoolId, Slot};
use engine_format::{
    CheckpointId, FormatError, SegmentHeader, SegmentTablePage, Superblock, decode_head, peek_head,
};
use engine_tree::{LoadedPage, Missing, PageError};

const BLOCK_BYTES: usize = 4096;

/// How a structure is read.
#[derive(Debug, Clone)]
pub(crate) enum Decode {
    /// Which copy.
    Superblock(u8),
    SegmentHeader(PoolId, Slot),
    TablePage(Checksum, CheckpointId),
    /// With the delta that changes it.
    TreePage(Missing, Option<Box<[u8]>>),
    /// With the page that it changes.
    Delta(Missing, Box<[u8]>),
    Head(Location),
    /// The checksums of the blocks.
    Data(Vec<u32>),
}

/// Why a decoder refuses: the rule, the structure, the field.
pub(crate) type Refusal = (&'static str, &'static str, &'static str);

impl Decode {
    /// Bytes that are refused or accepted apart from the rest.
    pub(crate) const fn unit_bytes(&self, bytes: usize) -> usize {
        match self {
            Self::Data(_) => BLOCK_BYTES,
            _ => bytes,
        }
    }

    /// Why `bytes`, unit `unit` of the structure, are refused. `None`: they are not.
    pub(crate) fn refusal(&self, unit: usize, bytes: &[u8]) -> Option<Refusal> {
        match self {
            Self::Superblock(copy) => {
                refused(Superblock::decode(bytes.first_chunk().unwrap(), *copy))
            }
            Self::SegmentHeader(pool, slot) => refused(SegmentHeader::decode(
                bytes.first_chunk().unwrap(),
                *pool,
                *slot,
            )),
            Self::TablePage(checksum, checkpoint) => {
                if crc32c::crc32c(bytes) != checksum.get() {
                    return Some(("checksum", "table", ""));
                }
                refused(SegmentTablePage::decode(
                    bytes.first_chunk().unwrap(),
                    *checkpoint,
                ))
            }
            Self::TreePage(missing, delta) => page(missing, bytes, delta.as_deref()),
            Self::Delta(missing, base) => page(missing, base, Some(bytes)),
            // Its sizes are believed before the rest of it is read.
            Self::Head(at) => match peek_head(bytes, *at) {
                Ok(_) => refused(decode_head(bytes, *at)),
                Err(error) => Some(("peek", class(&error).0, class(&error).2)),
            },
            Self::Data(sums) => {
                (crc32c::crc32c(bytes) != sums[unit]).then_some(("checksum", "data", ""))
            }
        }
    }
}

fn refused<T>(decoded: Result<T, FormatError>) -> Option<Refusal> {
    decoded.err().map(|error| class(&error))
}

fn page(missing: &Missing, base: &[u8], delta: Option<&[u8]>) -> Option<Refusal> {
    let error = LoadedPage::decode(missing, base, delta).err()?;
    Some(match &error {
        PageError::Base { source, .. } => class(source),
        PageError::Delta { source, .. } => ("delta", class(source).0, class(source).2),
        PageError::Misplaced { .. } => ("misplaced", "page", ""),
        PageError::DeltaMisfit { .. } => ("misfit", "delta", ""),
    })
}

const fn class(error: &FormatError) -> Refusal {
    match error {
        FormatError::BadMagic { structure, .. } => ("magic", structure, ""),
        FormatError::Checksum { structure, .. } => ("checksum", structure, ""),
        FormatError::UnsupportedVersion { structure, .. } => ("version", structure, ""),
        FormatError::UnsupportedFeatures { .. } => ("features", "", ""),
        FormatError::Truncated { structure, .. } => ("truncated", structure, ""),
        FormatError::Misplaced {
            structure, name, ..
        } => ("misplaced", structure, name),
        FormatError::Field {
            structure, name, ..
        } => ("field", structure, name),
        FormatError::Name { structure, .. } => ("name", structure, ""),
        FormatError::Unit { .. } => ("unit", "data", ""),
    }
}
