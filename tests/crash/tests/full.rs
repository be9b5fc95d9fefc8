//! Full pools: nothing is lost, giving back works, and the space comes back.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind};
use engine_device::{SimDevice, SimImage, SimOptions};
use engine_pool::block_on;
use engine_volume::{Ack, Volumes};
use tests_model::{
    History, Life, Op, Pattern, Put, ReferencePool, Rng, Setup, check_accounting, observe,
};

const MIB: u64 = 1 << 20;
/// The smallest pool.
const CAPACITY: u64 = 65 * MIB;

fn device(image: SimImage, crash_at: Option<u64>) -> Arc<SimDevice> {
    let options = SimOptions {
        capacity: ByteCount::new(CAPACITY),
        crash_at_change: crash_at,
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn setup(seed: u64) -> Setup {
    Setup {
        capacity: CAPACITY,
        ..Setup::small(seed)
    }
}

fn empty(seed: u64) -> SimImage {
    let used = device(SimImage::default(), None);
    setup(seed).create(&used).unwrap();
    used.process_kill_image()
}

/// Writes below this many bytes are only made on a pool that holds
const SMALL: u64 = 64 << 10;
/// so many bytes.
const NEARLY_FULL: u64 = 30 * MIB;

/// Writes and gives back on a pool that is full most of the time.
struct Filler {
    rng: Rng,
    stamp: u64,
    refused: u64,
    /// Bytes of one write at most.
    bytes: u64,
}

impl Filler {
    fn next(&mut self, state: &ReferencePool, full: bool) -> Op {
        if state.volumes.len() < 2 {
            let name = if state.volumes.contains_key("a") {
                "b"
            } else {
                "a"
            };
            return Op::Create(name.to_owned(), 40 * MIB);
        }
        let name = if self.rng.once_in(3) { "a" } else { "b" }.to_owned();
        let at = self.rng.below(40 * MIB / 4096) * 4096;
        if !full {
            self.stamp += 1;
            // Small writes alone would take long to fill what cleaning keeps free of crumbs.
            let most = if self.bytes < SMALL && state.stored_bytes() < NEARLY_FULL {
                MIB
            } else {
                self.bytes
            };
            let bytes = self.rng.between(1, most / 4096) * 4096;
            let pattern = Pattern { stamp: self.stamp };
            let range = at..(at + bytes).min(40 * MIB);
            return Op::Write(vec![Put {
                name,
                range,
                pattern,
                ack: Ack::Written,
                dropped: false,
            }]);
        }
        match self.rng.below(4) {
            0 => Op::Delete(name),
            1 => Op::Trim(name, 0..40 * MIB, Ack::Written),
            2 => Op::Trim(name, at..(at + 16 * MIB).min(40 * MIB), Ack::Durable),
            _ => Op::Resize(name, 40 * MIB),
        }
    }

    /// `false`: the power was lost.
    fn run(&mut self, life: &mut Running<'_>, operations: usize) -> bool {
        let mut full = false;
        for _ in 0..operations {
            let op = self.next(&life.history.state, full);
            let volumes = life.volumes.clone();
            let result = Life::new(life.device, volumes, life.history).perform(&op);
            full = false;
            let Err(error) = result else { continue };
            if life.device.power_lost() {
                return false;
            }
            assert_eq!(error.kind(), ErrorKind::NoSpace, "{op:?}: {error}");
            let adds = matches!(op, Op::Write(_) | Op::Create(..));
            assert!(adds, "what gives back is never refused: {op:?}");
            life.history.refused();
            self.refused += 1;
            full = true;
        }
        true
    }
}

struct Running<'a> {
    device: &'a Arc<SimDevice>,
    volumes: Volumes,
    history: &'a mut History,
}

fn filler(seed: u64, bytes: u64) -> Filler {
    Filler {
        rng: Rng::new(seed),
        stamp: seed << 32,
        refused: 0,
        bytes,
    }
}

#[test]
fn a_full_pool_of_large_writes_keeps_everything_and_gives_space_back() {
    keeps_everything_and_gives_space_back(1, MIB);
}

#[test]
fn a_full_pool_of_mixed_writes_keeps_everything_and_gives_space_back() {
    keeps_everything_and_gives_space_back(2, 256 << 10);
}

#[test]
fn a_full_pool_of_writes_of_some_blocks_keeps_everything_and_gives_space_back() {
    keeps_everything_and_gives_space_back(3, 64 << 10);
}

#[test]
fn a_full_pool_of_small_writes_keeps_everything_and_gives_space_back() {
    keeps_everything_and_gives_space_back(4, 16 << 10);
}

fn keeps_everything_and_gives_space_back(seed: u64, bytes: u64) {
    println!("seed {seed}, writes of up to {bytes} bytes");
    let mut image = empty(seed);
    let mut history = History::default();
    let mut filler = filler(seed, bytes);
    for life in 0..6 {
        let device = device(image, None);
        let volumes = setup(seed).open(&device, life).unwrap();
        let seen = observe(&volumes).unwrap();
        assert!(
            seen == history.state,
            "seed {seed}: what was stored is there"
        );
        history = History::from_state(seen);
        let mut running = Running {
            device: &device,
            volumes: volumes.clone(),
            history: &mut history,
        };
        assert!(filler.run(&mut running, 500));
        if life % 3 == 0 {
            volumes.pool().close().unwrap();
        }
        image = device.process_kill_image();
    }
    assert!(
        filler.refused > 4,
        "seed {seed}: it was full {} times",
        filler.refused
    );
    let device = device(image, None);
    let volumes = setup(seed).open(&device, 99).unwrap();
    for info in volumes.list() {
        block_on(volumes.delete(&info.name)).unwrap();
    }
    for _ in 0..4 {
        volumes.pool().checkpoint().unwrap();
    }
    let status = volumes.pool().status();
    assert_eq!(status.live_data.get(), 0);
    assert!(
        status.free.get() + 8 * MIB > status.capacity.get(),
        "{status:?}"
    );
}

/// Opening a full pool again and again takes no more space each time.
#[test]
fn a_full_pool_can_be_opened_for_ever() {
    let mut image = empty(5);
    let mut history = History::default();
    let first = device(image, None);
    let volumes = setup(5).open(&first, 0).unwrap();
    let mut filler = filler(5, MIB);
    while filler.refused == 0 {
        let mut running = Running {
            device: &first,
            volumes: volumes.clone(),
            history: &mut history,
        };
        assert!(filler.run(&mut running, 1));
    }
    image = first.process_kill_image();
    for life in 1..60 {
        let device = device(image, None);
        let volumes = setup(5).open(&device, life).unwrap();
        if life % 5 == 0 {
            assert!(observe(&volumes).unwrap() == history.state);
            check_accounting(&volumes, &history.state);
        }
        if life % 2 == 0 {
            volumes.pool().close().unwrap();
        }
        image = device.process_kill_image();
    }
}

/// A pool that is about to be full.
fn nearly_full(seed: u64, bytes: u64) -> (SimImage, ReferencePool) {
    let used = device(empty(seed), None);
    let volumes = setup(seed).open(&used, 0).unwrap();
    let mut history = History::default();
    let mut filler = filler(seed, bytes);
    while volumes.pool().status().available.get() > 6 * MIB {
        let mut running = Running {
            device: &used,
            volumes: volumes.clone(),
            history: &mut history,
        };
        assert!(filler.run(&mut running, 1));
    }
    volumes.pool().close().unwrap();
    (used.crash_image(seed), history.state)
}

/// The power is cut while the pool is full and gives back.
#[test]
fn power_cuts_of_a_full_pool() {
    const OPERATIONS: usize = 50;
    let (mut cuts, mut refused) = (0, 0);
    for seed in 10..14 {
        let bytes = [MIB, 128 << 10, 32 << 10][engine_base::to_usize(seed % 3)];
        let (start, state) = nearly_full(seed, bytes);
        let live = |at: Option<u64>| {
            let used = device(start.clone(), at);
            let mut history = History::from_state(state.clone());
            let mut filler = filler(!seed, MIB);
            if let Ok(volumes) = setup(seed).open(&used, 0) {
                let mut running = Running {
                    device: &used,
                    volumes,
                    history: &mut history,
                };
                filler.run(&mut running, OPERATIONS);
            }
            (used, history, filler.refused)
        };
        let (whole, _, full) = live(None);
        refused += full;
        for at in (seed..whole.changes()).step_by(5) {
            let (used, history, _) = live(Some(at));
            let recovered = device(used.crash_image(at), None);
            let volumes = setup(seed).open(&recovered, 1).unwrap_or_else(|error| {
                panic!("seed {seed}, change {at}: {error:?}");
            });
            let seen = observe(&volumes).unwrap();
            let found = history.find(&seen, history.durable);
            assert!(found.is_some(), "seed {seed}, change {at}: no prefix");
            cuts += 1;
        }
    }
    println!("{cuts} power cuts, the pools were full {refused} times");
    assert!(refused > 0);
}
