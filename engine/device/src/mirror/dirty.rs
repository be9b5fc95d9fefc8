//! Which slots have bytes that are not on the stable storage of every member: what a member that
//! drops out now misses.

use std::collections::HashMap;

use parking_lot::Mutex;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Writes on their way.
    writers: u32,
    /// Of the newest write that began or ended.
    sequence: u64,
}

/// The slots with unsynced bytes. There are few, because unsynced bytes are capped.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    slots: Mutex<(u64, HashMap<u32, Slot>)>,
}

impl Dirty {
    /// Before a write begins.
    pub(super) fn begin_write(&self, slot: u32) {
        self.touch(slot, |known| known.writers += 1);
    }

    /// When it has ended: a sync that ran meanwhile did not cover it.
    pub(super) fn end_write(&self, slot: u32) {
        self.touch(slot, |known| known.writers -= 1);
    }

    fn touch(&self, slot: u32, change: impl FnOnce(&mut Slot)) {
        let (sequence, slots) = &mut *self.slots.lock();
        *sequence += 1;
        let known = slots.entry(slot).or_default();
        known.sequence = *sequence;
        change(known);
    }

    /// Before a sync; hand the result to [`Self::end_sync`] if it succeeds on every member.
    pub(super) fn begin_sync(&self, slot: u32) -> Option<u64> {
        let slots = self.slots.lock();
        slots.1.get(&slot).map(|known| known.sequence)
    }

    pub(super) fn end_sync(&self, slot: u32, begun: Option<u64>) {
        let mut slots = self.slots.lock();
        let covered = |known: &&Slot| known.writers == 0 && Some(known.sequence) == begun;
        if slots.1.get(&slot).as_ref().is_some_and(covered) {
            slots.1.remove(&slot);
        }
    }

    /// What was written there does not matter any more.
    pub(super) fn forget(&self, slot: u32) {
        let mut slots = self.slots.lock();
        if slots.1.get(&slot).is_some_and(|known| known.writers == 0) {
            slots.1.remove(&slot);
        }
    }

    pub(super) fn slots(&self) -> Vec<u32> {
        self.slots.lock().1.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Dirty;

    #[test]
    fn a_sync_covers_what_ended_before_it_began() {
        let dirty = Dirty::default();
        dirty.begin_write(3);
        dirty.end_write(3);
        let begun = dirty.begin_sync(3);
        dirty.end_sync(3, begun);
        assert!(dirty.slots().is_empty());
        // A write that goes on, and one that ended meanwhile.
        dirty.begin_write(3);
        let begun = dirty.begin_sync(3);
        dirty.end_sync(3, begun);
        assert_eq!(dirty.slots(), [3]);
        let begun = dirty.begin_sync(3);
        dirty.end_write(3);
        dirty.end_sync(3, begun);
        assert_eq!(dirty.slots(), [3]);
        dirty.forget(3);
        assert!(dirty.slots().is_empty());
    }
}
