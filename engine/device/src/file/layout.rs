//! Where areas lie in the host's files.

use std::io;
use std::sync::Arc;

use engine_base::Slot;
use engine_base::limits::LABEL_BYTES;

use super::directory::Directory;
use super::open_file::OpenFile;
use super::span::Span;
use crate::{Area, Geometry, Prepare};

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
