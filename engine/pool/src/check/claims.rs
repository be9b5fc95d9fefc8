//! Which stored blocks of data are referred to: one bit each.

use std::collections::BTreeMap;
use std::ops::Range;

use engine_base::limits::BLOCK;
use engine_base::{Location, SegmentId, Sixteenths, to_usize};

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
    /// Blocks of units, and the first of each.
    units: Vec<u64>,
    starts: Vec<u64>,
    /// What extents refer to there.
    live: Sixteenths,
}

/// What came of claiming a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimedUnit {
    /// It was not claimed before.
    New,
    /// Another part of it was.
    Again,
    /// Something else lies in its blocks.
    Taken,
}

impl Claims {
    /// Claims `blocks` blocks that hold `bytes` mapped bytes; `false` if one of them was claimed
    /// before.
    pub(super) fn claim(&mut self, location: Location, blocks: usize, bytes: u32) -> bool {
        let claimed = self.segments.entry(location.segment).or_default();
        claimed.live += Sixteenths::of_bytes(bytes.into());
        let blocks = blocks_of(location, blocks);
        let free = [&claimed.bits, &claimed.shared, &claimed.units];
        let free = free.iter().all(|bits| !any(bits, blocks.clone()));
        set(&mut claimed.bits, blocks);
        free
    }

    /// Claims `blocks` blocks beside others who share them; `false` if one was claimed by somebody
    /// who does not.
    pub(super) fn claim_shared(&mut self, location: Location, blocks: usize) -> bool {
        let claimed = self.segments.entry(location.segment).or_default();
        let blocks = blocks_of(location, blocks);
        let free = !any(&claimed.bits, blocks.clone()) && !any(&claimed.units, blocks.clone());
        set(&mut claimed.shared, blocks);
        free
    }

    /// Claims the `blocks` blocks of a unit, of which other extents may have other parts.
    pub(super) fn claim_unit(&mut self, location: Location, blocks: usize) -> ClaimedUnit {
        let claimed = self.segments.entry(location.segment).or_default();
        let blocks = blocks_of(location, blocks);
        let (first, rest) = (blocks.start..blocks.start + 1, blocks.start + 1..blocks.end);
        let is_whole = blocks.clone().all(|at| any(&claimed.units, at..at + 1));
        if is_whole && any(&claimed.starts, first.clone()) && !any(&claimed.starts, rest) {
            return ClaimedUnit::Again;
        }
        let taken = [&claimed.bits, &claimed.shared, &claimed.units];
        let taken = taken.iter().any(|bits| any(bits, blocks.clone()));
        set(&mut claimed.units, blocks);
        set(&mut claimed.starts, first);
        match taken {
            true => ClaimedUnit::Taken,
            false => ClaimedUnit::New,
        }
    }

    /// Counts what is referred to by parts of units, and by extents that share it.
    pub(super) fn add_live(&mut self, segment: SegmentId, weight: Sixteenths) {
        self.segments.entry(segment).or_default().live += weight;
    }

    /// What extents refer to in a segment.
    pub(super) fn live(&self, segment: SegmentId) -> Sixteenths {
        let claimed = self.segments.get(&segment);
        claimed.map_or(Sixteenths::ZERO, |claimed| claimed.live)
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
