//! All bytes of a simulated device, between one life and the next.

use std::collections::BTreeMap;

use engine_base::{SeededEntropy, Slot, to_usize};

use super::area::{AreaState, Change};
use super::survival::Policy;
use crate::{Area, Place};

/// What lies on a simulated device. Cloning is cheap: bytes are shared.
#[derive(Debug, Clone, Default)]
pub struct SimImage {
    /// By slot; `None` is the label.
    areas: BTreeMap<Option<Slot>, AreaState>,
}

impl SimImage {
    /// Bytes as a process would read them. False, and `buf` as it was, if nothing was ever stored
    /// in that area.
    #[must_use]
    pub fn read(&self, at: Place, buf: &mut [u8]) -> bool {
        let area = self
            .areas
            .get(&key(at.area))
            .filter(|area| area.live.present);
        if let Some(area) = area {
            area.live.chunks.read(to_usize(at.offset), buf);
        }
        area.is_some()
    }

    /// Replaces stored bytes durably, as damage would. An area that does not exist is made.
    pub fn write(&mut self, at: Place, bytes: &[u8]) {
        let area = self
            .areas
            .entry(key(at.area))
            .or_insert_with(AreaState::zeroed);
        area.damage(to_usize(at.offset), bytes);
    }

    /// Inverts bit `bit` (0 to 7) of a stored byte.
    ///
    /// # Panics
    /// If nothing is stored there (the test is wrong).
    pub fn flip_bit(&mut self, at: Place, bit: u8) {
        let mut byte = [0];
        assert!(self.read(at, &mut byte), "nothing is stored at {at}");
        self.write(at, &[byte[0] ^ (1 << bit)]);
    }

    /// The slots that exist, ascending.
    #[must_use]
    pub fn slots(&self) -> Vec<Slot> {
        let present = self.areas.iter().filter(|(_, area)| area.live.present);
        present.filter_map(|(key, _)| *key).collect()
    }

    /// A checksum over everything: equal images have equal digests.
    #[must_use]
    pub fn digest(&self) -> u32 {
        let areas = self.areas.iter().filter(|(_, area)| area.exists());
        areas.fold(0, |crc, (key, area)| {
            let slot = key.map_or(u64::MAX, |slot| slot.get().into());
            area.checksum(crc32c::crc32c_append(crc, &slot.to_le_bytes()))
        })
    }

    /// What a power cut leaves, as `seed` chooses.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        let random = SeededEntropy::new(seed);
        let unsynced = self.areas.values().flat_map(AreaState::unsynced);
        let mut sequences: Vec<u64> = unsynced.map(|change| change.sequence).collect();
        sequences.sort_unstable();
        let policy = Policy::draw(&random, &sequences);
        let mut image = self.clone();
        for area in image.areas.values_mut() {
            area.settle(|change: &Change| policy.choose(&random, change));
            area.lose_power();
        }
        image
    }

    /// Position of the last change that is not durable; zero if all are.
    pub(super) fn last_sequence(&self) -> u64 {
        let unsynced = self.areas.values().flat_map(AreaState::unsynced);
        unsynced.map(|change| change.sequence).max().unwrap_or(0)
    }

    pub(super) fn area(&self, area: Area) -> Option<&AreaState> {
        self.areas.get(&key(area))
    }

    /// The area, made with `make` if it was never touched.
    pub(super) fn area_or(&mut self, area: Area, make: fn() -> AreaState) -> &mut AreaState {
        self.areas.entry(key(area)).or_insert_with(make)
    }
}

const fn key(area: Area) -> Option<Slot> {
    match area {
        Area::Label => None,
        Area::Segment(slot) => Some(slot),
    }
}
