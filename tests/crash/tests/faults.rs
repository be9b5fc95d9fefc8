//! Devices that fail: the pool stops writing, goes on reading, and a restart finds everything that
//! was promised.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind, VolumeOffset};
use engine_device::{Fault, SimDevice, SimImage, SimOptions};
use engine_pool::block_on;
use engine_volume::{Ack, Volumes};
use tests_model::{
    History, Life, Op, Pattern, Setup, Workload, check_accounting, observe, page_buf,
};

const OPERATIONS: usize = 60;

fn device(seed: u64, image: SimImage) -> Arc<SimDevice> {
    let capacity = ByteCount::new(96 << 20);
    Arc::new(SimDevice::from_image(
        image,
        SimOptions {
            seed,
            capacity,
            ..SimOptions::default()
        },
    ))
}

fn setup(seed: u64) -> Setup {
    Setup {
        memory: if seed.is_multiple_of(2) {
            4 << 20
        } else {
            128 << 10
        },
        ..Setup::small(seed)
    }
}

fn empty(seed: u64) -> SimImage {
    let used = device(seed, SimImage::default());
    setup(seed).create(&used).unwrap();
    used.process_kill_image()
}

/// Runs a workload into a fault. `None`: the fault never struck.
fn run_into(seed: u64, fault: Fault) -> Option<(Arc<SimDevice>, Volumes, History)> {
    let used = device(seed, empty(seed));
    let volumes = setup(seed).open(&used, 0).unwrap();
    used.inject(fault);
    let mut history = History::default();
    let mut workload = Workload::new(seed);
    for _ in 0..OPERATIONS {
        let op = workload.next(&history.state);
        let result = Life::new(&used, volumes.clone(), &mut history).perform(&op);
        if result.is_err() {
            return Some((used, volumes, history));
        }
    }
    None
}

fn expect_prefix(
    seed: u64,
    image: SimImage,
    history: &History,
    least: usize,
    what: &str,
) -> SimImage {
    let used = device(seed, image);
    let volumes = setup(seed).open(&used, 1).unwrap();
    let seen = observe(&volumes).unwrap();
    let found = history.find(&seen, least);
    assert!(
        found.is_some(),
        "{what}: no prefix of {least} to {} steps",
        history.steps.len()
    );
    block_on(volumes.pool().clean_up()).unwrap();
    check_accounting(&volumes, &seen);
    used.process_kill_image()
}

/// What must hold once a fault has struck.
fn check_poisoned(
    seed: u64,
    what: &str,
    (used, volumes, mut history): (Arc<SimDevice>, Volumes, History),
) {
    assert!(
        volumes.pool().status().poisoned.is_some(),
        "{what}: not poisoned"
    );
    // Everything that is readable stays so, and is what was acknowledged.
    let seen = observe(&volumes).unwrap();
    assert!(
        history.find(&seen, history.written).is_some(),
        "{what}: reads have changed"
    );
    let durable_before = volumes.pool().status().durable_lsn;
    for (name, state) in &seen.volumes {
        let volume = volumes.open(name).unwrap();
        let end = state.size.min(4096);
        let data = page_buf(Pattern { stamp: 1 }, 0, end);
        let written = block_on(volume.write(VolumeOffset::new(0), data, Ack::Written)).unwrap_err();
        assert_eq!(written.kind(), ErrorKind::Poisoned, "{what}: {written}");
    }
    let created = block_on(volumes.create("late", ByteCount::new(4096))).unwrap_err();
    assert_eq!(created.kind(), ErrorKind::Poisoned, "{what}: {created}");
    assert_eq!(
        volumes.pool().checkpoint().unwrap_err().kind(),
        ErrorKind::Poisoned
    );
    if block_on(volumes.pool().flush()).is_ok() {
        // Only where all of it was durable before.
        history.durable_up_to(history.written);
    }
    assert_eq!(
        volumes.pool().status().durable_lsn,
        durable_before,
        "{what}: durable afterwards"
    );
    expect_prefix(
        seed,
        used.crash_image(seed),
        &history,
        history.durable,
        what,
    );
    // The process restarts, and what it has recovered survives the power cut after that.
    let left = used.process_kill_image();
    let recovered = expect_prefix(seed, left, &history, history.written, what);
    let used = device(seed, recovered);
    expect_prefix(
        seed,
        used.crash_image(seed ^ 7),
        &history,
        history.written,
        what,
    );
}

fn every(fault: impl Fn(u64) -> Fault, seeds: std::ops::RangeInclusive<u64>) {
    let mut struck = 0;
    for seed in seeds {
        for nth in 0.. {
            let fault = fault(nth);
            let what = format!("seed {seed}, {fault:?}");
            let Some(run) = run_into(seed, fault) else {
                break;
            };
            check_poisoned(seed, &what, run);
            struck += 1;
        }
    }
    println!("{struck} faults");
    assert!(struck > 100);
}

#[test]
fn each_write_fails_once() {
    every(|nth| Fault::FailWrite { nth }, 1..=6);
}

#[test]
fn each_sync_fails_once() {
    every(|nth| Fault::FailSync { nth }, 1..=6);
}

/// The host has no room for a slot: nothing is written, nothing is lost, and it goes on when there
/// is room again.
#[test]
fn the_host_is_full() {
    for slots in 0..12 {
        let used = device(slots, empty(slots));
        let volumes = Setup::small(slots).open(&used, 0).unwrap();
        used.inject(Fault::NoSpaceAfter { slots });
        let mut history = History::default();
        let mut refused = 0;
        let create = Op::Create("v".to_owned(), 32 << 20);
        Life::new(&used, volumes.clone(), &mut history)
            .perform(&create)
            .unwrap();
        for round in 0..24 {
            let put = tests_model::Put {
                name: "v".to_owned(),
                range: round << 20..(round + 1) << 20,
                pattern: Pattern { stamp: round + 1 },
                ack: Ack::Durable,
                dropped: false,
            };
            let op = Op::Write(vec![put]);
            match Life::new(&used, volumes.clone(), &mut history).perform(&op) {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
                    history.refused();
                    refused += 1;
                    if refused == 3 {
                        used.clear_faults();
                    }
                }
            }
            if round % 5 == 4
                && let Err(error) = volumes.pool().checkpoint()
            {
                assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
            }
        }
        assert_eq!(volumes.pool().status().poisoned, None);
        let steps = history.steps.len();
        expect_prefix(slots, used.crash_image(slots), &history, steps, "host full");
    }
}
