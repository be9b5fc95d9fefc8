//! What a client does, drawn from a seed.

use std::ops::Range;

use crate::op::{Op, Put};
use crate::{Pattern, ReferencePool, ReferenceVolume, Rng};
use engine_volume::Ack;

const BLOCK: u64 = 4096;
/// Most volumes at once.
const VOLUMES: usize = 4;
/// Most snapshots at once.
const SNAPSHOTS: usize = 9;
/// Bytes stored above which a workload rather gives back.
const STORED_BYTES: u64 = 24 << 20;

/// The volumes that are no snapshots.
fn heads(state: &ReferencePool) -> Vec<&String> {
    let names = state.volumes.keys();
    names.filter(|name| !name.contains('@')).collect()
}

/// The snapshots, with the volumes that they are of.
fn snapshots(state: &ReferencePool) -> impl Iterator<Item = (&str, &String)> {
    let names = state.volumes.keys();
    names.filter_map(|name| Some((name.split_once('@')?.0, name)))
}

/// Draws operations that make sense in a state.
#[derive(Debug)]
pub struct Workload {
    rng: Rng,
    stamp: u64,
    names: u64,
    labels: u64,
    snapshots: bool,
    cleaning: bool,
}

impl Workload {
    /// The workload of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            stamp: seed << 20,
            names: 0,
            labels: 0,
            snapshots: false,
            cleaning: false,
        }
    }

    /// The workload of `seed`, with snapshots and volumes made from them.
    #[must_use]
    pub const fn with_snapshots(seed: u64) -> Self {
        Self {
            snapshots: true,
            ..Self::new(seed)
        }
    }

    /// The same with cleaning now and then.
    #[must_use]
    pub const fn with_cleaning(mut self) -> Self {
        self.cleaning = true;
        self
    }

    /// The next operation on a pool in this state.
    pub fn next(&mut self, state: &ReferencePool) -> Op {
        if state.volumes.is_empty() {
            return self.create(state);
        }
        if self.snapshots && self.rng.once_in(6) {
            return self.of_snapshots(state);
        }
        if self.cleaning && self.rng.once_in(8) {
            return Op::Clean;
        }
        let full = state.stored_bytes() > STORED_BYTES;
        let room = heads(state).len() < VOLUMES;
        let weights = [
            if full { 1 } else { 40 },
            if full { 1 } else { 14 },
            9,
            if full { 1 } else { 9 },
            7,
            5,
            8,
            if room { 4 } else { 0 },
            4,
            if full { 12 } else { 2 },
        ];
        let kind = self.rng.weighted(&weights);
        let (name, volume) = self.volume(state);
        match kind {
            0 => Op::Write(vec![self.put(&name, volume)]),
            1 => self.batch(state),
            2 => Op::Trim(name, self.range(volume), self.ack()),
            3 => {
                let allocate = self.rng.once_in(3);
                let mut range = self.range(volume);
                if allocate {
                    range.end = range.end.min(range.start + (3 << 19));
                }
                Op::Zero(name, range, allocate, self.ack())
            }
            4 => Op::Flush,
            5 => Op::Checkpoint,
            6 => {
                let range = self.range(volume);
                Op::Read(name, range.start..range.end.min(range.start + (1 << 20)))
            }
            7 => self.create(state),
            8 => Op::Resize(name, self.size()),
            _ => match snapshots(state).find(|(of, _)| **of == *name) {
                Some((_, snapshot)) => Op::DeleteSnapshot(snapshot.clone()),
                None => Op::Delete(name),
            },
        }
    }

    fn of_snapshots(&mut self, state: &ReferencePool) -> Op {
        let (name, _) = self.volume(state);
        let all: Vec<&String> = snapshots(state).map(|(_, snapshot)| snapshot).collect();
        let full = state.stored_bytes() > 3 * STORED_BYTES;
        let weights = if all.is_empty() {
            [1, 0, 0, 0]
        } else if all.len() >= SNAPSHOTS || full {
            [0, 4, 1, 1]
        } else {
            [5, 4, 3, 2]
        };
        match self.rng.weighted(&weights) {
            0 => {
                let mut names = vec![name];
                let other = (*self.rng.pick(&heads(state))).clone();
                if !names.contains(&other) {
                    names.push(other);
                }
                let is_taken = |label: u64| {
                    let of = |name: &String| format!("{name}@s{label}");
                    names
                        .iter()
                        .any(|name| state.volumes.contains_key(&of(name)))
                };
                self.labels += 1;
                while is_taken(self.labels) {
                    self.labels += 1;
                }
                Op::Snapshot(format!("s{}", self.labels), names)
            }
            1 => Op::DeleteSnapshot((*self.rng.pick(&all)).clone()),
            2 => {
                let from = if self.rng.once_in(3) {
                    name
                } else {
                    (*self.rng.pick(&all)).clone()
                };
                self.names += 1;
                let name = format!("v{}", self.names % 5);
                if state.volumes.contains_key(&name) {
                    return Op::Revert((*self.rng.pick(&all)).clone());
                }
                Op::CreateFrom(name, from)
            }
            _ => Op::Revert((*self.rng.pick(&all)).clone()),
        }
    }

    fn volume<'a>(&mut self, state: &'a ReferencePool) -> (String, &'a ReferenceVolume) {
        let names = heads(state);
        let name = *self.rng.pick(&names);
        (name.clone(), state.volume(name))
    }

    fn create(&mut self, state: &ReferencePool) -> Op {
        // Names come back at times: a volume that is still being given back must not be mistaken
        // for the new one.
        self.names += 1;
        let name = format!("v{}", self.names % 5);
        if state.volumes.contains_key(&name) {
            return Op::Flush;
        }
        Op::Create(name, self.size())
    }

    fn size(&mut self) -> u64 {
        *self.rng.pick(&[
            4096,
            8192 + 512,
            64 << 10,
            (300 << 10) + 1536,
            4 << 20,
            (1 << 30) + 3584,
        ])
    }

    fn ack(&mut self) -> Ack {
        if self.rng.once_in(6) {
            Ack::Durable
        } else {
            Ack::Written
        }
    }

    fn batch(&mut self, state: &ReferencePool) -> Op {
        let count = self.rng.between(2, 12);
        let puts = (0..count).map(|_| {
            let (name, volume) = self.volume(state);
            let mut put = self.put(&name, volume);
            put.dropped = self.rng.once_in(10);
            put
        });
        Op::Write(puts.collect())
    }

    fn put(&mut self, name: &str, volume: &ReferenceVolume) -> Put {
        self.stamp += 1;
        Put {
            name: name.to_owned(),
            range: self.write_range(volume),
            pattern: Pattern { stamp: self.stamp },
            ack: self.ack(),
            dropped: false,
        }
    }

    /// Where things happen: mostly near the start, so that they overlap; also at the end and
    /// anywhere.
    fn offset(&mut self, volume: &ReferenceVolume) -> u64 {
        let end = volume.size;
        match self.rng.below(10) {
            0 => end.saturating_sub(self.rng.between(1, 3 * BLOCK)),
            1 | 2 => self.rng.below(end),
            _ => self.rng.below(end.min(40 * BLOCK)),
        }
    }

    fn write_range(&mut self, volume: &ReferenceVolume) -> Range<u64> {
        let offset = self.offset(volume);
        let (from, bytes) = match self.rng.weighted(&[50, 25, 15, 8, 2, 1]) {
            0 => (offset / BLOCK * BLOCK, self.rng.between(1, 4) * BLOCK),
            1 => (offset, self.rng.between(1, 9000)),
            2 => (offset / 512 * 512, self.rng.between(1, 64) * 512),
            3 => (offset / BLOCK * BLOCK, self.rng.between(8, 64) * BLOCK),
            4 => (offset / BLOCK * BLOCK, self.rng.between(64, 256) * BLOCK),
            _ => (offset, (1 << 20) - self.rng.below(9000)),
        };
        from..(from + bytes).min(volume.size)
    }

    fn range(&mut self, volume: &ReferenceVolume) -> Range<u64> {
        let offset = self.offset(volume);
        if self.rng.once_in(4) {
            return offset..volume.size;
        }
        let bytes = self.rng.between(1, 30 * BLOCK);
        let from = if self.rng.once_in(2) {
            offset / BLOCK * BLOCK
        } else {
            offset
        };
        from..(from + bytes).min(volume.size)
    }
}
