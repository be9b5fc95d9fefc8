//! Sets of inode numbers: one bit each, in stretches that are there where one is.

use std::collections::BTreeMap;

use engine_base::to_usize;
use engine_format::InodeId;

/// Numbers of one stretch. A few inodes that lie far apart take little; ten million that do not
/// take little more than a MiB.
const STRETCH: u64 = 4096;
const WORDS: usize = 64;

const _: () = assert!(STRETCH == WORDS as u64 * 64);

/// A set of inode numbers.
#[derive(Default)]
pub(super) struct Ids {
    stretches: BTreeMap<u64, Box<[u64; WORDS]>>,
}

impl Ids {
    /// Adds a number; `false` if it was there.
    pub(super) fn insert(&mut self, id: InodeId) -> bool {
        let (stretch, word, bit) = place(id.get());
        let words = self
            .stretches
            .entry(stretch)
            .or_insert_with(|| Box::new([0; WORDS]));
        let Some(word) = words.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(super) fn contains(&self, id: InodeId) -> bool {
        self.has(id.get())
    }

    fn has(&self, number: u64) -> bool {
        let (stretch, word, bit) = place(number);
        let words = self.stretches.get(&stretch);
        words.is_some_and(|words| words.get(word).is_some_and(|word| word & bit != 0))
    }

    /// Those that are in none of `others`, ascending.
    pub(super) fn without<'a>(&'a self, others: &'a [&Self]) -> impl Iterator<Item = InodeId> + 'a {
        let numbers = self
            .stretches
            .keys()
            .flat_map(|stretch| stretch * STRETCH..(stretch + 1) * STRETCH);
        numbers
            .filter(|number| self.has(*number) && !others.iter().any(|other| other.has(*number)))
            .filter_map(InodeId::new)
    }
}

fn place(number: u64) -> (u64, usize, u64) {
    let within = number % STRETCH;
    (number / STRETCH, to_usize(within / 64), 1 << (within % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> InodeId {
        InodeId::new(number).unwrap_or(InodeId::ROOT)
    }

    #[test]
    fn numbers_are_in_the_sets_that_they_were_added_to() {
        let (mut all, mut some) = (Ids::default(), Ids::default());
        for number in [1, 63, 64, 4095, 4096, 1 << 40] {
            assert!(all.insert(id(number)), "{number} is new");
            assert!(!all.insert(id(number)), "{number} is there");
        }
        some.insert(id(64));
        some.insert(id(1 << 40));
        let left: Vec<u64> = all.without(&[&some]).map(InodeId::get).collect();
        assert_eq!(left, [1, 63, 4095, 4096]);
        assert!(!all.contains(id(2)));
    }
}
