//! Which slots of a member do not hold what the pool has there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::{DeviceId, to_usize};
use engine_format::{MISSING_SLOTS, MissingSector};

/// One bit for each slot of a member. Reading a bit takes no lock.
#[derive(Debug, Default)]
pub(super) struct Missing {
    words: OnceLock<Vec<AtomicU64>>,
    slots: OnceLock<u32>,
}

impl Missing {
    /// Nothing is missing of `slots` slots. Called once, before anything else.
    pub(super) fn begin(&self, slots: u32) {
        let words = (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        // Who is first has the same geometry.
        let _ = (self.words.set(words), self.slots.set(slots));
    }

    fn slots(&self) -> u32 {
        self.slots.get().copied().unwrap_or(0)
    }

    fn word(&self, slot: u32) -> Option<&AtomicU64> {
        self.words.get()?.get(to_usize(u64::from(slot / 64)))
    }

    pub(super) fn has(&self, slot: u32) -> bool {
        self.word(slot)
            .is_some_and(|word| word.load(Ordering::SeqCst) & bit(slot) != 0)
    }

    pub(super) fn set(&self, slot: u32) {
        if let Some(word) = self.word(slot) {
            word.fetch_or(bit(slot), Ordering::SeqCst);
        }
    }

    pub(super) fn clear(&self, slot: u32) {
        if let Some(word) = self.word(slot) {
            word.fetch_and(!bit(slot), Ordering::SeqCst);
        }
    }

    pub(super) fn set_all(&self) {
        (0..self.slots()).for_each(|slot| self.set(slot));
    }

    pub(super) fn count(&self) -> u32 {
        let words = self.words.get().into_iter().flatten();
        words
            .map(|word| word.load(Ordering::SeqCst).count_ones())
            .sum()
    }

    /// The first missing slot at or behind `from`.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        (from..self.slots()).find(|slot| self.has(*slot))
    }

    /// How many sectors the map has on a label.
    pub(super) fn sectors(&self) -> u32 {
        self.slots().div_ceil(MISSING_SLOTS)
    }

    /// A sector as it is written; `with` counts as missing, too.
    pub(super) fn sector(
        &self,
        device: DeviceId,
        stale_since: u64,
        index: u32,
        with: Option<u32>,
    ) -> MissingSector {
        let first = index * MISSING_SLOTS;
        let mut bits = [0; 472];
        for (byte, bits) in (0..).step_by(8).zip(&mut bits) {
            for bit in 0..8 {
                let slot = first + byte + bit;
                if self.has(slot) || with == Some(slot) {
                    *bits |= 1 << bit;
                }
            }
        }
        MissingSector {
            device,
            stale_since,
            index,
            bits,
        }
    }

    /// Adds what a sector says; all of its slots where it cannot be read.
    pub(super) fn add(&self, index: u32, sector: Option<&MissingSector>) {
        let first = index * MISSING_SLOTS;
        let end = (first + MISSING_SLOTS).min(self.slots());
        for slot in first..end {
            let at = to_usize(u64::from(slot - first));
            let is_set = |sector: &MissingSector| {
                let byte = sector.bits.get(at / 8).copied().unwrap_or(u8::MAX);
                byte & (1 << (at % 8)) != 0
            };
            if sector.is_none_or(is_set) {
                self.set(slot);
            }
        }
    }
}

const fn bit(slot: u32) -> u64 {
    1 << (slot % 64)
}

#[cfg(test)]
mod tests {
    use engine_base::DeviceId;

    use super::{MISSING_SLOTS, Missing};

    #[test]
    fn a_map_goes_through_its_sectors() {
        let device = DeviceId::new([1; 16]);
        let missing = Missing::default();
        missing.begin(MISSING_SLOTS + 10);
        for slot in [
            0,
            9,
            63,
            64,
            MISSING_SLOTS - 1,
            MISSING_SLOTS,
            MISSING_SLOTS + 9,
        ] {
            missing.set(slot);
        }
        assert_eq!(missing.sectors(), 2);
        let read = Missing::default();
        read.begin(MISSING_SLOTS + 10);
        for index in 0..2 {
            read.add(index, Some(&missing.sector(device, 1, index, Some(5))));
        }
        assert_eq!(read.count(), 8);
        assert_eq!(read.next(1), Some(5));
        assert_eq!(read.next(MISSING_SLOTS), Some(MISSING_SLOTS));
        read.clear(MISSING_SLOTS + 9);
        assert_eq!(read.next(MISSING_SLOTS + 1), None);
        read.add(1, None);
        assert_eq!(read.count(), 16);
        read.set_all();
        assert_eq!(read.count(), MISSING_SLOTS + 10);
    }
}
