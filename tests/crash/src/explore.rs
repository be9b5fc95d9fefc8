//! Going through the crash points of a seed.

use std::sync::Arc;

use engine_base::ByteCount;
use engine_device::{Device, SimDevice, SimImage, SimLayout, SimOptions};
use engine_pool::{CheckOptions, Pool, PoolOptions, StoreError, block_on};
use engine_volume::Volumes;
use tests_model::{History, Life, ReferencePool, Rng, Setup, Workload, check_accounting, observe};

mod explain;
mod tally;

use explain::explain;
pub use tally::Tally;

/// The crash points of one seed.
#[derive(Debug)]
pub struct Explorer {
    seed: u64,
    setup: Setup,
    layout: SimLayout,
    snapshots: bool,
    cleaning: bool,
    /// What was done so far.
    pub tally: Tally,
}

/// Says where a run was when the engine or a check panicked.
struct Where<'a> {
    seed: u64,
    text: &'a str,
    at: u64,
}

impl Drop for Where<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {}: {}, at change {} of the device",
                self.seed, self.text, self.at
            );
        }
    }
}

impl Explorer {
    /// For `seed`, which also decides the kind of device and how little memory there is.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut setup = Setup::small(seed);
        // With so little, checkpoints happen in the middle of everything.
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
            snapshots: false,
            cleaning: false,
            tally: Tally::default(),
        }
    }

    /// The same with snapshots in the workloads.
    #[must_use]
    pub const fn with_snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    /// The same with cleaning in the workloads.
    #[must_use]
    pub const fn with_cleaning(mut self) -> Self {
        self.cleaning = true;
        self
    }

    fn workload(&self, seed: u64) -> Workload {
        let workload = if self.snapshots {
            Workload::with_snapshots(seed)
        } else {
            Workload::new(seed)
        };
        if self.cleaning {
            workload.with_cleaning()
        } else {
            workload
        }
    }

    fn device(&self, image: SimImage, crash_at: Option<u64>) -> Arc<SimDevice> {
        let options = SimOptions {
            seed: self.seed,
            crash_at_change: crash_at,
            layout: self.layout,
            capacity: ByteCount::new(self.setup.capacity),
            ..SimOptions::default()
        };
        Arc::new(SimDevice::from_image(image, options))
    }

    /// A pool without volumes that was never opened.
    ///
    /// # Panics
    /// If it cannot be created.
    #[must_use]
    pub fn empty(&self) -> SimImage {
        let device = self.device(SimImage::default(), None);
        self.setup.create(&device).expect("a device without faults");
        device.process_kill_image()
    }

    /// Opens the pool and does `operations` operations; the power is cut at change `crash_at`.
    ///
    /// # Panics
    /// If the pool cannot be opened with power on, or does something wrong.
    pub fn live(
        &mut self,
        image: SimImage,
        history: &mut History,
        workload: &mut Workload,
        (operations, crash_at): (usize, Option<u64>),
    ) -> Arc<SimDevice> {
        let device = self.device(image, crash_at);
        match self.setup.open(&device, self.tally.crashes) {
            Ok(volumes) => {
                Life::new(&device, volumes.clone(), history).run(workload, operations);
                self.tally.cleanings += volumes.pool().metrics().packing_rounds;
            }
            Err(error) => {
                assert!(device.power_lost(), "the pool cannot be opened: {error:?}");
            }
        }
        self.tally.operations += history.log.len() as u64;
        device
    }

    /// Opens what a crash has left and finds the prefix of the history that it is. Returns the
    /// state, and the device in use.
    ///
    /// # Panics
    /// If it is none that has `least` steps.
    pub fn recover(
        &mut self,
        image: SimImage,
        history: &History,
        least: usize,
    ) -> (ReferencePool, Arc<SimDevice>, Volumes) {
        let device = self.device(image, None);
        let volumes = match self.setup.open(&device, self.tally.crashes) {
            Ok(volumes) => volumes,
            Err(error) => {
                explain(history, least, None);
                panic!("the pool cannot be opened: {error:?}");
            }
        };
        let seen = match observe(&volumes) {
            Ok(seen) => seen,
            Err(error) => {
                explain(history, least, None);
                panic!("the pool cannot be read: {error:?}");
            }
        };
        if history.find(&seen, least).is_none() {
            explain(history, least, Some(&seen));
            panic!("what was recovered is no prefix of the history with all that was promised");
        }
        (seen, device, volumes)
    }

    /// Cuts the power at every change of the workload, and now and then again while the pool
    /// recovers.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn sweep(&mut self, operations: usize) {
        self.sweep_from(&self.empty(), &ReferencePool::default(), operations);
    }

    /// A pool that was used for so many operations, and its state.
    ///
    /// # Panics
    /// If it does something wrong.
    #[must_use]
    pub fn aged(&self, operations: usize) -> (SimImage, ReferencePool) {
        let (mut history, mut workload) = (History::default(), self.workload(!self.seed >> 8));
        let device = self.device(self.empty(), None);
        let volumes = self.setup.open(&device, 0).expect("it was created");
        Life::new(&device, volumes.clone(), &mut history).run(&mut workload, operations);
        // What a power cut takes is what the sweep does.
        block_on(volumes.pool().flush()).expect("a device without faults");
        (device.process_kill_image(), history.state)
    }

    /// The same on a pool that was used before.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn sweep_from(&mut self, begin: &SimImage, state: &ReferencePool, operations: usize) {
        let start = |explorer: &Self| {
            let workload = explorer.workload(explorer.seed);
            (History::from_state(state.clone()), workload)
        };
        let (mut history, mut workload) = start(self);
        let whole = self.live(
            begin.clone(),
            &mut history,
            &mut workload,
            (operations, None),
        );
        for at in 0..whole.changes() {
            let _where = Where {
                seed: self.seed,
                text: "power cut",
                at,
            };
            let (mut history, mut workload) = start(self);
            let run = (operations, Some(at));
            let device = self.live(begin.clone(), &mut history, &mut workload, run);
            let image = device.crash_image(self.seed ^ at.rotate_left(17));
            let (seen, ..) = self.recover(image.clone(), &history, history.durable);
            self.tally.crashes += 1;
            if at % 4 == self.seed % 4 {
                self.check(&image);
                self.rewind(&image, &history);
            }
            if at % 23 == self.seed % 23 {
                self.cut_recovery(&image, &history);
                self.go_on(image, seen, at);
            }
            if at % 7 == self.seed % 7 {
                self.recover(device.process_kill_image(), &history, history.written);
                self.tally.kills += 1;
            }
        }
    }

    /// The offline check finds nothing wrong with what a power cut has left.
    fn check(&mut self, image: &SimImage) {
        let device = self.device(image.clone(), None) as Arc<dyn Device>;
        let report = engine_pool::check(device, &CheckOptions::default(), &mut |_| ());
        match report {
            Ok(report) => assert!(report.is_clean(), "the check finds {:#?}", report.findings),
            Err(error) => assert!(
                matches!(error, StoreError::NoSuperblock { .. }),
                "the check fails: {error:?}"
            ),
        }
        self.tally.checks += 1;
    }

    /// The older checkpoint can be opened too where its superblock is there, and leads to some
    /// prefix.
    fn rewind(&mut self, image: &SimImage, history: &History) {
        let device = self.device(image.clone(), None);
        let options = PoolOptions {
            rewind: true,
            ..self.setup.options(self.tally.crashes)
        };
        match Pool::open(Arc::clone(&device) as Arc<dyn Device>, &options) {
            Ok(pool) => {
                let seen = observe(&Volumes::new(pool)).expect("the older checkpoint is whole");
                assert!(history.find(&seen, 0).is_some(), "no prefix after a rewind");
                self.tally.rewinds += 1;
            }
            Err(StoreError::Invalid { .. }) => {}
            Err(error) => panic!("the older checkpoint cannot be opened: {error:?}"),
        }
    }

    /// Cuts the power at every change of a recovery.
    fn cut_recovery(&mut self, image: &SimImage, history: &History) {
        let (.., device, volumes) = self.recover(image.clone(), history, history.durable);
        let changes = device.changes();
        drop(volumes);
        for at in 0..changes {
            let _where = Where {
                seed: self.seed,
                text: "second power cut",
                at,
            };
            let device = self.device(image.clone(), Some(at));
            let opened = self.setup.open(&device, at);
            assert!(opened.is_err(), "the power was lost while it was opened");
            drop(opened);
            let left = device.crash_image(at.rotate_left(29) ^ self.seed);
            self.recover(left, history, history.durable);
            self.tally.crashes += 1;
            self.tally.during_recovery += 1;
        }
    }

    /// Uses a recovered pool, closes it, and compares once more: also what it counts.
    fn go_on(&mut self, image: SimImage, state: ReferencePool, at: u64) {
        let _where = Where {
            seed: self.seed,
            text: "used on after a power cut",
            at,
        };
        let device = self.device(image, None);
        let volumes = self.setup.open(&device, at).expect("it was opened before");
        block_on(volumes.pool().clean_up()).expect("a device without faults");
        check_accounting(&volumes, &state);
        let mut history = History::from_state(state);
        let mut workload = self.workload(self.seed ^ at << 32);
        Life::new(&device, volumes.clone(), &mut history).run(&mut workload, 12);
        block_on(volumes.pool().clean_up()).expect("a device without faults");
        check_accounting(&volumes, &history.state);
        volumes.pool().close().expect("a device without faults");
        let all = history.steps.len();
        let (.., volumes) = self.recover(device.crash_image(at), &history, all);
        check_accounting(&volumes, &history.state);
    }

    /// Lives one after the other, each cut off somewhere, the next one going on with what was left.
    ///
    /// # Panics
    /// If a pool shows something wrong.
    pub fn chain(&mut self, lives: u64, operations: usize) {
        let mut rng = Rng::new(self.seed ^ 0x00c0_ffee);
        let mut image = self.empty();
        let mut history = History::default();
        let mut workload = self.workload(self.seed);
        for _ in 0..lives {
            let at = if rng.once_in(4) {
                rng.below(30)
            } else {
                rng.below(operations as u64 * 5)
            };
            let _where = Where {
                seed: self.seed,
                text: "one of many lives, power cut",
                at,
            };
            let device = self.live(image, &mut history, &mut workload, (operations, Some(at)));
            let killed = rng.once_in(5);
            let (left, least) = if killed {
                self.tally.kills += 1;
                (device.process_kill_image(), history.written)
            } else {
                self.tally.crashes += 1;
                (device.crash_image(rng.bits()), history.durable)
            };
            let (seen, recovered, volumes) = self.recover(left.clone(), &history, least);
            // The next life begins where the recovery ended, or as if there had been none. A kill
            // leaves what a later power cut may take away, until a recovery has made it durable.
            image = if killed || rng.once_in(2) {
                block_on(volumes.pool().clean_up()).expect("a device without faults");
                check_accounting(&volumes, &seen);
                recovered.process_kill_image()
            } else {
                left
            };
            history = History::from_state(seen);
        }
    }

    /// Cuts the power at change `at` of creating a pool. Whether there is a pool then; `None` if
    /// creating it has fewer changes.
    ///
    /// # Panics
    /// If what there is can neither be opened nor is recognised as no pool.
    #[must_use]
    pub fn create(&self, at: u64) -> Option<bool> {
        let _where = Where {
            seed: self.seed,
            text: "created",
            at,
        };
        let device = self.device(SimImage::default(), Some(at));
        self.setup.create(&device).err()?;
        let device = self.device(device.crash_image(self.seed ^ at), None);
        match self.setup.open(&device, 0) {
            Ok(volumes) => {
                let mut history = History::default();
                let mut workload = self.workload(self.seed);
                assert!(Life::new(&device, volumes, &mut history).run(&mut workload, 5));
                Some(true)
            }
            Err(StoreError::NoSuperblock { .. }) => Some(false),
            Err(error) => panic!("neither a pool nor none: {error:?}"),
        }
    }

    /// A checksum of everything that a run does: equal seeds have equal ones.
    pub fn digest(&mut self, operations: usize) -> (u64, u32, u32) {
        let (mut history, mut workload) = (History::default(), self.workload(self.seed));
        let empty = self.empty();
        let device = self.live(empty, &mut history, &mut workload, (operations, None));
        let (live, crashed) = (device.process_kill_image(), device.crash_image(self.seed));
        (device.operations(), live.digest(), crashed.digest())
    }
}
