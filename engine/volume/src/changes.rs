//! Changes of a volume that are committed together.

use engine_base::DatasetId;
use engine_device::PageBuf;
use engine_format::BatchBuilder;
use engine_log::BatchData;
use engine_pool::{Encoded, StoreError};

/// Writes from this size on are of somebody who copies or restores, not of a database: they will
/// hardly be read soon by anybody who has not kept them.
const STREAMED_BYTES_MIN: usize = 64 << 10;

/// One batch in the making.
pub(crate) struct Changes {
    dataset: DatasetId,
    batch: BatchBuilder,
    data: Vec<PageBuf>,
    data_bytes: usize,
}

impl Changes {
    pub(crate) fn new(dataset: DatasetId) -> Self {
        Self {
            dataset,
            batch: BatchBuilder::new(),
            data: Vec::new(),
            data_bytes: 0,
        }
    }

    /// Maps whole blocks from `offset` on to what they were encoded to.
    pub(crate) fn put(&mut self, offset: u64, encoded: Encoded) {
        let object = (self.dataset, &[][..]);
        let data = encoded.add_to(&mut self.batch, object, offset, self.data_bytes);
        self.data_bytes += data.len();
        self.data.push(data);
    }

    /// Makes a range a hole.
    pub(crate) fn clear(&mut self, offset: u64, bytes: u64) {
        self.batch.extent_clear(self.dataset, &[], offset, bytes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    pub(crate) fn finish(self) -> Result<BatchData, StoreError> {
        let mutations = self.batch.finish().map_err(|error| StoreError::Invalid {
            what: "a change of a volume".to_owned(),
            why: error.to_string(),
        })?;
        Ok(BatchData {
            mutations,
            streamed: self.data_bytes >= STREAMED_BYTES_MIN,
            data: self.data,
        })
    }
}
