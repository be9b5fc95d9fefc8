//! Snapshots, volumes made from them, and reverts, in any order, against the reference: also over
//! closings and kills, and with what the pool counts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::ByteCount;
use engine_device::{Device, SimDevice, SimImage, SimOptions};
use engine_pool::{CheckOptions, block_on, check};
use tests_model::{History, Life, Rng, Setup, Workload, check_accounting, observe};

/// Operations of one seed.
const PER_SEED: usize = 4_000;
/// Operations between two looks at everything.
const ROUND: usize = 100;
const SEEDS: u64 = 12;

fn device(seed: u64, image: SimImage) -> Arc<SimDevice> {
    let options = SimOptions {
        seed,
        capacity: ByteCount::new(1 << 30),
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

#[test]
fn mixed_operations_with_snapshots() {
    println!("seeds 1 to {SEEDS}");
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        run(seed);
    }
}

fn verify(seed: u64, image: SimImage) {
    let device = device(seed, image) as Arc<dyn Device>;
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "seed {seed}: {:#?}", report.findings);
}

fn run(seed: u64) {
    let mut rng = Rng::new(!seed);
    let memory = [4 << 20, 256 << 10][engine_base::to_usize(seed % 2)];
    let setup = Setup {
        capacity: 512 << 20,
        memory,
        ..Setup::small(seed)
    };
    let mut used = device(seed, SimImage::default());
    setup.create(&used).unwrap();
    used = device(seed, used.process_kill_image());
    let mut volumes = setup.open(&used, 0).unwrap();
    let mut workload = Workload::with_snapshots(seed);
    if seed.is_multiple_of(2) {
        workload = workload.with_cleaning();
    }
    let mut history = History::default();
    for round in 0..(PER_SEED / ROUND) as u64 {
        Life::new(&used, volumes.clone(), &mut history).run(&mut workload, ROUND);
        let how = rng.below(4);
        match how {
            0 => volumes.pool().close().unwrap(),
            1 => {}
            _ => {
                block_on(volumes.pool().clean_up()).unwrap();
                check_accounting(&volumes, &history.state);
            }
        }
        if how < 2 {
            // Closed, or killed in the middle: nothing that was acknowledged is lost.
            used = device(seed, used.process_kill_image());
            verify(seed, used.process_kill_image());
            volumes = setup.open(&used, round + 1).unwrap();
        }
        let seen = observe(&volumes).unwrap();
        let differences = history.state.differences(&seen);
        let list: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "seed {seed}, round {round}: {list:#?}");
        history = History::from_state(seen);
    }
    for info in volumes.list() {
        for snapshot in volumes.snapshots(&info.name).unwrap() {
            block_on(volumes.delete_snapshot(&info.name, &snapshot.label)).unwrap();
        }
        block_on(volumes.delete(&info.name)).unwrap();
    }
    block_on(volumes.pool().clean_up()).unwrap();
    for _ in 0..4 {
        volumes.pool().checkpoint().unwrap();
    }
    verify(seed, used.process_kill_image());
    let status = volumes.pool().status();
    assert_eq!(status.live_data.get(), 0);
    // The trees of datasets and of roots, and the segment table.
    assert!(
        status.live_index.get() <= 8 << 14,
        "{:?}",
        status.live_index
    );
}
