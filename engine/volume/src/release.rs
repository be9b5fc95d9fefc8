//! Trimming and zeroing.

use std::ops::Range;

use engine_base::limits::{BLOCK, BLOCK_BYTES, WRITE_BYTES_MAX};
use engine_base::{Lsn, VolumeOffset, align_down, align_up, to_usize};
use engine_device::PageBuf;
use engine_format::DatasetRecord;
use engine_pool::{Admitted, StoreError};
use engine_tree::extent_key_span;

use crate::changes::Changes;
use crate::volume::blocks_of;
use crate::{Ack, Volume};

impl Volume {
    /// Gives the whole blocks in a range back; they read as zeroes. Blocks that the range only cuts
    /// stay as they are. A large range is worked off in steps, each whole or absent after a crash.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] past the end, [`StoreError::NotFound`], [`StoreError::Log`].
    pub async fn trim(&self, at: VolumeOffset, bytes: u64, ack: Ack) -> Result<(), StoreError> {
        self.check_change(at, bytes)?;
        let first = align_up(at.get(), BLOCK);
        let last = self.whole_until(at.get() + bytes);
        if first >= last {
            return Ok(());
        }
        let lsn = self.clear(first..last, at.get() + bytes).await?;
        self.acknowledge(lsn, ack).await
    }

    /// Makes a range read as zeroes: whole blocks are given back, cut ones are rewritten. With
    /// `allocate` all of it is stored, so that later writes to it find the same room as overwriting
    /// data does. A range of up to 1 MiB is whole or absent after a crash; a larger one is worked
    /// off in steps.
    ///
    /// # Errors
    /// As [`Volume::trim`], and [`StoreError::NoSpace`].
    pub async fn write_zeroes(
        &self,
        at: VolumeOffset,
        bytes: u64,
        allocate: bool,
        ack: Ack,
    ) -> Result<(), StoreError> {
        self.check_change(at, bytes)?;
        if bytes == 0 {
            return Ok(());
        }
        let from = at.get();
        let to = from + bytes;
        if allocate {
            self.store_zeroes(from, to, ack).await?;
            return Ok(());
        }
        if bytes <= WRITE_BYTES_MAX as u64 {
            return self.zero_at_once(from..to, ack).await;
        }
        let first = align_up(from, BLOCK);
        let last = self.whole_until(to);
        let lsn = self.clear(first..last, to).await?;
        self.store_zeroes(from, first, ack).await?;
        self.store_zeroes(last.min(to), to, ack).await?;
        self.acknowledge(lsn, ack).await
    }

    /// Zeroes at most 1 MiB in one batch: whole blocks become holes, blocks that the ends cut are
    /// rewritten unless they are holes already.
    async fn zero_at_once(&self, range: Range<u64>, ack: Ack) -> Result<(), StoreError> {
        let bytes = range.end - range.start;
        let blocks = blocks_of(range.start, bytes);
        let admitted = self.admit_edges(&range).await?;
        self.pool.throttle(&self.dataset).await?;
        let lock = self.dataset.locks().lock(blocks.clone()).await;
        self.check_change(VolumeOffset::new(range.start), bytes)?;
        let mut changes = Changes::new(self.dataset.id());
        let first = align_up(range.start, BLOCK);
        let last = self.whole_until(range.end);
        if first < last {
            changes.clear(first, last - first);
        }
        let head = align_down(range.start, BLOCK);
        if head < first {
            self.zero_part(&mut changes, head, &range).await?;
        }
        if first <= last && last < range.end {
            self.zero_part(&mut changes, last, &range).await?;
        }
        if changes.is_empty() {
            drop(lock);
            // Zeroes in a hole: what made it one may still have to become durable.
            return match ack {
                Ack::Written => Ok(()),
                Ack::Durable => self.flush().await,
            };
        }
        let (low, high) = extent_key_span(&[], blocks.start, blocks.end - blocks.start);
        self.pool.make_resident(&self.dataset, &low, &high).await?;
        let lsn = self.pool.commit(changes.finish()?).await?;
        drop(lock);
        drop(admitted);
        self.acknowledge(lsn, ack).await
    }

    /// Room for the blocks that the ends of a range cut; where there are none, the change only
    /// gives space back.
    async fn admit_edges(&self, range: &Range<u64>) -> Result<Option<Admitted<'_>>, StoreError> {
        let cuts = [range.start, range.end]
            .into_iter()
            .filter(|end| !end.is_multiple_of(BLOCK));
        let bytes = cuts.count() as u64 * BLOCK;
        if bytes == 0 {
            self.pool.admit_release().await?;
            return Ok(None);
        }
        self.pool.admit(bytes).await.map(Some)
    }

    /// Zeroes the part of a block that lies in `range`. The caller holds the block's lock.
    async fn zero_part(
        &self,
        changes: &mut Changes,
        block: u64,
        range: &Range<u64>,
    ) -> Result<(), StoreError> {
        let old = self.read_unchecked(block, BLOCK_BYTES).await?;
        let Some(old) = old.data() else { return Ok(()) };
        let mut new = PageBuf::copy_of(old);
        let from = to_usize(range.start.max(block) - block);
        let to = to_usize(range.end.min(block + BLOCK) - block);
        new[from..to].fill(0);
        changes.put(block, self.encode(block, new).await?);
        Ok(())
    }

    /// Writes zeroes as data, in requests that do not cross a multiple of 1 MiB.
    async fn store_zeroes(&self, from: u64, to: u64, ack: Ack) -> Result<(), StoreError> {
        let step = WRITE_BYTES_MAX as u64;
        let mut at = from;
        while at < to {
            let end = to.min(align_down(at, step) + step);
            let zeroes = PageBuf::zeroed(to_usize(end - at));
            let written = if end == to { ack } else { Ack::Written };
            self.write(VolumeOffset::new(at), zeroes, written).await?;
            at = end;
        }
        Ok(())
    }

    /// Makes the whole blocks `blocks` of a range that ends at `to` holes.
    async fn clear(&self, blocks: Range<u64>, to: u64) -> Result<Lsn, StoreError> {
        // A block that the end cuts counts as whole only as long as nothing of it lies behind the
        // range.
        let is_whole = blocks.end <= to;
        let go_on = move |record: &DatasetRecord| is_whole || record.size.get() <= to;
        self.pool.clear_extents(&self.dataset, blocks, go_on).await
    }

    /// Where the whole blocks of a range that ends at `end` end; the volume's last block counts as
    /// whole.
    fn whole_until(&self, end: u64) -> u64 {
        if end == self.size().get() {
            align_up(end, BLOCK)
        } else {
            align_down(end, BLOCK)
        }
    }
}
