//! Which slots a segment lies in, by slot: asked for each when a mirror is brought up to date.

use engine_base::{Slot, to_usize};

/// How many segments lie in each slot: one at most, but for a moment while a journal is adopted.
#[derive(Debug, Default)]
pub(super) struct Occupied {
    segments: Vec<u8>,
}

impl Occupied {
    /// With nothing in any of `slots` slots.
    pub(super) fn new(slots: u32) -> Self {
        Self {
            segments: vec![0; to_usize(u64::from(slots))],
        }
    }

    fn of(&mut self, slot: Slot) -> Option<&mut u8> {
        self.segments.get_mut(to_usize(u64::from(slot.get())))
    }

    /// A segment lies there from now on.
    pub(super) fn enter(&mut self, slot: Slot) {
        if let Some(segments) = self.of(slot) {
            *segments += 1;
        }
    }

    /// A segment that lay there does not any more.
    pub(super) fn leave(&mut self, slot: Slot) {
        if let Some(segments) = self.of(slot) {
            *segments = segments
                .checked_sub(1)
                .expect("a segment lay in the slot that it leaves");
        }
    }

    pub(super) fn has(&self, slot: Slot) -> bool {
        let segments = self.segments.get(to_usize(u64::from(slot.get())));
        segments.is_some_and(|segments| *segments > 0)
    }
}
