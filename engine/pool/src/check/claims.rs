//! Which stored blocks of data are referred to: one bit each.

use std::collections::BTreeMap;

use engine_base::limits::BLOCK;
use engine_base::{Location, SegmentId, to_usize};

/// Blocks of journal segments that an extent refers to.
#[derive(Default)]
pub(super) struct Claims {
    segments: BTreeMap<SegmentId, Claimed>,
}

#[derive(Default)]
struct Claimed {
    bits: Vec<u64>,
    /// Bytes that extents map there.
    bytes: u64,
}

impl Claims {
    /// Claims `blocks` blocks that hold `bytes` mapped bytes; `false` if one of them was claimed
    /// before.
    pub(super) fn claim(&mut self, location: Location, blocks: usize, bytes: u32) -> bool {
        let claimed = self.segments.entry(location.segment).or_default();
        claimed.bytes += u64::from(bytes);
        let first = to_usize(u64::from(location.offset) / BLOCK);
        let mut free = true;
        for block in first..first + blocks {
            let (word, bit) = (block / 64, 1u64 << (block % 64));
            if claimed.bits.len() <= word {
                claimed.bits.resize(word + 1, 0);
            }
            if let Some(word) = claimed.bits.get_mut(word) {
                free &= *word & bit == 0;
                *word |= bit;
            }
        }
        free
    }

    /// Bytes that extents map in a segment.
    pub(super) fn bytes(&self, segment: SegmentId) -> u64 {
        self.segments
            .get(&segment)
            .map_or(0, |claimed| claimed.bytes)
    }
}

#[cfg(test)]
mod tests;
