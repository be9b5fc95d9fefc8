//! Snapshots, clones, reverts and deletions in any order, with operations in between: each state
//! equals its reference at all times, and in the end nothing is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, to_usize};
use engine_bucket::{Buckets, RootOwner};
use engine_device::{SimDevice, SimImage};
use engine_format::Compression;
use engine_pool::{CreateOptions, Pool, block_on};

use tests_model::Rng;
use tests_model::bucket::{RefBucket, Runner, compare};

use crate::{device, offline_check, open};

const SEEDS: u64 = 12;
const ROUNDS: u64 = 60;
const OPERATIONS: usize = 12;
const BUCKETS_MAX: usize = 4;
const SNAPSHOTS_MAX: usize = 6;

type Label = (String, String);

struct Family {
    used: Arc<SimDevice>,
    buckets: Buckets,
    heads: BTreeMap<String, RefBucket>,
    snapshots: BTreeMap<Label, RefBucket>,
    count: u64,
    rng: Rng,
    seed: u64,
}

impl Family {
    fn new(seed: u64) -> Self {
        let used = device(SimImage::default());
        let create = CreateOptions {
            capacity: Some(ByteCount::new(512 << 20)),
            segment_bytes: Some(2 << 20),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        Pool::create(&*used, &create).unwrap();
        let buckets = open(&used, seed, 0);
        let compression = [Compression::Off, Compression::Lz4][to_usize(seed % 2)];
        block_on(buckets.create_with("b", RootOwner::default(), compression)).unwrap();
        Self {
            used,
            buckets,
            heads: BTreeMap::from([("b".to_owned(), RefBucket::new())]),
            snapshots: BTreeMap::new(),
            count: 0,
            rng: Rng::new(!seed),
            seed,
        }
    }

    fn head(&mut self) -> Option<String> {
        let names: Vec<String> = self.heads.keys().cloned().collect();
        (!names.is_empty()).then(|| self.rng.pick(&names).clone())
    }

    fn snapshot(&mut self) -> Option<Label> {
        let labels: Vec<Label> = self.snapshots.keys().cloned().collect();
        (!labels.is_empty()).then(|| self.rng.pick(&labels).clone())
    }

    fn operate(&mut self, round: u64) {
        let Some(name) = self.head() else { return };
        let bucket = block_on(self.buckets.open(&name)).unwrap();
        let reference = self.heads.get_mut(&name).unwrap();
        let at = format!("seed {}, round {round}", self.seed);
        let mut runner = Runner::new(&bucket, reference, &mut self.rng, at);
        (0..OPERATIONS).for_each(|_| runner.step().unwrap());
        if self.seed % 2 == 1 && self.rng.once_in(8) {
            let next = *self.rng.pick(&[Compression::Off, Compression::Lz4]);
            block_on(self.buckets.set_compression(&name, next)).unwrap();
        }
    }

    fn act(&mut self, round: u64) {
        self.count += 1;
        match self.rng.below(10) {
            0..3 => self.take(),
            3 | 4 => self.delete_snapshot(),
            5 => self.revert(),
            6 => self.create(),
            7 => self.delete(),
            8 if self.rng.once_in(2) => drop(self.buckets.pool().clean().unwrap()),
            8 => drop(self.buckets.pool().checkpoint().unwrap()),
            _ => self.kill(round),
        }
    }

    /// Of one bucket, or of all of them at one moment.
    fn take(&mut self) {
        if self.snapshots.len() >= SNAPSHOTS_MAX {
            return self.delete_snapshot();
        }
        let Some(one) = self.head() else { return };
        let names: Vec<String> = match self.rng.below(3) {
            0 => self.heads.keys().cloned().collect(),
            _ => vec![one],
        };
        let label = format!("s{}", self.count);
        let of: Vec<&str> = names.iter().map(String::as_str).collect();
        block_on(self.buckets.take_snapshot(&label, &of)).unwrap();
        for name in names {
            let reference = self.heads[&name].clone();
            self.snapshots.insert((name, label.clone()), reference);
        }
    }

    fn delete_snapshot(&mut self) {
        let Some(label) = self.snapshot() else { return };
        block_on(self.buckets.delete_snapshot(&label.0, &label.1)).unwrap();
        self.snapshots.remove(&label);
    }

    fn revert(&mut self) {
        let Some(label) = self.snapshot() else { return };
        block_on(self.buckets.revert(&label.0, &label.1)).unwrap();
        let reference = self.snapshots[&label].clone();
        self.heads.insert(label.0, reference);
    }

    fn create(&mut self) {
        if self.heads.len() >= BUCKETS_MAX {
            return self.delete();
        }
        let name = format!("c{}", self.count);
        let (from, reference) = match self.snapshot() {
            Some(label) if self.rng.below(2) == 0 => {
                let reference = self.snapshots[&label].clone();
                ((label.0, Some(label.1)), reference)
            }
            _ => {
                let Some(of) = self.head() else { return };
                let reference = self.heads[&of].clone();
                ((of, None), reference)
            }
        };
        let from = (from.0.as_str(), from.1.as_deref());
        block_on(self.buckets.create_from(&name, from)).unwrap();
        self.heads.insert(name, reference);
    }

    /// A bucket that has no snapshots.
    fn delete(&mut self) {
        let has_snapshots = |name: &&String| self.snapshots.keys().any(|label| label.0 == **name);
        let all: Vec<String> = self.heads.keys().cloned().collect();
        let mut free = all.iter().filter(|name| !has_snapshots(name));
        let Some(name) = free.next_back().cloned() else {
            return;
        };
        if self.heads.len() > 1 {
            block_on(self.buckets.delete_with_contents(&name)).unwrap();
            self.heads.remove(&name);
        }
    }

    fn kill(&mut self, round: u64) {
        let image = self.used.process_kill_image();
        offline_check(image.clone(), self.seed);
        self.used = device(image);
        self.buckets = open(&self.used, self.seed, round + 1);
    }

    fn compare(&mut self, round: u64) {
        let at = format!("seed {}, round {round}", self.seed);
        for (name, reference) in &self.heads {
            let bucket = block_on(self.buckets.open(name)).unwrap();
            compare(&bucket, reference, &format!("{at}, {name}"));
        }
        for (label, reference) in &self.snapshots {
            let bucket = block_on(self.buckets.open_snapshot(&label.0, &label.1)).unwrap();
            compare(&bucket, reference, &format!("{at}, {label:?}"));
        }
    }

    /// Everything goes, in an order of its own for each seed.
    fn finish(mut self) {
        while let Some(label) = self.snapshot() {
            if self.rng.below(3) == 0 {
                self.delete();
            }
            block_on(self.buckets.delete_snapshot(&label.0, &label.1)).unwrap();
            self.snapshots.remove(&label);
        }
        self.kill(ROUNDS + 1);
        for name in self.heads.keys() {
            block_on(self.buckets.delete_with_contents(name)).unwrap();
        }
        let pool = self.buckets.pool();
        block_on(pool.clean_up()).unwrap();
        assert_eq!(pool.status().live_data.get(), 0, "seed {}", self.seed);
        assert!(pool.datasets().is_empty(), "seed {}", self.seed);
        offline_check(self.used.process_kill_image(), self.seed);
    }
}

#[test]
fn snapshots_and_all_that_goes_on_from_them_in_any_order() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        let mut family = Family::new(seed);
        for round in 0..ROUNDS {
            family.operate(round);
            family.act(round);
            if round % 4 == to_usize(seed % 4) as u64 {
                family.compare(round);
            }
        }
        family.compare(ROUNDS);
        family.finish();
    }
}
