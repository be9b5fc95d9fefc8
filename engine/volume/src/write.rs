//! Writing.
//!
//! The life of a write, in order: checksums (no lock), admission, throttle, the lock of its blocks,
//! the leaves it will touch, commit (one group with others), acknowledgement. Up to the commit
//! nothing has happened; once it is polled the write happens whatever becomes of the future.

use engine_base::limits::{BLOCK, BLOCK_BYTES, WRITE_BYTES_MAX};
use engine_base::{Lsn, VolumeOffset, align_down, to_usize};
use engine_device::PageBuf;
use engine_pool::StoreError;
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
        let is_aligned = bytes == blocks.end - blocks.start;
        let checksums = is_aligned.then(|| checksums_of(&data));
        let admitted = self.pool.admit(blocks.end - blocks.start).await?;
        self.pool.throttle(&self.dataset).await?;
        let lock = self.dataset.locks().lock(blocks.clone()).await;
        self.check_change(at, bytes)?;
        let (data, checksums) = match checksums {
            Some(checksums) => (data, checksums),
            None => {
                let whole = self.fill_blocks(at.get(), &data).await?;
                let checksums = checksums_of(&whole);
                (whole, checksums)
            }
        };
        let lsn = self.put(blocks.start, data, &checksums).await?;
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

    /// Commits whole blocks. The caller holds their lock.
    pub(crate) async fn put(
        &self,
        offset: u64,
        data: PageBuf,
        checksums: &[u32],
    ) -> Result<Lsn, StoreError> {
        let (low, high) = extent_key_span(&[], offset, data.len() as u64);
        self.pool.make_resident(&self.dataset, &low, &high).await?;
        let mut changes = Changes::new(self.dataset.id());
        changes.put(offset, data, checksums);
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
        let checksums = checksums_of(&whole);
        self.put(block, whole, &checksums).await.map(|_| ())
    }
}

pub(crate) fn checksums_of(data: &[u8]) -> Vec<u32> {
    data.chunks(BLOCK_BYTES).map(crc32c::crc32c).collect()
}
