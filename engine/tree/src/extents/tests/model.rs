//! Random operations against a model that keeps the place of each byte, or of each unit that ranges
//! are multiples of.

use std::collections::HashMap;
use std::ops::Range;

use engine_base::{Location, SeededEntropy, to_usize};

use super::super::{extent_clear, extent_put};
use super::support::{Byte, Map, extent, units_of};

const PREFIX: &[u8] = b"o/";
const OPERATIONS: u32 = 100_000;

struct Model {
    seed: u64,
    random: SeededEntropy,
    map: Map,
    /// All ranges are multiples of it.
    unit: u64,
    /// What the first byte of each unit maps to.
    units: Vec<Option<Byte>>,
    /// Bytes that each segment's extents were put with, less what was freed.
    referenced: HashMap<u64, u64>,
    put: u64,
    freed: u64,
    next_segment: u64,
}

impl Model {
    fn new(seed: u64, unit: u64, object_bytes: u64) -> Self {
        Self {
            seed,
            random: SeededEntropy::new(seed),
            map: Map::default(),
            unit,
            units: vec![None; to_usize(object_bytes / unit)],
            referenced: HashMap::new(),
            put: 0,
            freed: 0,
            next_segment: 1,
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn object_bytes(&self) -> u64 {
        self.units.len() as u64 * self.unit
    }

    /// A range of the object: mostly short, often one that was used before.
    fn range(&self, longest_bytes: u64) -> (u64, u64) {
        let units = self.units.len() as u64;
        let longest = match self.below(64) {
            0 => longest_bytes / self.unit,
            1..16 => 64,
            _ => 4,
        };
        let hot = if self.below(2) == 0 {
            units
        } else {
            64.min(units)
        };
        let start = self.below(hot);
        let length = 1 + self.below(longest).min(units - start - 1);
        (start * self.unit, length * self.unit)
    }

    fn step(&mut self) {
        match self.below(4) {
            0 => {
                let (offset, bytes) = self.range(self.object_bytes());
                self.clear(offset, bytes);
            }
            _ => {
                let (offset, bytes) = self.range(1 << 20);
                let skip = if self.unit == 4096 {
                    0
                } else {
                    self.below(4096)
                };
                self.put(offset, bytes, skip);
            }
        }
    }

    fn units(&self, offset: u64, bytes: u64) -> Range<usize> {
        to_usize(offset / self.unit)..to_usize((offset + bytes) / self.unit)
    }

    fn put(&mut self, offset: u64, bytes: u64, skip: u64) {
        let segment = self.next_segment;
        self.next_segment += 1;
        let bytes_u32 = u32::try_from(bytes).unwrap();
        let first = 4096 * (1 + u32::try_from(self.below(1000)).unwrap());
        let skip = u16::try_from(skip).unwrap();
        let extent = extent((segment, first), bytes_u32, skip);
        let expected = self.counts(offset, bytes);
        let mut freed = HashMap::new();
        let mut free = |at: Location, bytes: u32| count(&mut freed, at, bytes);
        extent_put(&mut self.map, PREFIX, offset, &extent.extent(), &mut free).unwrap();
        assert_eq!(freed, expected, "seed {}", self.seed);
        self.account(&freed);
        self.put += bytes;
        self.referenced.insert(segment, bytes);
        let first = first + u32::from(skip);
        let range = self.units(offset, bytes);
        let places = (first..first + bytes_u32).step_by(to_usize(self.unit));
        for (unit, at) in self.units[range].iter_mut().zip(places) {
            *unit = Some((segment, at));
        }
    }

    fn clear(&mut self, offset: u64, bytes: u64) {
        let expected = self.counts(offset, bytes);
        let mut freed = HashMap::new();
        let mut free = |at: Location, bytes: u32| count(&mut freed, at, bytes);
        extent_clear(&mut self.map, PREFIX, offset, bytes, &mut free).unwrap();
        assert_eq!(freed, expected, "seed {}", self.seed);
        self.account(&freed);
        let range = self.units(offset, bytes);
        self.units[range].fill(None);
    }

    /// Bytes of each segment that the range maps to.
    fn counts(&self, offset: u64, bytes: u64) -> HashMap<u64, u64> {
        let mut counts = HashMap::new();
        let units = &self.units[self.units(offset, bytes)];
        let segment = |unit: &Option<Byte>| unit.map(|(segment, _)| segment);
        for run in units.chunk_by(|a, b| segment(a) == segment(b)) {
            if let Some(segment) = segment(&run[0]) {
                *counts.entry(segment).or_default() += run.len() as u64 * self.unit;
            }
        }
        counts
    }

    fn account(&mut self, freed: &HashMap<u64, u64>) {
        for (segment, bytes) in freed {
            *self.referenced.get_mut(segment).unwrap() -= bytes;
            self.freed += bytes;
        }
    }

    fn check_range(&self, offset: u64, bytes: u64) {
        let expected = &self.units[self.units(offset, bytes)];
        let found = units_of(&self.map, PREFIX, offset..offset + bytes, self.unit);
        assert!(
            found == expected,
            "seed {}: {bytes} bytes from {offset}",
            self.seed
        );
    }

    /// Everything at once: what is read, and that no byte was forgotten or freed twice.
    fn check(&self) {
        self.check_range(0, self.object_bytes());
        let mut mapped = self.counts(0, self.object_bytes());
        mapped.retain(|_, bytes| *bytes > 0);
        let mut referenced = self.referenced.clone();
        referenced.retain(|_, bytes| *bytes > 0);
        assert_eq!(mapped, referenced, "seed {}", self.seed);
        let mapped: u64 = mapped.values().sum();
        assert_eq!(self.freed + mapped, self.put, "seed {}", self.seed);
    }
}

fn count(freed: &mut HashMap<u64, u64>, at: Location, bytes: u32) {
    *freed.entry(at.segment.get()).or_default() += u64::from(bytes);
}

fn run(seed: u64, unit: u64, object_bytes: u64) {
    let mut model = Model::new(seed, unit, object_bytes);
    for operation in 0..OPERATIONS {
        model.step();
        if operation % 8 == 0 {
            let (offset, bytes) = model.range(object_bytes);
            model.check_range(offset, bytes);
        }
        if operation % 4096 == 0 {
            model.check();
        }
    }
    model.check();
    model.clear(0, object_bytes);
    model.check();
    assert!(model.map.entries.is_empty(), "seed {seed}");
}

/// The object is longer than the longest extent, so that all of them can be cut.
#[test]
fn ranges_of_whole_blocks_agree_with_the_model() {
    run(1, 4096, 3 << 20);
}

#[test]
fn ranges_of_sectors_agree_with_the_model() {
    run(2, 512, 3 << 20);
}

#[test]
fn ranges_of_any_bytes_agree_with_the_model() {
    run(3, 1, 128 << 10);
}
