//! Pools on several devices: power cuts, losses, rot.

use tests_crash::{MirrorExplorer, MirrorTally};

/// Every change of some workloads on two devices.
#[test]
fn every_change_of_two_devices() {
    let mut total = MirrorTally::default();
    for seed in 1..=6 {
        let mut explorer = MirrorExplorer::new(seed, 2);
        explorer.sweep(40);
        println!("seed {seed}: {}", explorer.tally);
        total += explorer.tally;
    }
    println!("in all: {total}");
    assert!(total.crashes > 500 && total.rotten > 500);
}

/// Every change of some workloads: two copies on three devices.
#[test]
fn every_change_of_three_devices() {
    for seed in 11..=13 {
        let mut explorer = MirrorExplorer::new(seed, 3);
        explorer.sweep(30);
        println!("seed {seed}: {}", explorer.tally);
    }
}

/// Either device is lost at any change, and comes back.
#[test]
fn either_device_is_lost_at_any_change() {
    let mut total = MirrorTally::default();
    for seed in 21..=24 {
        for lost in 0..2 {
            let mut explorer = MirrorExplorer::new(seed, 2);
            explorer.lose(lost, 40, 3);
            println!("seed {seed}: {}", explorer.tally);
            total += explorer.tally;
        }
    }
    assert!(total.losses > 100 && total.refused > 50, "{total}");
}

/// One of three devices is lost, and comes back.
#[test]
fn one_of_three_is_lost() {
    let mut total = MirrorTally::default();
    for lost in 0..3 {
        let mut explorer = MirrorExplorer::new(31, 3);
        explorer.lose(lost, 40, 2);
        total += explorer.tally;
    }
    assert!(total.resyncs > 10, "{total}");
}

/// A thousand places of one device or the other rot while the pool is used.
#[test]
fn a_thousand_rotten_places_show_no_wrong_byte_and_are_repaired() {
    let mut total = MirrorTally::default();
    for seed in 61..=65 {
        let mut explorer = MirrorExplorer::new(seed, 2);
        explorer.rot_in_use(10, 40);
        println!("seed {seed}: {}", explorer.tally);
        total += explorer.tally;
    }
    assert_eq!(total.rotten, 1000);
}

/// The only copy of an index page or of moved data has rotted where the device that catches up has
/// it good.
#[test]
fn rot_of_the_source_does_not_replace_what_is_good() {
    let mut packs = 0;
    for seed in [71, 72] {
        let mut explorer = MirrorExplorer::new(seed, 2);
        let rotten = explorer.rot_of_the_source(150, 30);
        println!("seed {seed}: {rotten:?}, {}", explorer.tally);
        assert!(rotten.index > 20, "{rotten:?}");
        packs += rotten.packs;
    }
    assert!(packs > 30, "{packs}");
}

/// What only a device that is left behind has of the last moments is never seen again.
#[test]
fn records_that_only_an_absent_device_has_do_not_come_back() {
    let mut total = MirrorTally::default();
    for (seed, members) in [(51, 2), (52, 2), (53, 2), (54, 3)] {
        for left in 0..members {
            let mut explorer = MirrorExplorer::new(seed, members);
            explorer.leave_behind(left, 40, 5);
            println!("seed {seed}: {}", explorer.tally);
            total += explorer.tally;
        }
    }
    assert!(total.resyncs > 100, "{total}");
}

/// Lives one after the other, with everything that can happen to devices.
#[test]
fn many_lives_of_mirrors() {
    let mut total = MirrorTally::default();
    for seed in 4000..4040 {
        let mut explorer = MirrorExplorer::new(seed, 2 + engine_base::to_usize(seed % 2));
        explorer.chain(12, 48);
        total += explorer.tally;
    }
    println!("seeds 4000 to 4039: {total}");
    assert!(total.losses > 20 && total.resyncs > 20, "{total}");
}
