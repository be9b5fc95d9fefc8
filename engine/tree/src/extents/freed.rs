//! What an object stops mapping.

use engine_base::{Location, Sixteenths};
use engine_format::Unit;

/// Bytes of an extent that an object no longer maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreedExtent {
    /// The first stored block that holds a byte of it; of its unit, if it was a part of one.
    pub location: Location,
    /// Where what it counted for begins in the segment, in sixteenths of a byte.
    pub counted_from: u64,
    /// The first byte in the object.
    pub offset: u64,
    /// Logical bytes.
    pub bytes: u32,
    /// What it counted for of what is stored.
    pub weight: Sixteenths,
    /// What it was part of, if others may refer to the same stored bytes.
    pub shared: Option<SharedExtent>,
}

/// An extent that refers to shared bytes, before a part of it was freed. What is left of it before
/// and behind that part are two extents from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedExtent {
    /// Its first byte in the object.
    pub start: u64,
    /// Its bytes.
    pub bytes: u32,
    /// Its first byte in the segment; where it is a part of a unit, the first of that.
    pub position: u32,
    /// That unit, and the extent's first byte in it.
    pub part: Option<(Unit, u16)>,
    /// First byte of the freed part in it.
    pub from: u32,
}
