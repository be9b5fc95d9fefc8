//! Which unsynced changes a power cut spares.

use engine_base::SeededEntropy;

use super::area::Change;

/// What is left of one change.
pub(super) enum Survival {
    None,
    All,
    /// The sectors whose bit is set.
    Sectors(Vec<bool>),
}

impl Survival {
    pub(super) fn includes(&self, sector: usize) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Sectors(survives) => survives[sector],
        }
    }
}

/// How a power cut chooses.
pub(super) enum Policy {
    Nothing,
    Everything,
    /// Changes with a sequence below this one.
    Prefix(u64),
    /// Each change by itself.
    Each,
}

impl Policy {
    /// Draws a policy; the thorough one half of the time. `sequences` are those of unsynced
    /// changes.
    pub(super) fn draw(random: &SeededEntropy, sequences: &[u64]) -> Self {
        match random.next_u64() % 8 {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 | 3 => {
                let length = below(random, sequences.len() + 1);
                Self::Prefix(sequences.get(length).copied().unwrap_or(u64::MAX))
            }
            _ => Self::Each,
        }
    }

    /// What is left of `change`.
    pub(super) fn choose(&self, random: &SeededEntropy, change: &Change) -> Survival {
        match self {
            Self::Nothing => Survival::None,
            Self::Everything => Survival::All,
            Self::Prefix(end) if change.sequence < *end => Survival::All,
            Self::Prefix(_) => Survival::None,
            Self::Each => match random.next_u64() % 3 {
                0 => Survival::None,
                1 => Survival::All,
                _ => random_sectors(random, change.sectors()),
            },
        }
    }
}

fn random_sectors(random: &SeededEntropy, sectors: usize) -> Survival {
    Survival::Sectors(
        (0..sectors)
            .map(|_| random.next_u64().is_multiple_of(2))
            .collect(),
    )
}

/// A number below `bound`, which is not zero.
pub(super) fn below(random: &SeededEntropy, bound: usize) -> usize {
    engine_base::to_usize(random.next_u64()) % bound
}
