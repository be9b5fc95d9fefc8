//! What must hold for any bytes of an attribute that is decoded: run by `cargo fuzz` (see `fuzz/`)
//! without end and by an ordinary test within bounds.

use crate::acl::fuzzing as lists;

/// An access control list. Nothing may panic, and what is accepted is kept as it was given, but for
/// the ids of entries that have none; it and a mode never contradict each other.
///
/// # Panics
/// If something does not hold.
pub fn acl(value: &[u8]) {
    lists::holds(value);
}

#[cfg(test)]
mod tests;
