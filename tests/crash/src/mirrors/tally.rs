//! What a run has done.

use std::fmt;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MirrorTally {
    /// Power cuts of all devices after which the pool was opened and compared.
    pub crashes: u64,
    /// Devices that were lost while the pool went on.
    pub losses: u64,
    /// Devices that were brought up to date.
    pub resyncs: u64,
    /// Stretches of one device that were overwritten with rubbish.
    pub rotten: u64,
    /// Openings that had to be refused, and were.
    pub refused: u64,
}

impl fmt::Display for MirrorTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} power cuts, {} lost devices, {} brought up to date, {} rotten stretches, {} \
             openings refused",
            self.crashes, self.losses, self.resyncs, self.rotten, self.refused
        )
    }
}

impl std::ops::AddAssign for MirrorTally {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.losses += other.losses;
        self.resyncs += other.resyncs;
        self.rotten += other.rotten;
        self.refused += other.refused;
    }
}
