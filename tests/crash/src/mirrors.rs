//! Power cuts, lost devices and rot of pools that lie on several devices.
//!
//! The devices share one power supply, and what survives on each is chosen by itself. Each device
//! can also be lost alone, at any change of its own, and come back later as it was.

mod behind;
mod chain;
mod machine;
mod rot;
mod source;
mod tally;

use engine_base::ByteCount;
use engine_device::{MemberHealth, SimImage, SimLayout, Upkeep};
use engine_pool::{StoreError, block_on};
use engine_volume::Volumes;
use tests_model::{History, Life, Rng, Setup, Workload, check_accounting, observe};

use machine::Machine;
pub use source::SourceRot;
pub use tally::MirrorTally;

/// One seed of a mirrored pool.
#[derive(Debug)]
pub struct MirrorExplorer {
    seed: u64,
    setup: Setup,
    layout: SimLayout,
    members: usize,
    /// Openings so far: each has identities of its own.
    lives: std::cell::Cell<u64>,
    /// What was done so far.
    pub tally: MirrorTally,
}

/// Says where a run was when something panicked.
struct Where(String);

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// Steps of upkeep after which a pool of this size must be through.
const UPKEEP_MAX: u32 = 10_000;

impl MirrorExplorer {
    /// For `seed`: two copies on `members` devices.
    #[must_use]
    pub fn new(seed: u64, members: usize) -> Self {
        let mut setup = Setup::small(seed);
        setup.memory = [4 << 20, 512 << 10, 128 << 10][engine_base::to_usize(seed % 3)];
        let layout = if seed.is_multiple_of(2) {
            SimLayout::Directory
        } else {
            SimLayout::Span
        };
        Self {
            seed,
            setup,
            layout,
            members,
            lives: std::cell::Cell::new(0),
            tally: MirrorTally::default(),
        }
    }

    fn whereabouts(&self, what: &str, at: u64) -> Where {
        Where(format!(
            "seed {} on {} devices: {what} at change {at}",
            self.seed, self.members
        ))
    }

    fn machine(&self, images: &[SimImage]) -> Machine {
        Machine::new(self.seed, self.layout, images)
    }

    /// A pool that was never opened.
    ///
    /// # Panics
    /// If it cannot be created.
    #[must_use]
    pub fn empty(&self) -> Vec<SimImage> {
        let machine = self.machine(&vec![SimImage::default(); self.members]);
        let made = machine.create(ByteCount::new(96 << 20), self.seed);
        let mut setup = self.setup;
        setup.capacity = made.available().expect("a device without faults").get();
        setup.create_on(&*made).expect("a device without faults");
        machine.killed()
    }

    fn open(&self, machine: &Machine, degraded: bool) -> Result<Volumes, StoreError> {
        let life = self.lives.get() + 1;
        self.lives.set(life);
        let device = machine.assemble(degraded, self.seed ^ life << 32)?;
        self.setup.open_on(device, life)
    }

    /// Opens what is left and finds the prefix that it is.
    fn recover(
        &self,
        machine: &Machine,
        history: &History,
        (least, degraded): (usize, bool),
    ) -> Volumes {
        let volumes = match self.open(machine, degraded) {
            Ok(volumes) => volumes,
            Err(error) => panic!("the pool cannot be opened: {error:?}"),
        };
        let seen = observe(&volumes).expect("the pool can be read");
        assert!(
            history.find(&seen, least).is_some(),
            "what was recovered is no prefix with all {least} steps that were promised"
        );
        volumes
    }

    /// Cuts the power of all devices at every change of the workload; at some, one device has
    /// rotted in addition.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn sweep(&mut self, operations: usize) {
        let empty = self.empty();
        let whole = self.machine(&empty);
        let (mut history, mut workload) = (History::default(), Workload::new(self.seed));
        let volumes = self.open(&whole, false).expect("power is on");
        Life::new(whole.any(), volumes, &mut history).run(&mut workload, operations);
        for at in 0..whole.changes() {
            let _where = self.whereabouts("power cut", at);
            let machine = self.machine(&empty).failing_at(at);
            let (mut history, mut workload) = (History::default(), Workload::new(self.seed));
            if let Ok(volumes) = self.open(&machine, false) {
                Life::new(machine.any(), volumes, &mut history).run(&mut workload, operations);
            }
            let mut rng = Rng::new(self.seed ^ at.rotate_left(17));
            let mut left = machine.crashed(&mut rng);
            self.tally.crashes += 1;
            let rotten = rng.once_in(2);
            if rotten {
                self.rot(&mut left, &mut rng);
            }
            let machine = self.machine(&left);
            let volumes = self.recover(&machine, &history, (history.durable, false));
            // Reads look at one copy only: what has rotted on the other is found by a scrub.
            if at % 5 == self.seed % 5 && !rotten {
                self.compare_members(&machine, &volumes, &history);
            }
        }
    }

    /// Overwrites parts of one device with rubbish.
    fn rot(&mut self, images: &mut [SimImage], rng: &mut Rng) {
        let index = engine_base::to_usize(rng.below(images.len() as u64));
        let image = &mut images[index];
        for _ in 0..=rng.below(12) {
            machine::rot(image, rng);
            self.tally.rotten += 1;
        }
    }

    /// Closes a pool and opens each device by itself: all hold what all have held.
    fn compare_members(&mut self, machine: &Machine, volumes: &Volumes, history: &History) {
        let seen = observe(volumes).expect("the pool can be read");
        let steps = history.find(&seen, 0).expect("it was found before");
        block_on(volumes.pool().clean_up()).expect("no device has failed");
        volumes.pool().close().expect("no device has failed");
        if self.members > 2 {
            return;
        }
        for index in 0..self.members {
            let alone = self.machine(&machine.killed()).only(index);
            let refused = self
                .open(&alone, false)
                .expect_err("nothing proves it current");
            assert!(refused.to_string().contains("--degraded"), "{refused}");
            self.tally.refused += 1;
            let alone = self.machine(&machine.killed()).only(index);
            let volumes = self.recover(&alone, history, (steps, true));
            let seen = observe(&volumes).expect("the pool can be read");
            check_accounting(&volumes, &seen);
        }
    }

    /// Loses device `lost` at every `step`th change of its own; the pool goes on, and the device
    /// comes back.
    ///
    /// # Panics
    /// If a pool shows something wrong, or a client an error.
    pub fn lose(&mut self, lost: usize, operations: usize, step: usize) {
        let empty = self.empty();
        for at in (self.seed % step as u64..).step_by(step) {
            let _where = self.whereabouts(&format!("device {lost} was lost"), at);
            let machine = self.machine(&empty).losing(lost, at);
            let (mut history, mut workload) = (History::default(), Workload::new(self.seed));
            let volumes = self.open(&machine, false).expect("one device is left");
            let survivor = machine.other_than(lost);
            let life =
                Life::new(survivor, volumes.clone(), &mut history).run(&mut workload, operations);
            assert!(life, "the pool goes on");
            if !machine.is_lost(lost) {
                break;
            }
            self.tally.losses += 1;
            let mut rng = Rng::new(self.seed ^ at.rotate_left(17));
            let left = if rng.once_in(2) {
                history.durable_up_to(history.written);
                machine.killed()
            } else {
                machine.crashed(&mut rng)
            };
            drop(volumes);
            self.check_survivor(&left, lost, &history);
            self.check_lost(&left, lost);
            self.bring_back(&left, lost, &history, &mut rng);
        }
    }

    /// The others go on alone, without a word: they know that the device is out.
    fn check_survivor(&mut self, left: &[SimImage], lost: usize, history: &History) {
        let machine = self.machine(left).without(lost);
        self.recover(&machine, history, (history.durable, false));
    }

    /// The lost device does not open alone; if it is made to, the two never come together again.
    fn check_lost(&mut self, left: &[SimImage], lost: usize) {
        if self.members > 2 {
            return;
        }
        let alone = self.machine(left).only(lost);
        self.open(&alone, false).expect_err("it is stale");
        let alone = self.machine(left).only(lost);
        if let Ok(volumes) = self.open(&alone, true) {
            drop(volumes);
            let mut forked = left.to_vec();
            forked[lost] = alone.killed()[lost].clone();
            let both = self.machine(&forked);
            let refused = self.open(&both, true).expect_err("two histories");
            assert!(refused.to_string().contains("two histories"), "{refused}");
            self.tally.refused += 1;
        }
    }

    /// All devices are there again: the one that was away catches up, at times over a power cut,
    /// and holds everything then.
    fn bring_back(&mut self, left: &[SimImage], lost: usize, history: &History, rng: &mut Rng) {
        let mut images = left.to_vec();
        for interrupted in [true, false] {
            let machine = self.machine(&images);
            let volumes = self.recover(&machine, history, (history.durable, false));
            let pieces = if interrupted { rng.below(30) } else { u64::MAX };
            let done = self.catch_up(&volumes, pieces);
            if interrupted {
                images = machine.crashed(rng);
                continue;
            }
            assert!(done, "it does not end");
            self.tally.resyncs += 1;
            volumes.pool().close().expect("no device has failed");
            if self.members == 2 {
                let alone = self.machine(&machine.killed()).only(lost);
                self.recover(&alone, history, (history.durable, true));
            }
        }
    }

    fn catch_up(&self, volumes: &Volumes, pieces: u64) -> bool {
        for piece in 0..u64::from(UPKEEP_MAX) {
            if piece == pieces {
                return false;
            }
            if volumes.pool().maintain(true) == Upkeep::Idle {
                let members = volumes.pool().status().members;
                let all = members
                    .iter()
                    .all(|member| member.health == MemberHealth::Current);
                assert!(all, "{members:#?}");
                return true;
            }
        }
        false
    }
}
