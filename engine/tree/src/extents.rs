//! The extent map of an object: which of its bytes lie where. Entries of a tree, one per extent.
//!
//! The key of an extent is the object's key prefix and the offset of its first byte, big-endian.
//! Invariants:
//! * extents of an object never overlap;
//! * an extent maps at most 1 MiB, so whoever covers byte `o` starts within `(o - 1 MiB, o]`;
//! * no other key of the tree starts with an object's prefix.
//!
//! The functions here change entries only; they know nothing of segments but the locations in the
//! values. Each byte range that they stop referring to is reported to the caller, who keeps the
//! accounts.

mod error;
mod freed;
mod key;
mod lookup;
mod map;
mod put;

#[cfg(test)]
mod tests;

pub use error::ExtentError;
pub use freed::{FreedExtent, SharedExtent};
pub use key::{ExtentKey, extent_key_span};
pub use lookup::{Piece, extent_lookup};
pub use map::EntryMap;
pub use put::{extent_clear, extent_clear_over, extent_put, extent_put_over};
