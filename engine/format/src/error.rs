//! Why bytes were refused.

use std::fmt;

use engine_base::Checksum;

use crate::NameError;

/// Bytes that are not a valid structure of the format. The caller adds where they were read.
///
/// Never the result of a failed device call, and never a reason to panic: bytes of a device are
/// input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes do not start as this structure does: it was never written here, or something else
    /// was.
    #[error("no {structure} here: it starts with {found:02x?} instead of its magic")]
    BadMagic {
        /// Which structure was expected.
        structure: &'static str,
        /// The bytes in the place of its magic, zero-extended.
        found: [u8; 8],
    },
    /// The bytes are not those that were written: torn, rotten, or of another place.
    #[error(
        "the {structure} is damaged: its checksum says {stored}, its bytes give {computed}; \
         use another copy or restore it"
    )]
    Checksum {
        /// Which structure.
        structure: &'static str,
        /// The checksum that was stored with it or in the pointer to it.
        stored: Checksum,
        /// The checksum of the bytes as they are.
        computed: Checksum,
    },
    /// Another version of Trefoil wrote it.
    #[error(
        "the {structure} has format version {found}, this build reads version {supported}; \
         use the version of Trefoil that wrote it"
    )]
    UnsupportedVersion {
        /// Which structure.
        structure: &'static str,
        /// Its version.
        found: u32,
        /// The only version that this build reads.
        supported: u32,
    },
    /// The pool uses features that this build does not know and must not ignore.
    #[error(
        "the pool uses incompatible features {incompatible:#x} that this build does not know; \
         use a newer version of Trefoil"
    )]
    UnsupportedFeatures {
        /// The unknown bits.
        incompatible: u64,
    },
    /// There are fewer bytes than the structure needs.
    #[error("the {structure} is cut off: it needs {needed} bytes, there are {available}")]
    Truncated {
        /// Which structure.
        structure: &'static str,
        /// Bytes it needs at least.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The structure is whole, but not the one that belongs here: a misdirected or stale write, or
    /// a leftover of another pool.
    #[error(
        "the {structure} is that of another place: its {name} is {found}, here belongs {expected}"
    )]
    Misplaced {
        /// Which structure.
        structure: &'static str,
        /// The field that names it.
        name: &'static str,
        /// What the field says.
        found: Identity,
        /// What the reader was looking for.
        expected: Identity,
    },
    /// A field has a value that it must not have.
    #[error("the {structure} is invalid: {name} is {value}, but {why}")]
    Field {
        /// Which structure.
        structure: &'static str,
        /// The field's name in FORMAT.md.
        name: &'static str,
        /// Its value; of a longer field the first byte that is wrong.
        value: u64,
        /// The rule it breaks.
        why: &'static str,
    },
    /// Verified stored bytes are not the compressed unit that they should be.
    #[error("the compressed unit is invalid: {why}; restore it, and report this")]
    Unit {
        /// The rule it breaks.
        why: &'static str,
    },
    /// A dataset's name breaks the rules for names.
    #[error("the {structure} is invalid: its name is refused")]
    Name {
        /// Which structure.
        structure: &'static str,
        /// The rule it breaks.
        #[source]
        source: NameError,
    },
}

/// What a structure says it is, for [`FormatError::Misplaced`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// A counted id, a position or an index.
    Number(u64),
    /// A random id.
    Random([u8; 16]),
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Random(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}
