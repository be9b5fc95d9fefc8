//! Random operations by inode and by key, on one bucket, against a reference that shares no code:
//! over reopenings, kills of the process, and with memory far below the tree.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod family;

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, to_usize};
use engine_bucket::{Bucket, Buckets, QuotaLimits, RootOwner};
use engine_device::{Device, SimDevice, SimImage, SimOptions};
use engine_format::Compression;
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, block_on};
use tests_model::Rng;
use tests_model::bucket::{RefBucket, Runner, Shown, compare, remove_all};

/// Operations of one seed.
const OPERATIONS: usize = 1_500;
/// Operations between two looks at everything.
const ROUND: usize = 50;
const SEEDS: u64 = 20;

fn device(image: SimImage) -> Arc<SimDevice> {
    let options = SimOptions {
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn open(device: &Arc<SimDevice>, seed: u64, life: u64) -> Buckets {
    let memory = [8 << 20, 96 << 10][to_usize(seed % 2)];
    let options = PoolOptions {
        memory: ByteCount::new(memory),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed ^ (life << 32))),
        ..PoolOptions::default()
    };
    let device = Arc::clone(device) as Arc<dyn Device>;
    Buckets::new(Pool::open(device, &options).unwrap())
}

fn offline_check(image: SimImage, seed: u64) {
    let device = device(image) as Arc<dyn Device>;
    let report = engine_pool::check(device, &CheckOptions::default(), &mut |_| ()).unwrap();
    assert!(report.is_clean(), "seed {seed}: {:#?}", report.findings);
}

#[test]
fn operations_of_both_kinds_over_many_openings() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        run(seed);
    }
}

fn run(seed: u64) {
    let mut used = device(SimImage::default());
    let create = CreateOptions {
        capacity: Some(ByteCount::new(256 << 20)),
        segment_bytes: Some(2 << 20),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(seed)),
    };
    Pool::create(&*used, &create).unwrap();
    let mut buckets = open(&used, seed, 0);
    // Of every third bucket what is written is compressed, now and then.
    let is_compressed = seed.is_multiple_of(3);
    let first = [Compression::Off, Compression::Lz4][usize::from(is_compressed)];
    block_on(buckets.create_with("b", RootOwner::default(), first)).unwrap();
    let mut reference = RefBucket::new();
    let mut rng = Rng::new(!seed);
    let mut bucket: Bucket = block_on(buckets.open("b")).unwrap();
    let is_counted = seed % 2 == 1;
    if is_counted {
        let limits = QuotaLimits {
            bytes: Some(1 << 40),
            inodes: None,
        };
        block_on(bucket.set_quota(b"", limits)).unwrap();
    }
    for round in 0..(OPERATIONS / ROUND) as u64 {
        let at = format!("seed {seed}, round {round}");
        let mut runner = Runner::new(&bucket, &mut reference, &mut rng, at.clone());
        (0..ROUND).for_each(|_| runner.step().unwrap());
        if is_compressed {
            let next = *rng.pick(&[Compression::Off, Compression::Lz4, Compression::Lz4]);
            block_on(buckets.set_compression("b", next)).unwrap();
        }
        let how = rng.below(6);
        if how == 0 {
            buckets.pool().checkpoint().unwrap();
        }
        if how >= 4 {
            if how == 4 {
                buckets.pool().close().unwrap();
            }
            let image = used.process_kill_image();
            if round % 3 == 0 {
                offline_check(image.clone(), seed);
            }
            used = device(image);
            buckets = open(&used, seed, round + 1);
            bucket = block_on(buckets.open("b")).unwrap();
        }
        compare(&bucket, &reference, &at);
        let shown = Shown::of_bucket(&bucket, &|_| false).unwrap();
        assert_eq!(shown, Shown::of_reference(&reference), "{at}");
    }
    finish(&buckets, &bucket, seed, is_counted);
}

/// Everything is removed, and all space comes back.
fn finish(buckets: &Buckets, bucket: &Bucket, seed: u64, is_counted: bool) {
    remove_all(bucket);
    if is_counted {
        let left = block_on(bucket.quota(b"")).unwrap();
        let left = (left.bytes_used, left.inodes_used);
        assert_eq!(left, (0, 1), "seed {seed}: what counts for the quota");
    }
    block_on(buckets.pool().clean_up()).unwrap();
    let left = buckets.show("b").unwrap();
    let left = (left.allocated.get(), left.stored.get());
    assert_eq!(left, (0, 0), "seed {seed}: bytes that nobody refers to");
    block_on(buckets.delete("b")).unwrap();
    assert!(buckets.list().is_empty());
    assert_eq!(buckets.pool().status().live_data.get(), 0, "seed {seed}");
}
