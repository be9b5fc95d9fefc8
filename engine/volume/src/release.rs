//! Trimming and zeroing.

use std::ops::Range;

use engine_base::limits::{BATCH_DATA_BYTES_MAX, BLOCK};
use engine_base::{Lsn, VolumeOffset, align_down, align_up, to_usize};
use engine_device::PageBuf;
use engine_format::DatasetRecord;
use engine_pool::StoreError;

use crate::{Ack, Volume};

impl Volume {
    /// Gives the whole blocks in a range back; they read as zeroes. Blocks that the range only cuts
    /// stay as they are. A large range is worked off in steps, each whole or absent after a crash.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] past the end, [`StoreError::NotFound`], [`StoreError::Log`].
    pub async fn trim(&self, at: VolumeOffset, bytes: u64, ack: Ack) -> Result<(), StoreError> {
        self.check(at, bytes)?;
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
    /// data does. A large range is worked off in steps.
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
        self.check(at, bytes)?;
        if bytes == 0 {
            return Ok(());
        }
        let from = at.get();
        let to = from + bytes;
        if allocate {
            self.store_zeroes(from, to, ack).await?;
            return Ok(());
        }
        let first = align_up(from, BLOCK);
        let last = self.whole_until(to);
        if first >= last {
            return self.store_zeroes(from, to, ack).await;
        }
        let lsn = self.clear(first..last, to).await?;
        self.store_zeroes(from, first, ack).await?;
        self.store_zeroes(last.min(to), to, ack).await?;
        self.acknowledge(lsn, ack).await
    }

    /// Writes zeroes as data, in requests that do not cross a multiple of 1 MiB.
    async fn store_zeroes(&self, from: u64, to: u64, ack: Ack) -> Result<(), StoreError> {
        let step = BATCH_DATA_BYTES_MAX as u64;
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
