//! Which shared blocks a pass has verified: else each reference would have them read again.

use std::collections::HashMap;

use engine_base::limits::BLOCK;
use engine_base::{Location, SegmentId, to_usize};

/// Words of 64 blocks that are remembered: 2 MiB of memory for 64 GiB of shared data. What is over
/// that may be read again.
const WORDS_MAX: usize = 256 << 10;

#[derive(Default)]
pub(super) struct Verified {
    segments: HashMap<SegmentId, HashMap<usize, u64>>,
    words: usize,
}

impl Verified {
    /// Whether all of these blocks were.
    pub(super) fn has(&self, location: Location, blocks: usize) -> bool {
        let Some(words) = self.segments.get(&location.segment) else {
            return false;
        };
        places(location, blocks)
            .all(|(word, bit)| words.get(&word).is_some_and(|word| word & bit != 0))
    }

    pub(super) fn add(&mut self, location: Location, blocks: usize) {
        let words = self.segments.entry(location.segment).or_default();
        for (word, bit) in places(location, blocks) {
            if let Some(word) = words.get_mut(&word) {
                *word |= bit;
            } else if self.words < WORDS_MAX {
                words.insert(word, bit);
                self.words += 1;
            }
        }
    }
}

fn places(location: Location, blocks: usize) -> impl Iterator<Item = (usize, u64)> {
    let first = to_usize(u64::from(location.offset) / BLOCK);
    (first..first + blocks).map(|block| (block / 64, 1 << (block % 64)))
}
