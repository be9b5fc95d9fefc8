//! Which segments are packed next.
//!
//! Copying what is live of a segment costs that many bytes; what it brings is the rest. What was
//! written long ago and is still live will hardly die soon, so that its segment gets no sparser by
//! waiting, while one that was written lately does. So victims are chosen by benefit and age over
//! cost, as log-structured file systems do.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use engine_base::limits::BLOCK;
use engine_base::{Lsn, SegmentId};
use engine_format::{Redirect, SegmentKind, SegmentState};

use super::Space;

/// What says where moved blocks lie may take this part of the pool's size in memory,
const REDIRECTS_PART: u64 = 1024;
/// or this where that is less.
const REDIRECTS_BYTES: u64 = 16 << 20;
/// Packed segments for each slot of the pool. Where everything is written over at random, what is
/// live of a segment shrinks to a third while as much is written as is live in all: some `ln n`
/// segments of `n` blocks for each slot still have a live one, twice that at depth 1.
pub(super) const NAMES_PER_SLOT: u64 = 32;

/// A segment that could be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) segment: SegmentId,
    /// Bytes that would be copied, about.
    pub(crate) live: u64,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackingGoal {
    pub(crate) segment_bytes: u32,
    /// The lowest id that was not given out: ages are counted from here.
    pub(crate) next_segment: SegmentId,
    /// Bytes that may be copied.
    pub(crate) room: u64,
    /// Slots to be brought back beyond those that copying takes.
    pub(crate) gain: u32,
}

impl PackingGoal {
    /// Bytes of blocks in a segment.
    const fn usable(&self) -> u64 {
        self.segment_bytes as u64 - BLOCK
    }

    fn score(&self, candidate: &Candidate) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a score is an estimate")]
        let (live, usable) = (candidate.live as f64, self.usable() as f64);
        #[expect(clippy::cast_precision_loss, reason = "a score is an estimate")]
        let age = (self.next_segment.get() - candidate.segment.get()) as f64;
        let used = (live / usable).min(1.0);
        (1.0 - used) * age.sqrt() / (1.0 + used)
    }

    /// Takes candidates in their order while they fit and more is wanted.
    fn take(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let (mut taken, mut moved) = (Vec::new(), 0);
        for candidate in candidates {
            // Fuller ones cost more than they bring.
            let sparse = candidate.live <= self.usable() / 16 * 15;
            if !sparse || moved + candidate.live > self.room {
                continue;
            }
            taken.push(*candidate);
            moved += candidate.live;
            if self.gain_of(&taken) >= self.gain {
                break;
            }
        }
        if self.gain_of(&taken) == 0 {
            Vec::new()
        } else {
            taken
        }
    }

    /// Slots that packing these brings back beyond those that it takes.
    pub(crate) fn gain_of(&self, taken: &[Candidate]) -> u32 {
        let moved: u64 = taken.iter().map(|candidate| candidate.live).sum();
        let slots = taken.len() as u64;
        u32::try_from(slots.saturating_sub(moved.div_ceil(self.usable()))).unwrap_or(u32::MAX)
    }
}

/// The segments to pack; none if that would not bring a slot.
pub(crate) fn choose_packing(mut candidates: Vec<Candidate>, goal: &PackingGoal) -> Vec<Candidate> {
    let by_score = |a: &Candidate, b: &Candidate| goal.score(b).total_cmp(&goal.score(a));
    candidates.sort_by(by_score);
    let chosen = goal.take(&candidates);
    if !chosen.is_empty() {
        return chosen;
    }
    // Little room: only the sparsest may bring anything.
    candidates.sort_by_key(|candidate| (candidate.live, candidate.segment));
    goal.take(&candidates)
}

impl Space {
    /// The segments that may be packed, if the newest checkpoint has the state of `lsn`. `slack` is
    /// what is known of bytes that have to be copied besides live ones: the rest of their blocks.
    pub(crate) fn candidates(&self, lsn: Lsn, slack: impl Fn(SegmentId) -> u64) -> Vec<Candidate> {
        let packs = self.live_in_packs();
        let crowded = self.is_crowded();
        let mut candidates = Vec::new();
        for (segment, known) in &self.segments {
            let sealed = known.state == SegmentState::Sealed && known.live > 0;
            let live = match known.kind {
                SegmentKind::Journal if sealed && known.last_lsn <= lsn && !crowded => {
                    u64::from(known.live)
                }
                SegmentKind::Pack if sealed => match packs.get(segment) {
                    Some(Some(live)) => *live,
                    _ => continue,
                },
                _ => continue,
            };
            candidates.push(Candidate {
                segment: *segment,
                live: live + slack(*segment),
            });
        }
        candidates
    }

    /// Whether so many names have to be resolved that there must not be more: then only packs are
    /// packed, until names die.
    fn is_crowded(&self) -> bool {
        let slots = u64::from(self.geometry.slots);
        let memory = slots * u64::from(self.geometry.segment_bytes) / REDIRECTS_PART;
        let memory = memory.max(REDIRECTS_BYTES);
        let names = self.packed().count() as u64;
        names > NAMES_PER_SLOT * slots || self.redirect_bytes() as u64 > memory
    }

    /// The live bytes of each pack, taken as spread evenly over the blocks of the segments that lie
    /// there; `None` of those that hold one that was moved just now.
    fn live_in_packs(&self) -> BTreeMap<SegmentId, Option<u64>> {
        let mut live: BTreeMap<SegmentId, Option<u64>> = BTreeMap::new();
        for (segment, packed) in self.packed() {
            let known = self
                .segments
                .get(&segment)
                .map_or(0, |known| u64::from(known.live));
            let blocks = packed.stretches.values().map(Redirect::blocks).sum::<u32>();
            let is_leaving = self.is_leaving(segment);
            for part in packed.stretches.values().flat_map(Redirect::parts) {
                let share = known * u64::from(part.blocks) / u64::from(blocks.max(1));
                let sum = live.entry(part.at.segment).or_insert(Some(0));
                *sum = if is_leaving {
                    None
                } else {
                    sum.map(|sum| sum + share)
                };
            }
        }
        live
    }
}
