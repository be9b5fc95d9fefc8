//! Changes of a volume that are committed together.

use engine_base::limits::{BLOCK_BYTES, EXTENT_BYTES_MAX};
use engine_base::{DatasetId, to_u32, to_usize};
use engine_device::PageBuf;
use engine_format::{BatchBuilder, Codec, ExtentPut};
use engine_log::BatchData;
use engine_pool::StoreError;

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

    /// Maps whole blocks from `offset` on to `data`; one checksum per block. More than an extent
    /// takes becomes several.
    pub(crate) fn put(&mut self, offset: u64, data: PageBuf, checksums: &[u32]) {
        let extent = to_usize(EXTENT_BYTES_MAX);
        for (index, checksums) in checksums.chunks(extent / BLOCK_BYTES).enumerate() {
            let from = index * extent;
            let put = ExtentPut {
                offset: offset + from as u64,
                bytes: to_u32(checksums.len() * BLOCK_BYTES),
                data_offset: to_u32(self.data_bytes + from),
                skip: 0,
                codec: Codec::None,
            };
            self.batch.extent_put(self.dataset, &[], &put, checksums);
        }
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
