//! The devices of a simulated pool: what lies on them between two lives, and how they come up.
//!
//! Everything that knows how many devices there are is here. Most seeds have one; one in five has
//! two or three, which keep two copies, and what goes wrong goes wrong on one of them.

mod members;

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_device::{Fault, SimDevice, SimImage, SimLayout, SimOptions, SimPower};
use engine_format::MasterKey;
use engine_pool::{CheckOptions, CheckReport, CreateOptions, Pool, PoolOptions, StoreError};

/// How a pool and its devices are made; the same over all lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) layout: SimLayout,
    pub(crate) capacity: ByteCount,
    /// Bytes for pages in memory.
    pub(crate) memory: ByteCount,
    /// Slow devices: reads are not done when they are first asked for.
    pub(crate) is_slow: bool,
}

/// How it is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum How {
    #[default]
    Newest,
    Rewind,
    AcceptLoss,
    /// Whatever is lost with devices that are not there.
    Degraded,
}

/// What lies on the devices of a pool that is not running.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    shape: Shape,
    images: Vec<SimImage>,
}

/// The devices of a running pool.
pub(crate) struct Rig {
    shape: Shape,
    /// The first of them: it knows whether there is power.
    pub(crate) device: Arc<SimDevice>,
    devices: Vec<Arc<SimDevice>>,
    /// Of several, the one that is plugged in; `None`: all are.
    only: Option<usize>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Shape {
    /// How many devices there are.
    const fn devices(&self) -> usize {
        match self.seed % 15 {
            3 | 8 => 2,
            13 => 3,
            _ => 1,
        }
    }

    /// Whether what goes wrong on one device is nothing that a client sees, as long as all of them
    /// are up to date.
    pub(crate) const fn is_mirrored(&self) -> bool {
        self.devices() > 1
    }

    /// The one of several on which things go wrong.
    const fn victim(&self) -> usize {
        if self.seed.is_multiple_of(2) {
            self.devices() - 1
        } else {
            0
        }
    }
}

impl Rest {
    /// A pool that was created and never opened.
    pub(crate) fn created(shape: Shape) -> Self {
        let blank = Self {
            shape,
            images: vec![SimImage::default(); shape.devices()],
        };
        let rig = Rig::new(shape, blank, None, 0);
        let device = rig.created();
        let options = CreateOptions {
            capacity: (!shape.is_mirrored()).then_some(shape.capacity),
            segment_bytes: Some(2 << 20),
            clock: Arc::clone(&rig.clock) as Arc<_>,
            entropy: Arc::new(SeededEntropy::new(shape.seed)),
        };
        Pool::create(&*device, &options).expect("a device without faults");
        rig.killed()
    }

    /// A checksum of everything.
    pub(crate) fn digest(&self) -> u32 {
        let digests = self.images.iter().map(SimImage::digest);
        digests.fold(0, |all, one| all.rotate_left(1) ^ one)
    }

    /// The device on which things go wrong.
    pub(crate) fn image_mut(&mut self) -> &mut SimImage {
        let victim = self.shape.victim();
        self.images
            .get_mut(victim)
            .expect("every pool has a device")
    }
}

impl Rig {
    /// The devices come up with what was left; each `life` has choices of its own. The power is cut
    /// at the change after `cut`.
    pub(crate) fn new(shape: Shape, rest: Rest, cut: Option<u64>, life: u64) -> Self {
        let power = Arc::new(SimPower::failing_at(cut));
        let device = |(number, image): (u64, SimImage)| {
            let options = SimOptions {
                seed: (shape.seed ^ life.rotate_left(40)) + number,
                layout: shape.layout,
                capacity: shape.capacity,
                reads_yield: shape.is_slow,
                ..SimOptions::default()
            };
            Arc::new(SimDevice::on_power(image, options, Arc::clone(&power)))
        };
        let devices: Vec<_> = (0..).zip(rest.images).map(device).collect();
        let first = devices.first().expect("every pool has a device");
        Self {
            shape,
            device: Arc::clone(first),
            devices,
            only: None,
            clock: Arc::new(ManualClock::default()),
        }
    }

    /// Opens the pool; identities are drawn from `life`.
    pub(crate) fn open(&self, how: How, life: u64) -> Result<Arc<Pool>, StoreError> {
        let entropy = SeededEntropy::new(self.shape.seed ^ (life + 1).rotate_left(32));
        let options = PoolOptions {
            memory: self.shape.memory,
            rewind: how == How::Rewind,
            accept_loss: how == How::AcceptLoss,
            clock: Arc::clone(&self.clock) as Arc<_>,
            entropy: Arc::new(entropy),
            // Of a quarter of the seeds, some volumes are encrypted.
            master_keys: match self.shape.seed % 4 {
                2 => vec![MasterKey::new([1; 32])],
                _ => Vec::new(),
            },
            ..PoolOptions::default()
        };
        let device = self.put_together(life, how.into())?;
        Pool::open(device, &options)
    }

    /// Verifies the pool, which nobody has open.
    pub(crate) fn check(&self) -> Result<CheckReport, StoreError> {
        let options = CheckOptions {
            memory: ByteCount::new(4 << 20),
            ..CheckOptions::default()
        };
        let device = self.put_together(0, members::Use::Look)?;
        engine_pool::check(device, &options, &mut |_| ())
    }

    pub(crate) fn power_lost(&self) -> bool {
        self.device.power_lost()
    }

    fn victim(&self) -> &SimDevice {
        let victim = self.devices.get(self.shape.victim());
        victim.expect("every pool has a device")
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.victim().inject(fault);
    }

    /// Faults that have not struck yet.
    pub(crate) fn armed(&self) -> usize {
        self.victim().armed_faults()
    }

    pub(crate) fn clear_faults(&self) {
        self.victim().clear_faults();
    }

    /// What the death of the process leaves.
    pub(crate) fn killed(&self) -> Rest {
        self.rest(|device| device.process_kill_image())
    }

    /// What a power cut leaves, as `seed` chooses for each device.
    pub(crate) fn cut(&self, seed: u64) -> Rest {
        let mut seed = seed;
        self.rest(|device| {
            let image = device.crash_image(seed);
            seed = seed.rotate_left(23) ^ 0x9e37_79b9;
            image
        })
    }

    fn rest(&self, image: impl FnMut(&Arc<SimDevice>) -> SimImage) -> Rest {
        Rest {
            shape: self.shape,
            images: self.devices.iter().map(image).collect(),
        }
    }
}
