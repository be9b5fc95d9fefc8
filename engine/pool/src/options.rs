//! What a pool is created and opened with.

use std::fmt;
use std::sync::Arc;

use engine_base::limits::{LABEL_BYTES, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MIN, SEGMENTS_MIN};
use engine_base::{ByteCount, Clock, Entropy, SystemClock, SystemEntropy};
use engine_device::Geometry;
use engine_format::MasterKey;

use crate::StoreError;

/// Memory for pages if nothing else is said.
pub const MEMORY_DEFAULT: ByteCount = ByteCount::new(256 << 20);
/// The least memory a pool works with.
pub const MEMORY_MIN: ByteCount = ByteCount::new(4 << 20);
/// Bytes a second copied to a device that catches up: a part of what a disk writes.
pub const RESYNC_RATE_DEFAULT: ByteCount = ByteCount::new(128 << 20);
/// Segments that a pool is cut into if its capacity allows: small pools get smaller segments.
const SEGMENTS_WANTED: u64 = 256;
/// Fewer segments are taken in exchange for segments of at least this size.
const SEGMENT_BYTES_SMALL: u64 = 4 << 20;

/// How a pool is opened.
#[derive(Clone)]
pub struct PoolOptions {
    /// Bytes for tree pages in memory, with what the allocator loses between them: pages may take
    /// seven eighths of it.
    pub memory: ByteCount,
    /// Open the older of the two checkpoints; its journal is replayed all the same.
    pub rewind: bool,
    /// Open although a group that was durable is unreadable: it and everything after it is lost.
    pub accept_loss: bool,
    /// What scrubbing in the background may read a second; `None` or 0: it is made on request only.
    pub scrub_bytes_per_second: Option<u64>,
    /// Rewrite copies that are met and are bad. Only a check does without.
    pub repair: bool,
    /// Bytes a second at which devices that missed something are brought up to date.
    pub resync_rate: ByteCount,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identities and keys.
    pub entropy: Arc<dyn Entropy>,
    /// Keys that data keys are wrapped by; new ones by the first.
    pub master_keys: Vec<MasterKey>,
}

impl PoolOptions {
    /// What pages may take of `memory`.
    pub(crate) const fn memory_of_pages(&self) -> ByteCount {
        let bytes = self.memory.get();
        ByteCount::new(bytes - bytes / 8)
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            memory: MEMORY_DEFAULT,
            rewind: false,
            accept_loss: false,
            scrub_bytes_per_second: None,
            repair: true,
            resync_rate: RESYNC_RATE_DEFAULT,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            master_keys: Vec::new(),
        }
    }
}

impl fmt::Debug for PoolOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolOptions")
            .field("memory", &self.memory)
            .field("rewind", &self.rewind)
            .field("accept_loss", &self.accept_loss)
            .field("scrub_bytes_per_second", &self.scrub_bytes_per_second)
            .finish_non_exhaustive()
    }
}

/// How a pool is created.
#[derive(Clone)]
pub struct CreateOptions {
    /// Bytes the pool may take of the device, label included; `None`: what the device has
    /// available.
    pub capacity: Option<ByteCount>,
    /// Bytes of a segment; `None`: by capacity.
    pub segment_bytes: Option<u32>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identities.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self {
            capacity: None,
            segment_bytes: None,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl fmt::Debug for CreateOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateOptions")
            .field("capacity", &self.capacity)
            .field("segment_bytes", &self.segment_bytes)
            .finish_non_exhaustive()
    }
}

impl CreateOptions {
    /// How `capacity` bytes are cut: 64 MiB segments, smaller ones for small pools.
    pub(crate) fn geometry(&self, capacity: ByteCount) -> Result<Geometry, StoreError> {
        let usable = capacity.get().saturating_sub(LABEL_BYTES);
        let wanted = (usable / SEGMENTS_WANTED).max(1).next_power_of_two() / 2;
        let least = if usable / SEGMENT_BYTES_SMALL >= u64::from(SEGMENTS_MIN) {
            SEGMENT_BYTES_SMALL
        } else {
            SEGMENT_BYTES_MIN
        };
        let chosen = wanted.clamp(least, SEGMENT_BYTES_DEFAULT);
        let segment_bytes = self.segment_bytes.map_or(chosen, u64::from);
        let slots = u32::try_from(usable / segment_bytes).unwrap_or(u32::MAX);
        if slots < SEGMENTS_MIN {
            let least = ByteCount::new(LABEL_BYTES + segment_bytes * u64::from(SEGMENTS_MIN));
            return Err(StoreError::Invalid {
                what: format!("a pool of {capacity}"),
                why: format!("is too small: the least is {least}"),
            });
        }
        let segment_bytes = u32::try_from(segment_bytes).map_err(|_| StoreError::Invalid {
            what: format!("a segment of {segment_bytes} bytes"),
            why: "is over 1 GiB".to_owned(),
        })?;
        Ok(Geometry {
            segment_bytes,
            slots,
        })
    }
}
