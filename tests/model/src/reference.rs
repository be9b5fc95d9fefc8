//! The reference: states and the steps between them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use engine_base::to_usize;

use crate::bucket::BucketState;
use crate::{Pattern, Step};

const BLOCK: u64 = 4096;

/// The bytes of a block. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    checksum: u32,
    bytes: Arc<[u8]>,
}

impl From<Vec<u8>> for Block {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            checksum: crc32c::crc32c(&bytes),
            bytes: bytes.into(),
        }
    }
}

/// A volume: what is stored. Everything else is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceVolume {
    /// Bytes.
    pub size: u64,
    /// By block number. Bytes behind the size are zero.
    pub blocks: BTreeMap<u64, Block>,
}

impl ReferenceVolume {
    /// The bytes of a range.
    #[must_use]
    pub fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; to_usize(range.end - range.start)];
        let blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        for (number, block) in self.blocks.range(blocks) {
            let start = (number * BLOCK).max(range.start);
            let end = (number * BLOCK + BLOCK).min(range.end);
            let from =
                &block.bytes[to_usize(start - number * BLOCK)..to_usize(end - number * BLOCK)];
            bytes[to_usize(start - range.start)..to_usize(end - range.start)].copy_from_slice(from);
        }
        bytes
    }

    fn write(&mut self, range: &Range<u64>, pattern: Pattern) {
        for number in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let start = (number * BLOCK).max(range.start);
            let end = (number * BLOCK + BLOCK).min(range.end);
            let old = self.blocks.get(&number);
            let mut block = old.map_or_else(|| vec![0; to_usize(BLOCK)], |old| old.bytes.to_vec());
            let part = to_usize(start - number * BLOCK)..to_usize(end - number * BLOCK);
            pattern.fill(start, &mut block[part]);
            self.blocks.insert(number, block.into());
        }
    }

    /// The blocks that lie in a range as a whole; the last one of the volume may be cut.
    pub(crate) fn whole_blocks(&self, range: &Range<u64>) -> Range<u64> {
        let at_end = range.end == self.size;
        let end = if at_end {
            range.end.div_ceil(BLOCK)
        } else {
            range.end / BLOCK
        };
        let start = range.start.div_ceil(BLOCK);
        start..end.max(start)
    }

    fn clear(&mut self, blocks: &Range<u64>) {
        let stored = self.blocks.range(blocks.clone());
        let gone: Vec<u64> = stored.map(|(key, _)| *key).collect();
        for number in gone {
            self.blocks.remove(&number);
        }
    }

    fn zero(&mut self, range: &Range<u64>) {
        self.clear(&self.whole_blocks(range));
        let touched = range.start / BLOCK..range.end.div_ceil(BLOCK);
        let cut: Vec<u64> = self.blocks.range(touched).map(|(key, _)| *key).collect();
        for number in cut {
            let start = (number * BLOCK).max(range.start);
            let end = (number * BLOCK + BLOCK).min(range.end);
            self.write(&(start..end), Pattern::ZERO);
        }
    }

    fn resize(&mut self, size: u64) {
        if size < self.size {
            self.blocks
                .retain(|number, _| *number < size.div_ceil(BLOCK));
            if let Some(block) = self.blocks.get_mut(&(size / BLOCK)) {
                let mut cut = block.bytes.to_vec();
                cut[to_usize(size % BLOCK)..].fill(0);
                *block = cut.into();
            }
        }
        self.size = size;
    }
}

/// All volumes and buckets by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferencePool {
    /// The volumes, and the snapshots under `VOLUME@LABEL`.
    pub volumes: BTreeMap<String, ReferenceVolume>,
    /// The buckets, and their snapshots under `BUCKET@LABEL`.
    pub buckets: BTreeMap<String, Arc<BucketState>>,
}

impl ReferencePool {
    /// Makes one change.
    ///
    /// # Panics
    /// If the step names a volume that does not exist (the test is wrong).
    pub fn apply(&mut self, step: &Step) {
        match step {
            Step::Create { name, size } => {
                let volume = ReferenceVolume {
                    size: *size,
                    blocks: BTreeMap::new(),
                };
                let before = self.volumes.insert(name.clone(), volume);
                assert!(before.is_none(), "{name} is created twice");
            }
            Step::Delete { name } => {
                assert!(self.volumes.remove(name).is_some(), "{name} does not exist");
            }
            Step::Snapshot { label, names } => {
                for name in names {
                    let volume = self.volume(name).clone();
                    self.volumes.insert(format!("{name}@{label}"), volume);
                }
            }
            Step::Copy { from, name } => {
                let volume = self.volume(from).clone();
                self.volumes.insert(name.clone(), volume);
            }
            Step::Resize { name, size } => self.volume_mut(name).resize(*size),
            Step::Write {
                name,
                range,
                pattern,
            } => self.volume_mut(name).write(range, *pattern),
            Step::Zero { name, range } => self.volume_mut(name).zero(range),
            Step::Clear { name, blocks } => self.volume_mut(name).clear(blocks),
            Step::Buckets { states } => states.iter().for_each(|(name, after)| match after {
                Some(state) => {
                    self.buckets.insert(name.clone(), Arc::clone(state));
                }
                None => {
                    self.buckets.remove(name);
                }
            }),
        }
    }

    /// A volume.
    ///
    /// # Panics
    /// If it does not exist (the test is wrong).
    #[must_use]
    pub fn volume(&self, name: &str) -> &ReferenceVolume {
        self.volumes
            .get(name)
            .unwrap_or_else(|| panic!("{name} does not exist"))
    }

    fn volume_mut(&mut self, name: &str) -> &mut ReferenceVolume {
        self.volumes
            .get_mut(name)
            .unwrap_or_else(|| panic!("{name} does not exist"))
    }

    /// Whether sizes and checksums are those of `other`: almost surely equal, without a look at
    /// every byte.
    #[must_use]
    pub fn resembles(&self, other: &Self) -> bool {
        let same = |((name, a), (other, b)): (
            (&String, &ReferenceVolume),
            (&String, &ReferenceVolume),
        )| {
            let count = |volume: &ReferenceVolume| volume.blocks.len();
            let pairs = a.blocks.iter().zip(&b.blocks);
            name == other
                && (a.size, count(a)) == (b.size, count(b))
                && pairs
                    .into_iter()
                    .all(|(a, b)| a.0 == b.0 && a.1.checksum == b.1.checksum)
        };
        self.volumes.len() == other.volumes.len()
            && self.volumes.iter().zip(&other.volumes).all(same)
    }

    /// Bytes of all stored blocks.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.volumes
            .values()
            .map(|volume| volume.blocks.len() as u64 * BLOCK)
            .sum()
    }

    /// What of `self` is not as in `other`, the first few places.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut all = Vec::new();
        let names: std::collections::BTreeSet<_> =
            self.volumes.keys().chain(other.volumes.keys()).collect();
        for name in names {
            let place = |what: String| Difference(format!("{name}: {what}"));
            match (self.volumes.get(name), other.volumes.get(name)) {
                (Some(a), Some(b)) => {
                    if a.size != b.size {
                        all.push(place(format!("size {} and {}", a.size, b.size)));
                    }
                    let numbers: std::collections::BTreeSet<_> =
                        a.blocks.keys().chain(b.blocks.keys()).collect();
                    for number in numbers {
                        let (one, two) = (a.blocks.get(number), b.blocks.get(number));
                        if one != two {
                            all.push(place(format!(
                                "block {number}: {} and {}",
                                show(one),
                                show(two)
                            )));
                        }
                    }
                }
                (one, _) => all.push(place(format!(
                    "there: {} and {}",
                    one.is_some(),
                    one.is_none()
                ))),
            }
        }
        all.truncate(12);
        all
    }
}

/// The first word of each 512-byte sector in short.
fn show(block: Option<&Block>) -> String {
    let Some(block) = block else {
        return "hole".to_owned();
    };
    let mut text = String::new();
    for sector in block.bytes.chunks(512) {
        let word = sector
            .first_chunk()
            .map_or(0, |word: &[u8; 2]| u16::from_le_bytes(*word));
        text.push_str(&format!("{word:04x}"));
    }
    text
}

/// One place where two states differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
