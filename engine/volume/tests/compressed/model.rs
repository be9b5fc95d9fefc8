//! Random writes, trims, snapshots, clones, reverts and settings against plain arrays, encrypted or
//! not, over reopenings; each time everything is compared, and in the end all space comes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::{SeededEntropy, to_usize};
use engine_device::SimDevice;
use engine_format::{Compression, Encryption};
use engine_pool::block_on;
use engine_volume::{Ack, Storage, Volumes};

use crate::common::*;

const SEEDS: u64 = 12;
const STEPS: usize = 160;
/// Of each volume.
const BYTES: u64 = 768 << 10;
const HEADS_MAX: usize = 3;
const SNAPSHOTS_MAX: usize = 5;

struct Run {
    device: Arc<SimDevice>,
    volumes: Volumes,
    random: SeededEntropy,
    heads: BTreeMap<String, Vec<u8>>,
    /// By head and label.
    snapshots: BTreeMap<(String, String), Vec<u8>>,
    made: u64,
}

#[test]
fn random_histories_read_as_plain_arrays_do() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        let device = new_pool();
        let volumes = open(&device, seed);
        let storage = Storage {
            compression: Compression::Lz4,
            encryption: [Encryption::Off, Encryption::Aes256Gcm][to_usize(seed % 2)],
        };
        block_on(volumes.create_as("v0", size(BYTES), storage)).unwrap();
        let mut run = Run {
            device,
            volumes,
            random: SeededEntropy::new(seed),
            heads: BTreeMap::from([("v0".to_owned(), vec![0; to_usize(BYTES)])]),
            snapshots: BTreeMap::new(),
            made: 0,
        };
        for step in 0..STEPS {
            run.step();
            if step % 20 == 19 {
                run.compare();
            }
        }
        run.finish();
    }
}

impl Run {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn some<K: Clone>(&mut self, of: Vec<K>) -> Option<K> {
        let count = of.len() as u64;
        (count > 0).then(|| of[to_usize(self.random.next_u64() % count)].clone())
    }

    fn head(&mut self) -> String {
        let names = self.heads.keys().cloned().collect();
        self.some(names).unwrap()
    }

    fn name(&mut self, of: &str) -> String {
        self.made += 1;
        format!("{of}{}", self.made)
    }

    fn step(&mut self) {
        match self.below(24) {
            0..=10 => self.write(),
            11 | 12 => self.clear(),
            13 | 14 => self.set(),
            15 | 16 => self.keep(),
            17 => self.forget(),
            18 => self.clone_one(),
            19 => self.revert(),
            20 => drop(self.volumes.pool().checkpoint().unwrap()),
            21 | 22 => drop(self.volumes.pool().clean().unwrap()),
            _ => {
                let life = self.random.next_u64();
                self.volumes = reopen_on(&mut self.device, life);
            }
        }
    }

    /// A range, of whole blocks or not.
    fn range(&mut self) -> (u64, u64) {
        let unit = [512, 4096, 4096, 64 << 10][to_usize(self.below(4))];
        let start = self.below(BYTES / unit) * unit;
        let lengths = [unit, 4096, 8192, 20_480, 64 << 10, 64 << 10, 200 << 10];
        let length = lengths[to_usize(self.below(7))].next_multiple_of(unit);
        (start, length.min(BYTES - start))
    }

    fn content(&mut self, bytes: u64) -> Vec<u8> {
        let bytes = to_usize(bytes);
        let seed = self.random.next_u64();
        match seed % 5 {
            0 => noise(seed, bytes),
            1 => vec![0; bytes],
            2 => {
                // Some blocks of each kind.
                let blocks = (0..bytes.div_ceil(4096) as u64).flat_map(|block| {
                    match (seed >> 8).wrapping_mul(block + 1) % 3 {
                        0 => noise(seed ^ block, 4096),
                        1 => vec![0; 4096],
                        _ => text(4096),
                    }
                });
                blocks.take(bytes).collect()
            }
            _ => {
                let from = to_usize(seed >> 8 & 0xfff);
                text(bytes + from).split_off(from)
            }
        }
    }

    fn write(&mut self) {
        let name = self.head();
        let (start, length) = self.range();
        let bytes = self.content(length);
        write(&self.volumes.open(&name).unwrap(), start, &bytes);
        let model = self.heads.get_mut(&name).unwrap();
        model[to_usize(start)..][..bytes.len()].copy_from_slice(&bytes);
    }

    fn clear(&mut self) {
        let name = self.head();
        let (start, length) = self.range();
        let volume = self.volumes.open(&name).unwrap();
        if self.below(2) == 0 {
            let whole = start.next_multiple_of(4096)..(start + length) / 4096 * 4096;
            trim(&volume, start, length);
            if whole.start < whole.end {
                let range = to_usize(whole.start)..to_usize(whole.end);
                self.heads.get_mut(&name).unwrap()[range].fill(0);
            }
            return;
        }
        let allocate = self.below(2) == 0;
        let zeroed = volume.write_zeroes(at(start), length, allocate, Ack::Written);
        block_on(zeroed).unwrap();
        let model = self.heads.get_mut(&name).unwrap();
        model[to_usize(start)..to_usize(start + length)].fill(0);
    }

    fn set(&mut self) {
        let name = self.head();
        let next = [Compression::Off, Compression::Lz4, Compression::Lz4];
        let next = next[to_usize(self.below(3))];
        let set = block_on(self.volumes.set_compression(&name, next)).unwrap();
        assert_eq!(set.compression, next);
    }

    fn keep(&mut self) {
        if self.snapshots.len() >= SNAPSHOTS_MAX {
            return self.forget();
        }
        let (head, label) = (self.head(), self.name("s"));
        block_on(self.volumes.take_snapshot(&label, &[&head])).unwrap();
        let state = self.heads[&head].clone();
        self.snapshots.insert((head, label), state);
    }

    fn snapshot(&mut self) -> Option<(String, String)> {
        let all = self.snapshots.keys().cloned().collect();
        self.some(all)
    }

    fn forget(&mut self) {
        let Some((head, label)) = self.snapshot() else {
            return;
        };
        block_on(self.volumes.delete_snapshot(&head, &label)).unwrap();
        self.snapshots.remove(&(head, label));
    }

    fn clone_one(&mut self) {
        if self.heads.len() >= HEADS_MAX {
            return self.delete_one();
        }
        let name = self.name("v");
        if let Some((head, label)) = self.snapshot() {
            let from = (&*head, Some(&*label));
            block_on(self.volumes.create_from(&name, from)).unwrap();
            let state = self.snapshots[&(head, label)].clone();
            self.heads.insert(name, state);
        } else {
            let head = self.head();
            block_on(self.volumes.create_from(&name, (&head, None))).unwrap();
            let state = self.heads[&head].clone();
            self.heads.insert(name, state);
        }
    }

    fn delete_one(&mut self) {
        let name = self.head();
        if self.heads.len() > 1 && !self.snapshots.keys().any(|(head, _)| *head == name) {
            block_on(self.volumes.delete(&name)).unwrap();
            self.heads.remove(&name);
        }
    }

    fn revert(&mut self) {
        if let Some((head, label)) = self.snapshot() {
            block_on(self.volumes.revert(&head, &label)).unwrap();
            let state = self.snapshots[&(head.clone(), label)].clone();
            self.heads.insert(head, state);
        }
    }

    fn compare(&self) {
        for (name, model) in &self.heads {
            let found = read(&self.volumes.open(name).unwrap(), 0, model.len());
            assert!(found == *model, "{name} is not what it should be");
            let (allocated, stored) = taken(&self.volumes, name);
            assert!(stored <= allocated, "{name}");
        }
        for ((head, label), model) in &self.snapshots {
            let volume = self.volumes.open_snapshot(head, label).unwrap();
            let found = read(&volume, 0, model.len());
            assert!(found == *model, "{head}@{label} is not what it should be");
        }
    }

    fn finish(mut self) {
        is_clean(&self.device);
        while !self.snapshots.is_empty() {
            self.forget();
        }
        for name in self.heads.keys() {
            block_on(self.volumes.delete(name)).unwrap();
        }
        assert_eq!(self.volumes.pool().status().live_data.get(), 0);
        is_clean(&self.device);
    }
}
