//! Why an operation on an extent map stopped.

use engine_format::FormatError;

/// An operation on extents that could not go on. `E` is the error of the map below.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtentError<E> {
    /// The map below: for a tree, a page that has to be read first. Repeat the whole call
    /// afterwards.
    #[error("an entry of the extent map cannot be reached")]
    Map(E),
    /// An entry that is not an extent, although only extents have such keys.
    #[error("the extent at byte {offset} of an object is damaged; restore the object")]
    Entry {
        /// The object's byte that the entry should map.
        offset: u64,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
    /// A key with the object's prefix that is not one of an extent.
    #[error(
        "a key of {key_bytes} bytes lies among the extents of an object, whose keys have \
         {expected_bytes}; restore the object"
    )]
    Key {
        /// Its length.
        key_bytes: usize,
        /// The length of the object's keys.
        expected_bytes: usize,
    },
}
