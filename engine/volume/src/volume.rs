//! A handle to a volume.

use std::ops::Range;
use std::sync::Arc;

use engine_base::limits::BLOCK;
use engine_base::{ByteCount, Lsn, VolumeOffset, align_down, align_up};
use engine_format::{DatasetRecord, DatasetState};
use engine_log::Plug;
use engine_pool::{Dataset, Pool, StoreError};

/// What an acknowledgement means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ack {
    /// Readable, and it survives the death of the process.
    Written,
    /// On stable storage (what a client calls FUA).
    Durable,
}

/// A handle to a volume; clones are the same handle.
#[derive(Debug, Clone)]
pub struct Volume {
    pub(crate) pool: Arc<Pool>,
    pub(crate) dataset: Arc<Dataset>,
}

impl Volume {
    pub(crate) const fn new(pool: Arc<Pool>, dataset: Arc<Dataset>) -> Self {
        Self { pool, dataset }
    }

    /// Its size now.
    #[must_use]
    pub fn size(&self) -> ByteCount {
        self.dataset
            .with_record(|record| record.map_or(ByteCount::ZERO, |record| record.size))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.dataset
            .with_record(|record| record.map_or_else(String::new, |r| r.name.as_str().to_owned()))
    }

    /// Gathers the writes of this thread into one group until the plug is dropped.
    pub fn plug(&self) -> Plug<'_> {
        self.pool.plug()
    }

    /// Makes everything that has resolved before, on any handle of the pool, survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the sync failed: the pool is read-only from then on.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.pool.flush().await
    }

    /// Whether the range is inside the volume, and the volume still there.
    pub(crate) fn check(&self, at: VolumeOffset, bytes: u64) -> Result<(), StoreError> {
        self.dataset.with_record(|record| {
            let Some(record) = record.filter(|record| record.state != DatasetState::Deleting)
            else {
                return Err(StoreError::NotFound {
                    what: "volume",
                    name: record.map_or_else(String::new, |r| r.name.as_str().to_owned()),
                });
            };
            let end = at.get().checked_add(bytes);
            if end.is_some_and(|end| end <= record.size.get()) {
                return Ok(());
            }
            Err(StoreError::Invalid {
                what: format!("{bytes} bytes at offset {}", at.get()),
                why: format!("reach past the end of the volume at {}", record.size.get()),
            })
        })
    }

    /// As [`Volume::check`], for an operation that changes something.
    pub(crate) fn check_change(&self, at: VolumeOffset, bytes: u64) -> Result<(), StoreError> {
        self.check(at, bytes)?;
        if !self.is_read_only() {
            return Ok(());
        }
        Err(StoreError::Invalid {
            what: format!("changing the snapshot {:?}", self.name()),
            why: "snapshots never change; create a volume from it and write there".to_owned(),
        })
    }

    /// Whether it is a snapshot: it never changes.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.dataset
            .with_record(|record| record.is_some_and(DatasetRecord::is_snapshot))
    }

    /// Ends an operation as its caller wants it acknowledged.
    pub(crate) async fn acknowledge(&self, lsn: Lsn, ack: Ack) -> Result<(), StoreError> {
        match ack {
            Ack::Written => Ok(()),
            Ack::Durable => self.pool.durable(lsn).await,
        }
    }
}

/// The whole blocks that a byte range touches.
pub(crate) fn blocks_of(at: u64, bytes: u64) -> Range<u64> {
    align_down(at, BLOCK)..align_up(at + bytes, BLOCK)
}
