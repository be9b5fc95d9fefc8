//! Journal segments that an opening finds.

use engine_base::SegmentId;
use engine_format::{SegmentKind, SegmentState};
use engine_log::SegmentPlace;

use super::{Segment, Space};

impl Space {
    /// Notes a segment that replay found. Idempotent.
    pub(crate) fn adopt_journal(&mut self, place: SegmentPlace) {
        if self.segments.contains_key(&place.segment) {
            return;
        }
        self.fresh.retain(|slot| *slot != place.slot);
        // Rewound: what was dead in this checkpoint was released after the next, and its slot used
        // again.
        let there = |known: &Segment| known.slot == Some(place.slot);
        let is_dead = |known: &Segment| there(known) && known.state == SegmentState::Dead;
        let dead = self.segments.iter().filter(|(_, known)| is_dead(known));
        let dead: Vec<SegmentId> = dead.map(|(id, _)| *id).collect();
        for id in dead {
            self.segments.remove(&id);
            self.occupied.leave(place.slot);
            // It may have been moved before it died: its redirects go with it.
            self.packing.remove(id);
        }
        // The same where what was live of it had been moved by this checkpoint.
        for (id, known) in &mut self.segments {
            if there(known) && known.state == SegmentState::Moved {
                known.leave_slot();
                self.occupied.leave(place.slot);
                self.packing.forget_older(*id);
            }
        }
        self.insert(place, SegmentKind::Journal);
        if place.segment >= self.next_segment {
            self.next_segment = place.segment.next();
        }
    }

    /// Keeps a segment in which replay found nothing to accept until it has passed the gate.
    pub(crate) fn hold_journal(&mut self, place: SegmentPlace) {
        let is_left = |state| matches!(state, SegmentState::Dead | SegmentState::Moved);
        let mut there = self.segments.iter().filter(|(id, known)| {
            known.slot == Some(place.slot) && **id != place.segment && !is_left(known.state)
        });
        // Only damage can name a slot that is in use.
        if there.next().is_none() {
            self.adopt_journal(place);
            self.seal(place.segment);
        }
    }
}
