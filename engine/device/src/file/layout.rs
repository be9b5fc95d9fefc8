//! Where areas lie in the host's files.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{Slot, to_usize};
use engine_format::{MEMBERSHIP_MAGIC, membership_offset, superblock_offset};

use super::directory::{Directory, LABEL_FILE};
use super::open_file::OpenFile;
use super::span::Span;
use super::sys;
use crate::{Area, Geometry, Prepare};

/// First bytes of a superblock (FORMAT.md "Superblock").
const SUPERBLOCK_MAGIC: &[u8] = b"TREFOIL\x1a";

/// Whether a label is that of a pool, or of a member of one that has no superblock yet.
pub(super) fn is_label(label: &[u8]) -> bool {
    (0..2).any(|copy| {
        let at = |offset| label.get(to_usize(offset)..).unwrap_or_default();
        at(superblock_offset(copy)).starts_with(SUPERBLOCK_MAGIC)
            || at(membership_offset(copy)).starts_with(&MEMBERSHIP_MAGIC)
    })
}

/// The two ways a device is laid out.
pub(super) enum Layout {
    /// A file for the label and one for each slot.
    Directory(Directory),
    /// Everything in one file or block device, one area behind the other.
    Span(Span),
}

/// A byte in a file.
pub(super) struct Target {
    pub(super) file: Arc<OpenFile>,
    pub(super) offset: u64,
}

impl Layout {
    /// The first byte of `area`. A slot must be part of `geometry`.
    pub(super) fn target(&self, area: Area, geometry: Option<&Geometry>) -> io::Result<Target> {
        match self {
            Self::Directory(directory) => Ok(Target {
                file: directory.file(area)?,
                offset: 0,
            }),
            Self::Span(span) => {
                let offset = match (area, geometry) {
                    (Area::Segment(slot), Some(geometry)) => span_offset(slot, *geometry),
                    (Area::Label | Area::Segment(_), _) => 0,
                };
                Ok(Target {
                    file: Arc::clone(&span.file),
                    offset,
                })
            }
        }
    }

    /// Bytes a new pool could have.
    pub(super) fn available(&self) -> io::Result<u64> {
        match self {
            Self::Directory(directory) => directory.available(),
            Self::Span(span) => Ok(span.bytes),
        }
    }

    /// Whether the file at `path` is the one that is open, and has not shrunk.
    pub(super) fn is_there(&self, path: &Path) -> io::Result<()> {
        let (open, path, bytes) = match self {
            Self::Directory(directory) => (directory.label(), path.join(LABEL_FILE), LABEL_BYTES),
            Self::Span(span) => (&span.file, path.to_owned(), span.bytes),
        };
        let (open, there) = (open.file(), File::open(path)?);
        let (known, found) = (open.metadata()?, there.metadata()?);
        if (known.dev(), known.ino(), known.rdev()) != (found.dev(), found.ino(), found.rdev()) {
            return Err(io::ErrorKind::StaleNetworkFileHandle.into());
        }
        let size = if found.file_type().is_block_device() {
            sys::block_device_bytes(&there)?
        } else {
            found.len()
        };
        if size < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Size that cannot grow by itself; a directory has none.
    pub(super) const fn fixed_bytes(&self) -> Option<u64> {
        match self {
            Self::Directory(_) => None,
            Self::Span(span) => Some(span.bytes),
        }
    }

    /// See [`crate::Device::prepare`].
    pub(super) fn prepare(&self, slot: Slot, geometry: Geometry, how: Prepare) -> io::Result<()> {
        match self {
            Self::Directory(directory) => directory.prepare(slot, geometry, how),
            Self::Span(span) => span.prepare(
                span_offset(slot, geometry),
                geometry.segment_bytes.into(),
                how,
            ),
        }
    }

    /// See [`crate::Device::discard`].
    pub(super) fn discard(&self, slot: Slot, geometry: Geometry) -> io::Result<()> {
        match self {
            Self::Directory(directory) => directory.discard(slot),
            Self::Span(span) => {
                span.discard(span_offset(slot, geometry), geometry.segment_bytes.into())
            }
        }
    }
}

/// First byte of a slot in one file. Cannot overflow: both factors are 32 bits wide.
fn span_offset(slot: Slot, geometry: Geometry) -> u64 {
    LABEL_BYTES + u64::from(slot.get()) * u64::from(geometry.segment_bytes)
}
