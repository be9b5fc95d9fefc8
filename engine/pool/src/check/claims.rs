//! Which stored blocks of data are referred to: one bit each.

use std::collections::BTreeMap;
use std::ops::Range;

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
    /// Blocks of extents that others may share.
    shared: Vec<u64>,
    /// Bytes that extents map there.
    bytes: u64,
}

impl Claims {
    /// Claims `blocks` blocks that hold `bytes` mapped bytes; `false` if one of them was claimed
    /// before.
    pub(super) fn claim(&mut self, location: Location, blocks: usize, bytes: u32) -> bool {
        let claimed = self.segments.entry(location.segment).or_default();
        claimed.bytes += u64::from(bytes);
        let blocks = blocks_of(location, blocks);
        let free = !any(&claimed.bits, blocks.clone()) && !any(&claimed.shared, blocks.clone());
        set(&mut claimed.bits, blocks);
        free
    }

    /// Claims `blocks` blocks beside others who share them; `false` if one was claimed by somebody
    /// who does not.
    pub(super) fn claim_shared(&mut self, location: Location, blocks: usize) -> bool {
        let claimed = self.segments.entry(location.segment).or_default();
        let blocks = blocks_of(location, blocks);
        let free = !any(&claimed.bits, blocks.clone());
        set(&mut claimed.shared, blocks);
        free
    }

    /// Counts bytes that are mapped by extents that share them.
    pub(super) fn add_bytes(&mut self, segment: SegmentId, bytes: u32) {
        self.segments.entry(segment).or_default().bytes += u64::from(bytes);
    }

    /// Bytes that extents map in a segment.
    pub(super) fn bytes(&self, segment: SegmentId) -> u64 {
        self.segments
            .get(&segment)
            .map_or(0, |claimed| claimed.bytes)
    }
}

fn blocks_of(location: Location, blocks: usize) -> Range<usize> {
    let first = to_usize(u64::from(location.offset) / BLOCK);
    first..first + blocks
}

fn any(bits: &[u64], mut blocks: Range<usize>) -> bool {
    blocks.any(|block| {
        let word = bits.get(block / 64).copied().unwrap_or(0);
        word & (1 << (block % 64)) != 0
    })
}

fn set(bits: &mut Vec<u64>, blocks: Range<usize>) {
    for block in blocks {
        let (word, bit) = (block / 64, 1u64 << (block % 64));
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        if let Some(word) = bits.get_mut(word) {
            *word |= bit;
        }
    }
}

#[cfg(test)]
mod tests;
