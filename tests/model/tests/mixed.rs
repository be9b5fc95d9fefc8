//! Everything a client can do, on small volumes, against the reference: also over closings and
//! kills.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::ByteCount;
use engine_device::{SimDevice, SimImage, SimLayout, SimOptions};
use engine_pool::block_on;
use tests_model::{History, Life, Rng, Setup, Workload, check_accounting, observe};

/// Operations in all.
const OPERATIONS: usize = 300_000;
/// Operations of one seed.
const PER_SEED: usize = 15_000;
/// Operations between two looks at everything.
const ROUND: usize = 500;

fn device(seed: u64, image: SimImage) -> Arc<SimDevice> {
    let layout = if seed.is_multiple_of(2) {
        SimLayout::Directory
    } else {
        SimLayout::Span
    };
    let capacity = ByteCount::new(1 << 30);
    Arc::new(SimDevice::from_image(
        image,
        SimOptions {
            seed,
            layout,
            capacity,
            ..SimOptions::default()
        },
    ))
}

#[test]
fn mixed_operations_over_many_openings() {
    let seeds = OPERATIONS / PER_SEED;
    println!("{OPERATIONS} operations, seeds 1 to {seeds}");
    for seed in 1..=seeds as u64 {
        println!("seed {seed}");
        run(seed);
    }
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
    let mut workload = Workload::new(seed);
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
            volumes = setup.open(&used, round + 1).unwrap();
        }
        let seen = observe(&volumes).unwrap();
        let differences = history.state.differences(&seen);
        let list: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "seed {seed}, round {round}: {list:#?}");
        history = History::from_state(seen);
    }
    for info in volumes.list() {
        block_on(volumes.delete(&info.name)).unwrap();
    }
    for _ in 0..4 {
        volumes.pool().checkpoint().unwrap();
    }
    let status = volumes.pool().status();
    assert_eq!(status.live_data.get(), 0);
    assert!(
        status.segments.0 <= 4,
        "seed {seed}: {} journal segments",
        status.segments.0
    );
}
