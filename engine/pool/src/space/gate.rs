//! The gate: from dead to free.

use std::sync::Arc;

use engine_base::{Location, Lsn, SegmentId, Slot};
use engine_format::{CheckpointId, SegmentEntry, SegmentKind, SegmentState};

use super::{LiveChange, Segment, Space};

/// Free slots kept as they are for the journal; more are given back to the host.
const OVERWRITTEN_SLOTS_KEPT: usize = 16;

/// Held by a reader between looking a location up and having read it.
#[derive(Debug, Clone)]
pub struct ReadPin {
    _generation: Arc<()>,
}

/// Hands out pins, and knows which are still held.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    current: Arc<()>,
}

impl Generation {
    /// Keeps every segment that can be looked up now from being reused while it lives.
    pub(crate) fn pin(&self) -> ReadPin {
        ReadPin {
            _generation: Arc::clone(&self.current),
        }
    }

    fn retire(&mut self) -> Arc<()> {
        std::mem::take(&mut self.current)
    }
}

/// Segments that are dead, and the readers that may still look at them.
#[derive(Debug, Default)]
pub(super) struct Gate {
    dead: Vec<(CheckpointId, SegmentId)>,
    /// Pins handed out before the capture of a checkpoint.
    retired: Vec<(CheckpointId, Arc<()>)>,
}

impl Gate {
    /// Drops generations without readers; whether one from before `checkpoint` has any left.
    fn has_readers_before(&mut self, checkpoint: CheckpointId) -> bool {
        self.retired
            .retain(|(_, generation)| Arc::strong_count(generation) > 1);
        self.retired
            .iter()
            .any(|(retired_at, _)| *retired_at <= checkpoint)
    }
}

impl Space {
    /// In the turn of apply in which the state of `checkpoint` is taken: marks the journal segments
    /// that are dead in it, and returns all journal segments as they are in it.
    pub(crate) fn capture(
        &mut self,
        checkpoint: CheckpointId,
        lsn: Lsn,
        generation: &mut Generation,
    ) -> Vec<SegmentEntry> {
        self.gate.retired.push((checkpoint, generation.retire()));
        let is_dead = |segment: &Segment| {
            segment.kind == SegmentKind::Journal
                && segment.state == SegmentState::Sealed
                && segment.live == 0
                && segment.last_lsn <= lsn
        };
        self.mark_dead(checkpoint, is_dead);
        self.entries(|segment| segment.kind == SegmentKind::Journal && segment.last_lsn <= lsn)
    }

    /// After all tree pages of `checkpoint` were written: counts them, and marks the index segments
    /// that are dead in it.
    pub(crate) fn count_pages(
        &mut self,
        checkpoint: CheckpointId,
        written: &[(Location, u32)],
        freed: &[(Location, u32)],
    ) {
        for (location, bytes) in written {
            self.adjust(location.segment, LiveChange::Add(*bytes));
        }
        for (location, bytes) in freed {
            self.adjust(location.segment, LiveChange::Subtract(*bytes));
        }
        self.mark_dead(checkpoint, |segment| {
            segment.kind == SegmentKind::Index
                && segment.state == SegmentState::Sealed
                && segment.live == 0
        });
    }

    /// The index segments as they are now.
    pub(crate) fn index_entries(&self) -> Vec<SegmentEntry> {
        self.entries(|segment| segment.kind == SegmentKind::Index)
    }

    fn entries(&self, include: impl Fn(&Segment) -> bool) -> Vec<SegmentEntry> {
        self.segments
            .iter()
            .filter(|(_, segment)| include(segment))
            .map(|(id, segment)| SegmentEntry {
                segment: *id,
                slot: segment.slot,
                kind: segment.kind,
                state: segment.state,
                written_bytes: segment.written,
                live_bytes: segment.live,
                last_lsn: segment.last_lsn,
            })
            .collect()
    }

    fn mark_dead(&mut self, checkpoint: CheckpointId, is_dead: impl Fn(&Segment) -> bool) {
        for (id, segment) in &mut self.segments {
            if is_dead(segment) {
                self.reclaimable -= u32::from(segment.is_reclaimable());
                segment.state = SegmentState::Dead;
                self.gate.dead.push((checkpoint, *id));
            }
        }
    }

    /// Notes segments that were dead in the checkpoint a pool was opened at.
    pub(crate) fn restore_dead(&mut self, checkpoint: CheckpointId) {
        let dead = self
            .segments
            .iter()
            .filter(|(_, s)| s.state == SegmentState::Dead);
        self.gate.dead.extend(dead.map(|(id, _)| (checkpoint, *id)));
    }

    /// `durable` is durable: releases what was dead in the checkpoint before it. Returns slots
    /// whose storage goes back to the host first: discard them, then [`Space::add_free`].
    pub(crate) fn release(&mut self, durable: CheckpointId) -> Vec<Slot> {
        let dead = std::mem::take(&mut self.gate.dead);
        let mut discard = Vec::new();
        for (checkpoint, id) in dead {
            if checkpoint >= durable || self.gate.has_readers_before(checkpoint) {
                self.gate.dead.push((checkpoint, id));
                continue;
            }
            let Some(segment) = self.segments.remove(&id) else {
                continue;
            };
            // What lies behind the end is prepared once more where that matters.
            let filled = segment.kind == SegmentKind::Journal
                && segment.written > self.geometry.segment_bytes / 2;
            if filled && self.overwritten.len() < OVERWRITTEN_SLOTS_KEPT {
                self.overwritten.push(segment.slot);
            } else {
                discard.push(segment.slot);
            }
        }
        discard
    }

    /// Adds a slot whose storage was given back.
    pub(crate) fn add_free(&mut self, slot: Slot) {
        self.fresh.push(slot);
    }

    /// Segments on their way through the gate.
    pub(crate) fn gated(&self) -> u32 {
        engine_base::to_u32(self.gate.dead.len())
    }

    /// Segments that the next checkpoint would find dead.
    pub(crate) const fn reclaimable(&self) -> u32 {
        self.reclaimable
    }
}
