//! The crash points of the default run.

use tests_crash::{Explorer, Tally};

/// Every change of some workloads.
#[test]
fn every_change() {
    let mut total = Tally::default();
    for seed in 1..=34 {
        let mut explorer = Explorer::new(seed);
        explorer.sweep(60);
        println!("seed {seed}: {}", explorer.tally);
        total += explorer.tally;
    }
    println!("in all: {total}");
}

/// Every change of some workloads with snapshots.
#[test]
fn every_change_with_snapshots() {
    let mut total = Tally::default();
    for seed in 2001..=2016 {
        let mut explorer = Explorer::new(seed).with_snapshots();
        explorer.sweep(70);
        println!("seed {seed}: {}", explorer.tally);
        total += explorer.tally;
    }
    println!("in all: {total}");
}

/// Many lives of many pools with snapshots, each cut off somewhere.
#[test]
fn many_lives_with_snapshots() {
    let mut total = Tally::default();
    for seed in 3000..3012 {
        let mut explorer = Explorer::new(seed).with_snapshots();
        explorer.chain(30, 60);
        total += explorer.tally;
    }
    println!("seeds 3000 to 3011: {total}");
}

/// Many lives of many pools, each cut off somewhere.
#[test]
fn many_lives() {
    let mut total = Tally::default();
    for seed in 1000..1100 {
        let mut explorer = Explorer::new(seed);
        explorer.chain(30, 60);
        total += explorer.tally;
    }
    println!("seeds 1000 to 1099: {total}");
}

/// One seed is one run: the same calls of the device, the same bytes.
#[test]
fn a_seed_is_a_run() {
    for seed in 1..=12 {
        let digest = |()| Explorer::new(seed).digest(80);
        assert_eq!(digest(()), digest(()), "seed {seed}");
    }
}

/// The power is cut while a pool is created: there is none, or an empty one.
#[test]
fn creation() {
    let mut created = 0;
    for seed in 0..40 {
        for at in 0.. {
            let Some(exists) = Explorer::new(seed).create(at) else {
                break;
            };
            created += u64::from(exists);
        }
    }
    assert!(
        created > 0,
        "a superblock that was not synced survives at times"
    );
}
