//! The gate: from dead to free.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine_base::{Location, Lsn, SegmentId, Slot};
use engine_format::{CheckpointId, SegmentEntry, SegmentKind, SegmentState};

use super::{LiveChange, RedirectChange, Segment, Space, all_of};

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

/// What a checkpoint takes of the space.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The journal segments and the packs as they are in it.
    pub(crate) entries: Vec<SegmentEntry>,
    /// Redirects that are not those of the checkpoint before.
    pub(crate) redirects: Vec<RedirectChange>,
}

/// Segments that are dead, and the readers that may still look at them.
#[derive(Debug, Default)]
pub(super) struct Gate {
    dead: Vec<(CheckpointId, SegmentId)>,
    /// Segments that were packed, or packed again: their older homes are given back.
    left: Vec<(CheckpointId, SegmentId)>,
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
    /// In the turn of apply in which the state of `checkpoint` is taken: from now on what was
    /// staged lies where it was moved; marks the journal segments and packs that are dead.
    pub(crate) fn capture(
        &mut self,
        checkpoint: CheckpointId,
        lsn: Lsn,
        generation: &mut Generation,
    ) -> Taken {
        self.gate.retired.push((checkpoint, generation.retire()));
        self.install(checkpoint);
        let is_dead = |segment: &Segment| {
            let complete = segment.state == SegmentState::Sealed || segment.is_elsewhere();
            segment.kind == SegmentKind::Journal
                && complete
                && segment.live == 0
                && segment.last_lsn <= lsn
        };
        for segment in self.mark_dead(checkpoint, is_dead) {
            self.let_go_of_packs(segment);
        }
        self.mark_dead(checkpoint, |segment| {
            segment.kind == SegmentKind::Pack
                && segment.state == SegmentState::Sealed
                && segment.live == 0
        });
        let entries = self.entries(|id, segment| match segment.kind {
            SegmentKind::Journal => segment.last_lsn <= lsn,
            SegmentKind::Index => false,
            SegmentKind::Pack => self.packing.is_shown(id),
        });
        Taken {
            entries,
            redirects: self.take_redirect_changes(),
        }
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
            self.adjust(location.segment, LiveChange::Add(all_of(*bytes)));
        }
        for (location, bytes) in freed {
            self.adjust(location.segment, LiveChange::Subtract(all_of(*bytes)));
        }
        self.mark_dead(checkpoint, |segment| {
            segment.kind == SegmentKind::Index
                && segment.state == SegmentState::Sealed
                && segment.live == 0
        });
    }

    /// The index segments as they are now.
    pub(crate) fn index_entries(&self) -> Vec<SegmentEntry> {
        self.entries(|_, segment| segment.kind == SegmentKind::Index)
    }

    fn entries(&self, include: impl Fn(SegmentId, &Segment) -> bool) -> Vec<SegmentEntry> {
        self.segments
            .iter()
            .filter(|(id, segment)| include(**id, segment))
            .map(|(id, segment)| SegmentEntry {
                segment: *id,
                slot: segment.slot,
                kind: segment.kind,
                state: segment.state,
                written_bytes: segment.written,
                live_bytes: segment.live,
                live_excess: segment.live_excess,
                last_lsn: segment.last_lsn,
            })
            .collect()
    }

    fn mark_dead(
        &mut self,
        checkpoint: CheckpointId,
        is_dead: impl Fn(&Segment) -> bool,
    ) -> Vec<SegmentId> {
        let mut marked = Vec::new();
        for (id, segment) in &mut self.segments {
            if is_dead(segment) {
                self.reclaimable -= u32::from(segment.is_reclaimable());
                self.dead_names -= u32::from(segment.is_dead_name());
                segment.state = SegmentState::Dead;
                marked.push(*id);
            }
        }
        let dead = marked.iter().map(|id| (checkpoint, *id));
        self.gate.dead.extend(dead);
        marked
    }

    /// Notes that the older home of a segment is given back once `checkpoint` is the older one.
    pub(super) fn leave(&mut self, checkpoint: CheckpointId, segment: SegmentId) {
        self.gate.left.push((checkpoint, segment));
    }

    /// Whether the older home of a segment is still there.
    pub(super) fn is_leaving(&self, segment: SegmentId) -> bool {
        self.gate.left.iter().any(|(_, left)| *left == segment)
    }

    /// Notes segments that were dead, or had just been moved, in the checkpoint a pool was opened
    /// at.
    pub(crate) fn restore_dead(&mut self, checkpoint: CheckpointId) {
        let in_state = |state: SegmentState| {
            let found = self.segments.iter().filter(move |(_, s)| s.state == state);
            found.map(move |(id, _)| (checkpoint, *id))
        };
        let (dead, moved) = (in_state(SegmentState::Dead), in_state(SegmentState::Moved));
        self.gate.dead.extend(dead);
        self.gate.left.extend(moved);
    }

    /// `durable` is durable: releases what was dead in the checkpoint before it. Returns slots
    /// whose storage goes back to the host first: discard them, then [`Space::add_free`].
    pub(crate) fn release(&mut self, durable: CheckpointId) -> Vec<Slot> {
        let mut discard = Vec::new();
        for (checkpoint, id) in std::mem::take(&mut self.gate.left) {
            if checkpoint >= durable || self.gate.has_readers_before(checkpoint) {
                self.gate.left.push((checkpoint, id));
                continue;
            }
            self.packing.forget_older(id);
            if let Some(segment) = self.segments.get_mut(&id)
                && let Some(slot) = segment.leave_slot()
            {
                let (kind, written) = (segment.kind, segment.written);
                self.occupied.leave(slot);
                self.free(slot, kind, written, &mut discard);
            }
        }
        for (checkpoint, id) in std::mem::take(&mut self.gate.dead) {
            if checkpoint >= durable || self.gate.has_readers_before(checkpoint) {
                self.gate.dead.push((checkpoint, id));
                continue;
            }
            let Some(segment) = self.segments.remove(&id) else {
                continue;
            };
            self.packing.remove(id);
            if let Some(slot) = segment.slot {
                self.occupied.leave(slot);
                self.free(slot, segment.kind, segment.written, &mut discard);
            }
        }
        discard
    }

    fn free(&mut self, slot: Slot, kind: SegmentKind, written: u32, discard: &mut Vec<Slot>) {
        // What lies behind the end is prepared once more where that matters.
        let filled = kind == SegmentKind::Journal && written > self.geometry.segment_bytes / 2;
        if filled && self.overwritten.len() < OVERWRITTEN_SLOTS_KEPT {
            self.overwritten.push(slot);
        } else {
            discard.push(slot);
        }
    }

    /// Adds a slot whose storage was given back.
    pub(crate) fn add_free(&mut self, slot: Slot) {
        self.fresh.push(slot);
    }

    /// Slots on their way through the gate.
    pub(crate) fn gated(&self) -> u32 {
        let waiting = self.gate.dead.iter().chain(&self.gate.left);
        let has_slot = |id: &SegmentId| self.segments.get(id).is_some_and(|s| s.slot.is_some());
        let slots: BTreeSet<_> = waiting
            .map(|(_, id)| id)
            .filter(|id| has_slot(id))
            .collect();
        engine_base::to_u32(slots.len())
    }

    /// Whether readers keep slots in the gate: checkpoints bring them back when those have ended.
    pub(crate) fn is_held_up(&mut self) -> bool {
        let waiting = self.gate.dead.iter().chain(&self.gate.left);
        let newest = waiting.map(|(checkpoint, _)| *checkpoint).max();
        newest.is_some_and(|checkpoint| self.gate.has_readers_before(checkpoint))
    }

    /// Whether checkpoints would bring slots back, now or on their way through the gate.
    pub(crate) fn is_coming_back(&self) -> bool {
        self.reclaimable + self.dead_names > 0 || self.gated() > 0 || self.is_staged()
    }

    /// Segments that the next checkpoint would find dead.
    pub(crate) const fn reclaimable(&self) -> u32 {
        self.reclaimable
    }
}
