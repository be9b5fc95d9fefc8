//! What a run of crash points has done.

use std::fmt;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts after which the pool was opened and compared.
    pub crashes: u64,
    /// Of them during a recovery.
    pub during_recovery: u64,
    /// Deaths of the process after which the pool was opened and compared.
    pub kills: u64,
    /// Images that the offline check was run on.
    pub checks: u64,
    /// Older checkpoints that were opened.
    pub rewinds: u64,
    /// Operations of workloads.
    pub operations: u64,
    /// Rounds of cleaning that moved something.
    pub cleanings: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} power cuts ({} during recovery), {} kills, {} checks, {} rewinds, {} operations, \
             {} rounds of cleaning",
            self.crashes,
            self.during_recovery,
            self.kills,
            self.checks,
            self.rewinds,
            self.operations,
            self.cleanings
        )
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.during_recovery += other.during_recovery;
        self.kills += other.kills;
        self.checks += other.checks;
        self.rewinds += other.rewinds;
        self.operations += other.operations;
        self.cleanings += other.cleanings;
    }
}
