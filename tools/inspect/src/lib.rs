//! Printing single structures of a pool, by the format and the device alone.
//!
//! What is damaged is printed as far as it can be read, with what is wrong: fields are taken from
//! the bytes as they lie there, and the format's own decoder says what it thinks of them. No bytes
//! make this panic. Nothing is written.
#![deny(clippy::indexing_slicing)]

mod error;
mod fields;
mod group;
mod node;
mod page;
mod pool;
mod segment;
mod superblock;
mod table;
mod values;

#[cfg(test)]
mod tests;

use engine_base::{SegmentId, Slot};
use engine_device::Device;

pub use error::InspectError;

/// What to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Both superblocks.
    Superblock,
    /// The header of a segment, and what lies behind it: groups, or pages and deltas.
    Segment(SegmentName),
    /// A group of the journal, with its batches and mutations.
    Record {
        /// Slot of its segment.
        slot: Slot,
        /// Bytes from the segment's start: a multiple of 4,096.
        offset: u32,
    },
    /// A page of a tree, a page of the segment table, or a delta, whichever lies there.
    Page {
        /// Slot of its segment.
        slot: Slot,
        /// Bytes from the segment's start.
        offset: u32,
    },
}

/// Which segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentName {
    /// The one in this slot.
    Slot(Slot),
    /// The one with this id, wherever it lies.
    Id(SegmentId),
}

/// Reads `target` and returns it as text for people, or as JSON.
///
/// `device` may be attached or not; if not, it is attached to the geometry that a superblock names.
///
/// # Errors
/// [`InspectError`]: it cannot be read at all. Damage is no error.
pub fn inspect(device: &dyn Device, target: &Target, json: bool) -> Result<String, InspectError> {
    let node = match *target {
        Target::Superblock => superblock::both(device)?,
        Target::Segment(name) => {
            let pool = pool::Pool::find(device)?;
            segment::segment(&pool, pool.slot_of(name)?)?
        }
        Target::Record { slot, offset } => {
            let pool = pool::Pool::find(device)?;
            group::group(&pool, pool.place(slot, offset)?)?
        }
        Target::Page { slot, offset } => {
            let pool = pool::Pool::find(device)?;
            page::any(&pool, pool.place(slot, offset)?)?
        }
    };
    Ok(if json { node.json() } else { node.text() })
}
