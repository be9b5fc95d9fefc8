//! Small pools on simulated devices.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_device::{Device, PageBuf, SimDevice};
use engine_format::MasterKey;
use engine_pool::{CreateOptions, Pool, PoolOptions, StoreError};
use engine_volume::Volumes;

use crate::Pattern;

/// How a small pool is made.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Of all identities.
    pub seed: u64,
    /// Bytes of the pool, label included.
    pub capacity: u64,
    /// Bytes for pages in memory.
    pub memory: u64,
}

impl Setup {
    /// A pool of 96 MiB with the least memory.
    #[must_use]
    pub const fn small(seed: u64) -> Self {
        Self {
            seed,
            capacity: 96 << 20,
            memory: 4 << 20,
        }
    }

    /// Creates the pool.
    ///
    /// # Errors
    /// Of the engine.
    pub fn create(&self, device: &SimDevice) -> Result<(), StoreError> {
        self.create_on(device)
    }

    /// Creates the pool on any device.
    ///
    /// # Errors
    /// Of the engine.
    pub fn create_on(&self, device: &dyn Device) -> Result<(), StoreError> {
        let options = CreateOptions {
            capacity: Some(ByteCount::new(self.capacity)),
            segment_bytes: Some(2 << 20),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(self.seed)),
        };
        Pool::create(device, &options)
    }

    /// How it is opened; each `life` has identities of its own.
    #[must_use]
    pub fn options(&self, life: u64) -> PoolOptions {
        PoolOptions {
            memory: ByteCount::new(self.memory),
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(self.seed ^ (life + 1).rotate_left(32))),
            // Of every other seed, some volumes are encrypted.
            master_keys: match self.seed % 2 {
                0 => Vec::new(),
                _ => vec![MasterKey::new([1; 32])],
            },
            ..PoolOptions::default()
        }
    }

    /// Opens the pool.
    ///
    /// # Errors
    /// Of the engine.
    pub fn open(&self, device: &Arc<SimDevice>, life: u64) -> Result<Volumes, StoreError> {
        self.open_on(Arc::clone(device) as Arc<dyn Device>, life)
    }

    /// Opens the pool on any device.
    ///
    /// # Errors
    /// Of the engine.
    pub fn open_on(&self, device: Arc<dyn Device>, life: u64) -> Result<Volumes, StoreError> {
        Ok(Volumes::new(Pool::open(device, &self.options(life))?))
    }
}

/// What is to be written at byte `offset`.
#[must_use]
pub fn page_buf(pattern: Pattern, offset: u64, bytes: u64) -> PageBuf {
    let mut buf = PageBuf::zeroed(engine_base::to_usize(bytes));
    pattern.fill(offset, &mut buf);
    buf
}
