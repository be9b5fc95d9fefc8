//! Numbers of checkpoints.

use std::fmt;

/// Number of a checkpoint, ascending in the life of a pool. The one that creates the pool is
/// [`CheckpointId::FIRST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointId(u64);

impl CheckpointId {
    /// The checkpoint that creates a pool.
    pub const FIRST: Self = Self(1);

    /// The checkpoint with this number.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number, for encoding.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number of the next checkpoint.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {}", self.0)
    }
}
