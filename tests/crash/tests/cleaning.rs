//! Power cuts while what is live of sparse segments is moved.

use tests_crash::{Explorer, Tally};

/// Every change of workloads on pools that were used before, so that there is something to clean.
#[test]
fn every_change_while_cleaning() {
    let mut total = Tally::default();
    for seed in 5001..=5008 {
        let mut explorer = Explorer::new(seed).with_cleaning();
        if seed.is_multiple_of(2) {
            explorer = explorer.with_snapshots();
        }
        let (image, state) = explorer.aged(400);
        explorer.sweep_from(&image, &state, 30);
        println!("seed {seed}: {}", explorer.tally);
        total += explorer.tally;
    }
    println!("in all: {total}");
    assert!(
        total.cleanings > total.crashes / 8,
        "they were cut off in it"
    );
}

/// Many lives of many pools, each cut off somewhere.
#[test]
fn many_lives_with_cleaning() {
    let mut total = Tally::default();
    for seed in 6000..6020 {
        let mut explorer = Explorer::new(seed).with_cleaning();
        if seed.is_multiple_of(2) {
            explorer = explorer.with_snapshots();
        }
        explorer.chain(30, 150);
        total += explorer.tally;
    }
    println!("seeds 6000 to 6019: {total}");
    assert!(total.cleanings > 100, "something was moved in them");
}

/// One seed is one run, also with cleaning.
#[test]
fn a_seed_is_a_run_with_cleaning() {
    for seed in 1..=6 {
        let digest = || Explorer::new(seed).with_cleaning().digest(300);
        assert_eq!(digest(), digest(), "seed {seed}");
    }
}
