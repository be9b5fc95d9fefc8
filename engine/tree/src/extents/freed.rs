//! What an object stops mapping.

use engine_base::Location;

/// Bytes of an extent that an object no longer maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreedExtent {
    /// The first stored block that holds a byte of it.
    pub location: Location,
    /// Its first byte in the segment.
    pub position: u32,
    /// The first byte in the object.
    pub offset: u64,
    /// Logical bytes.
    pub bytes: u32,
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
    /// Its first byte in the segment.
    pub position: u32,
    /// First byte of the freed part in it.
    pub from: u32,
}
