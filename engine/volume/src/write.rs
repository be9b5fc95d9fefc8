//! Writing.
//!
//! The life of a write, in order: compression, sealing and checksums (no lock), admission,
//! throttle, the lock of its blocks, the leaves it will touch, commit (one group with others),
//! acknowledgement. Up to the commit nothing has happened; once it is polled the write happens
//! whatever becomes of the future.

use std::ops::Range;

use engine_base::limits::{BLOCK, BLOCK_BYTES, WRITE_BYTES_MAX};
use engine_base::{Lsn, VolumeOffset, align_down, to_usize};
use engine_device::PageBuf;
use engine_format::Encryption;
use engine_pool::{Encoded, StoreError};
use engine_tree::extent_key_span;

use crate::changes::Changes;
use crate::volume::blocks_of;
use crate::{Ack, Volume};

impl Volume {
    /// Writes `data`, at most 1 MiB with the blocks that its ends cut, at `at`: whole or absent
    /// after a crash.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] past the end or over 1 MiB, [`StoreError::NoSpace`],
    /// [`StoreError::NotFound`] if the volume was deleted: nothing changed. [`StoreError::Log`]:
    /// after a restart it is whole or absent.
    pub async fn write(&self, at: VolumeOffset, data: PageBuf, ack: Ack) -> Result<(), StoreError> {
        if data.is_empty() {
            return self.check_change(at, 0);
        }
        let bytes = data.len() as u64;
        let blocks = blocks_of(at.get(), bytes);
        if data.len() > WRITE_BYTES_MAX {
            return Err(StoreError::Invalid {
                what: format!("a write of {bytes} bytes at offset {}", at.get()),
                why: "is over 1 MiB; split it".to_owned(),
            });
        }
        if self.dataset.encryption() != Encryption::Off {
            // Only what takes the write needs a key: that of a deleted volume is gone.
            self.check_change(at, bytes)?;
        }
        let is_aligned = bytes == blocks.end - blocks.start;
        let data = match is_aligned {
            true => Content::Encoded(self.encode(blocks.start, data).await?),
            false => Content::Cut(data),
        };
        let admitted = self.pool.admit(data.stored_bytes(&blocks)).await?;
        self.pool.throttle(&self.dataset).await?;
        let lock = self.dataset.locks().lock(blocks.clone()).await;
        self.check_change(at, bytes)?;
        let encoded = match data {
            Content::Encoded(encoded) => encoded,
            Content::Cut(data) => {
                let whole = self.fill_blocks(at.get(), &data).await?;
                self.encode(blocks.start, whole).await?
            }
        };
        let length = blocks.end - blocks.start;
        let lsn = self.put(blocks.start, length, encoded).await?;
        drop(lock);
        drop(admitted);
        self.acknowledge(lsn, ack).await
    }

    /// The blocks that `data` at `at` touches, with `data` in them. The caller holds their lock.
    async fn fill_blocks(&self, at: u64, data: &[u8]) -> Result<PageBuf, StoreError> {
        let blocks = blocks_of(at, data.len() as u64);
        let mut whole = PageBuf::zeroed(to_usize(blocks.end - blocks.start));
        let head = align_down(at, BLOCK);
        let tail = align_down(at + data.len() as u64, BLOCK);
        self.copy_block(&mut whole, blocks.start, head).await?;
        if tail != head && tail < blocks.end {
            self.copy_block(&mut whole, blocks.start, tail).await?;
        }
        let from = to_usize(at - blocks.start);
        whole[from..from + data.len()].copy_from_slice(data);
        Ok(whole)
    }

    async fn copy_block(
        &self,
        whole: &mut PageBuf,
        first: u64,
        block: u64,
    ) -> Result<(), StoreError> {
        let old = self.read_unchecked(block, BLOCK_BYTES).await?;
        if let Some(old) = old.data() {
            let to = to_usize(block - first);
            whole[to..to + BLOCK_BYTES].copy_from_slice(old);
        }
        Ok(())
    }

    /// Whole blocks as they will be stored.
    ///
    /// # Errors
    /// As [`engine_pool::Pool::sealer`].
    pub(crate) async fn encode(&self, offset: u64, data: PageBuf) -> Result<Encoded, StoreError> {
        let bytes = data.len();
        let sealer = self.pool.sealer(&self.dataset).await?;
        let (sealer, compression) = (sealer.as_deref(), self.dataset.compression());
        Ok(Encoded::sealed(sealer, compression, offset, (data, bytes)))
    }

    /// Commits `bytes` bytes of whole blocks. The caller holds their lock.
    async fn put(&self, offset: u64, bytes: u64, encoded: Encoded) -> Result<Lsn, StoreError> {
        let (low, high) = extent_key_span(&[], offset, bytes);
        self.pool.make_resident(&self.dataset, &low, &high).await?;
        let mut changes = Changes::new(self.dataset.id());
        changes.put(offset, encoded);
        self.pool.commit(changes.finish()?).await
    }

    /// Zeroes what lies behind the end `size` of the volume in the block that it cuts: nobody sees
    /// it until the volume grows. The caller holds the lock of that block.
    pub(crate) async fn zero_tail(&self, size: u64) -> Result<(), StoreError> {
        let block = align_down(size, BLOCK);
        let old = self.read_unchecked(block, BLOCK_BYTES).await?;
        let Some(old) = old.data() else { return Ok(()) };
        let mut whole = PageBuf::zeroed(BLOCK_BYTES);
        let keep = to_usize(size - block);
        whole[..keep].copy_from_slice(&old[..keep]);
        let encoded = self.encode(block, whole).await?;
        self.put(block, BLOCK, encoded).await.map(|_| ())
    }
}

/// What a write brings.
enum Content {
    /// Whole blocks, as they will be stored.
    Encoded(Encoded),
    /// Bytes that cut blocks, whose rest is looked up under their lock.
    Cut(PageBuf),
}

impl Content {
    /// Bytes that will be stored, at most.
    fn stored_bytes(&self, blocks: &Range<u64>) -> u64 {
        match self {
            Self::Encoded(encoded) => encoded.data_bytes() as u64,
            Self::Cut(_) => blocks.end - blocks.start,
        }
    }
}
