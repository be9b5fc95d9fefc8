//! The devices of a simulated pool: what lies on them between two lives, and how they come up.
//!
//! Everything that knows how many devices there are is here.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_device::{Device, Fault, SimDevice, SimImage, SimLayout, SimOptions};
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
}

/// What lies on the devices of a pool that is not running.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    image: SimImage,
}

/// The devices of a running pool.
pub(crate) struct Rig {
    shape: Shape,
    pub(crate) device: Arc<SimDevice>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Rest {
    /// A pool that was created and never opened.
    pub(crate) fn created(shape: Shape) -> Self {
        let rig = Rig::new(
            shape,
            Self {
                image: SimImage::default(),
            },
            None,
            0,
        );
        let options = CreateOptions {
            capacity: Some(shape.capacity),
            segment_bytes: Some(2 << 20),
            clock: Arc::clone(&rig.clock) as Arc<_>,
            entropy: Arc::new(SeededEntropy::new(shape.seed)),
        };
        Pool::create(&*rig.device, &options).expect("a device without faults");
        rig.killed()
    }

    /// A checksum of everything.
    pub(crate) fn digest(&self) -> u32 {
        self.image.digest()
    }

    pub(crate) fn image_mut(&mut self) -> &mut SimImage {
        &mut self.image
    }
}

impl Rig {
    /// The devices come up with what was left; each `life` has choices of its own. The power is cut
    /// at the change after `cut`.
    pub(crate) fn new(shape: Shape, rest: Rest, cut: Option<u64>, life: u64) -> Self {
        let options = SimOptions {
            seed: shape.seed ^ life.rotate_left(40),
            crash_at: None,
            crash_at_change: cut,
            layout: shape.layout,
            capacity: shape.capacity,
            reads_yield: shape.is_slow,
        };
        Self {
            shape,
            device: Arc::new(SimDevice::from_image(rest.image, options)),
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
            ..PoolOptions::default()
        };
        Pool::open(Arc::clone(&self.device) as Arc<dyn Device>, &options)
    }

    /// Verifies the pool, which nobody has open.
    pub(crate) fn check(&self) -> Result<CheckReport, StoreError> {
        let options = CheckOptions {
            memory: ByteCount::new(4 << 20),
            ..CheckOptions::default()
        };
        let device = Arc::clone(&self.device) as Arc<dyn Device>;
        engine_pool::check(device, &options, &mut |_| ())
    }

    pub(crate) fn power_lost(&self) -> bool {
        self.device.power_lost()
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.device.inject(fault);
    }

    /// Faults that have not struck yet.
    pub(crate) fn armed(&self) -> usize {
        self.device.armed_faults()
    }

    pub(crate) fn clear_faults(&self) {
        self.device.clear_faults();
    }

    /// What the death of the process leaves.
    pub(crate) fn killed(&self) -> Rest {
        Rest {
            image: self.device.process_kill_image(),
        }
    }

    /// What a power cut leaves, as `seed` chooses.
    pub(crate) fn cut(&self, seed: u64) -> Rest {
        Rest {
            image: self.device.crash_image(seed),
        }
    }
}
