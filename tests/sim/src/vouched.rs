//! What of a history groups of the journal say was durable.

/// How many steps are vouched for, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// So many whatever becomes of the journal.
    checkpoint: usize,
    /// Ascending; each was said by groups of its own, which were written after those before.
    said: Vec<usize>,
}

impl Vouched {
    /// A checkpoint has the state after `steps` steps.
    pub(crate) const fn by_checkpoint(steps: usize) -> Self {
        Self {
            checkpoint: steps,
            said: Vec::new(),
        }
    }

    /// Groups were written that say that the first `steps` steps are durable.
    pub(crate) fn add(&mut self, steps: usize) {
        let least = self.said.last().copied().unwrap_or(0);
        self.said.push(steps.max(least));
    }

    /// So many steps must be there where `places` places are damaged and nothing tells: one can be
    /// the first group that is missing, the others all that say that it was durable.
    pub(crate) fn despite(&self, places: u64) -> usize {
        let places = usize::try_from(places).unwrap_or(usize::MAX).max(1);
        let said = self.said.len().checked_sub(places);
        let said = said.and_then(|index| self.said.get(index)).copied();
        said.unwrap_or(0).max(self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::Vouched;

    #[test]
    fn every_damaged_place_can_be_one_that_vouches() {
        let mut vouched = Vouched::by_checkpoint(1);
        assert_eq!(vouched.despite(1), 1);
        for steps in [2, 3, 5] {
            vouched.add(steps);
        }
        let despite = [0, 1, 2, 3, 4].map(|places| vouched.despite(places));
        assert_eq!(despite, [5, 5, 3, 2, 1]);
    }
}
