//! Random operations against a model that keeps the place of every single byte.

use std::collections::HashMap;

use engine_base::{Location, SeededEntropy, to_usize};

use super::super::{extent_clear, extent_put};
use super::support::{Byte, Map, bytes_of, extent};

const PREFIX: &[u8] = b"o/";
/// More bytes than the longest extent has, so that all of them can be cut.
const OBJECT_BYTES: u64 = 3 << 20;

struct Model {
    seed: u64,
    random: SeededEntropy,
    map: Map,
    bytes: Vec<Option<Byte>>,
    /// Bytes that each segment's extents were put with, less what was freed.
    referenced: HashMap<u64, u64>,
    put: u64,
    freed: u64,
    next_segment: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: SeededEntropy::new(seed),
            map: Map::default(),
            bytes: vec![None; to_usize(OBJECT_BYTES)],
            referenced: HashMap::new(),
            put: 0,
            freed: 0,
            next_segment: 1,
        }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    /// A range of the object: mostly short, on multiples of `unit`, often one that was used before.
    fn range(&self, unit: u64, longest: u64) -> (u64, u64) {
        let units = OBJECT_BYTES / unit;
        let longest = match self.below(16) {
            0 => longest / unit,
            1..4 => 64.min(longest / unit),
            _ => 4,
        };
        let hot = if self.below(2) == 0 {
            units
        } else {
            64.min(units)
        };
        let start = self.below(hot);
        let length = 1 + self.below(longest).min(units - start - 1);
        (start * unit, length * unit)
    }

    fn step(&mut self, unit: u64) {
        match self.below(4) {
            0 => {
                let (offset, bytes) = self.range(unit, OBJECT_BYTES);
                self.clear(offset, bytes);
            }
            _ => {
                let (offset, bytes) = self.range(unit, 1 << 20);
                let skip = if unit == 4096 { 0 } else { self.below(4096) };
                self.put(offset, bytes, skip);
            }
        }
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
        let range = to_usize(offset)..to_usize(offset + bytes);
        for (byte, at) in self.bytes[range].iter_mut().zip(first..) {
            *byte = Some((segment, at));
        }
    }

    fn clear(&mut self, offset: u64, bytes: u64) {
        let expected = self.counts(offset, bytes);
        let mut freed = HashMap::new();
        let mut free = |at: Location, bytes: u32| count(&mut freed, at, bytes);
        extent_clear(&mut self.map, PREFIX, offset, bytes, &mut free).unwrap();
        assert_eq!(freed, expected, "seed {}", self.seed);
        self.account(&freed);
        self.bytes[to_usize(offset)..to_usize(offset + bytes)].fill(None);
    }

    /// Bytes of each segment that the range maps to.
    fn counts(&self, offset: u64, bytes: u64) -> HashMap<u64, u64> {
        let mut counts = HashMap::new();
        let range = to_usize(offset)..to_usize(offset + bytes);
        for (segment, _) in self.bytes[range].iter().flatten() {
            *counts.entry(*segment).or_default() += 1;
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
        let expected = &self.bytes[to_usize(offset)..to_usize(offset + bytes)];
        let found = bytes_of(&self.map, PREFIX, offset, bytes);
        assert!(
            found == expected,
            "seed {}: {bytes} bytes from {offset}",
            self.seed
        );
    }

    /// Everything at once: what is read, and that no byte was forgotten or freed twice.
    fn check(&self) {
        self.check_range(0, OBJECT_BYTES);
        let mut mapped = self.counts(0, OBJECT_BYTES);
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

fn run(seed: u64, unit: u64, operations: u32) {
    let mut model = Model::new(seed);
    for operation in 0..operations {
        model.step(unit);
        if operation % 8 == 0 {
            let (offset, bytes) = model.range(1, 256 << 10);
            model.check_range(offset, bytes);
        }
        if operation % 4096 == 0 {
            model.check();
        }
    }
    model.check();
    model.clear(0, OBJECT_BYTES);
    model.check();
    assert!(model.map.entries.is_empty(), "seed {seed}");
}

#[test]
fn ranges_of_whole_blocks_agree_with_the_model() {
    for seed in 1..=4 {
        run(seed, 4096, 25_000);
    }
}

#[test]
fn ranges_of_any_bytes_agree_with_the_model() {
    for seed in 11..=14 {
        run(seed, 1, 25_000);
    }
}

#[test]
fn ranges_of_sectors_agree_with_the_model() {
    for seed in 21..=24 {
        run(seed, 512, 25_000);
    }
}
