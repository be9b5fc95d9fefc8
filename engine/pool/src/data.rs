//! Reading the data of extents: never a byte whose checksum was not verified.

mod units;
mod wanted;

use engine_base::limits::BLOCK_BYTES;
use engine_base::to_u32;
use engine_device::{PageBuf, Place, ReadOp};

use crate::core::Core;
use crate::{Pool, ReadPin, StoreError, copies};
pub use wanted::ExtentRead;

impl Core {
    /// Verifies what was read, and opens it if it was sealed.
    fn settle(
        &self,
        read: &ExtentRead,
        place: Place,
        result: Result<(), StoreError>,
        buf: &mut [u8],
    ) -> Result<(), StoreError> {
        self.settle_stored(read, place, result, buf)?;
        self.open_blocks(&read.sealed, buf)
    }

    /// Verifies what was read; what is bad, or could not be read, is taken from another copy.
    fn settle_stored(
        &self,
        read: &ExtentRead,
        place: Place,
        result: Result<(), StoreError>,
        buf: &mut [u8],
    ) -> Result<(), StoreError> {
        let error = match result {
            Ok(()) => match self.verify(read, place, buf) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Err(error) => {
                buf.fill(0);
                error
            }
        };
        if self.examine_runs(read, buf)? {
            let counter = &self.counters.data_read_repairs;
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tracing::warn!(%error, "a good copy answers the read");
            return Ok(());
        }
        tracing::error!(%error, "stored data is damaged: the read fails");
        Err(error)
    }

    /// Puts the good blocks of all copies together in `buf`; whether none is missing.
    fn examine_runs(&self, read: &ExtentRead, buf: &mut [u8]) -> Result<bool, StoreError> {
        let (mut rest, mut first) = (buf, 0);
        let mut whole = true;
        for (place, run) in self.runs_at(read.location, rest.len())? {
            let (now, later) = rest.split_at_mut(run);
            let is_good = |index: usize, block: &[u8]| {
                copies::is_block(read.checksums(), first + index, block)
            };
            let range = copies::Range {
                place,
                unit: BLOCK_BYTES,
                is_good: &is_good,
            };
            whole &= copies::examine(&*self.device, &range, now, self.repairs).whole;
            first += run / BLOCK_BYTES;
            rest = later;
        }
        Ok(whole)
    }

    /// Compares every block of `buf` with its checksum.
    fn verify(&self, read: &ExtentRead, place: Place, buf: &[u8]) -> Result<(), StoreError> {
        for (index, (block, expected)) in buf
            .chunks_exact(BLOCK_BYTES)
            .zip(read.checksums().iter())
            .enumerate()
        {
            if crc32c::crc32c(block) != expected.get() {
                let counter = &self.counters.data_read_errors;
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let error = StoreError::DataDamaged {
                    location: read.location,
                    slot: match place.area {
                        engine_device::Area::Segment(slot) => Some(slot),
                        engine_device::Area::Label => None,
                    },
                    block: to_u32(index),
                };
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Pool {
    /// Taken before a location is looked up and held until it was read: its segment is not reused
    /// meanwhile.
    #[must_use]
    pub fn read_pin(&self) -> ReadPin {
        self.core.generation.read().pin()
    }

    /// Fills `buf`, exactly [`ExtentRead::bytes`] long, if that takes no I/O; `Ok(false)` if it
    /// would.
    ///
    /// # Errors
    /// [`StoreError::DataDamaged`], [`StoreError::Device`].
    pub fn read_extent_cached(
        &self,
        read: &ExtentRead,
        buf: &mut [u8],
    ) -> Result<bool, StoreError> {
        assert_eq!(
            buf.len(),
            read.bytes(),
            "the buffer takes the blocks exactly"
        );
        let (place, run) = self.core.run_at(read.location, buf.len())?;
        let result = if run == buf.len() {
            self.core.device.read_cached(place, buf).map_err(Into::into)
        } else {
            self.read_runs_cached(read, buf)
        };
        let result = match result {
            Ok(false) => return Ok(false),
            other => other.map(|_| ()),
        };
        self.core.settle(read, place, result, buf)?;
        Ok(true)
    }

    /// Blocks that were packed may lie in several pieces.
    fn read_runs_cached(&self, read: &ExtentRead, buf: &mut [u8]) -> Result<bool, StoreError> {
        let mut rest = buf;
        for (place, run) in self.core.runs_at(read.location, rest.len())? {
            let (now, later) = rest.split_at_mut(run);
            if !self.core.device.read_cached(place, now)? {
                return Ok(false);
            }
            rest = later;
        }
        Ok(true)
    }

    /// Tells the host to begin reading stored blocks. A hint: nothing is waited for.
    pub fn read_extent_ahead(&self, read: &ExtentRead) {
        // What is wrong with a place is said where its bytes are needed.
        let runs = self.core.runs_at(read.location, read.bytes());
        for (place, run) in runs.into_iter().flatten() {
            self.core.device.read_ahead(place, run as u64);
        }
    }

    /// Reads and verifies stored blocks.
    ///
    /// # Errors
    /// [`StoreError::DataDamaged`], [`StoreError::Device`].
    pub async fn read_extent(&self, read: &ExtentRead) -> Result<PageBuf, StoreError> {
        self.start_extent(read)?.finish().await
    }

    /// Begins reading stored blocks; several that are begun before the first is finished are read
    /// at once.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if there is no such segment.
    pub fn start_extent<'a>(&'a self, read: &'a ExtentRead) -> Result<StartedRead<'a>, StoreError> {
        let bytes = read.bytes();
        let (place, run) = self.core.run_at(read.location, bytes)?;
        let begin = |place, bytes| self.core.device.read_async(place, PageBuf::recycled(bytes));
        let op = if run == bytes {
            Op::Whole(begin(place, bytes))
        } else {
            let runs = self.core.runs_at(read.location, bytes)?;
            Op::Runs(runs.into_iter().map(|(at, run)| begin(at, run)).collect())
        };
        Ok(StartedRead {
            core: &self.core,
            read,
            place,
            op,
        })
    }
}

/// A read of stored blocks that was begun.
#[must_use = "nobody sees what is read before it is finished"]
pub struct StartedRead<'a> {
    core: &'a Core,
    read: &'a ExtentRead,
    /// Of the first block.
    place: Place,
    op: Op,
}

enum Op {
    Whole(ReadOp),
    /// Blocks that were packed, in several pieces.
    Runs(Vec<ReadOp>),
}

impl Op {
    async fn finish(self, bytes: usize) -> Result<PageBuf, StoreError> {
        match self {
            Self::Whole(op) => Ok(op.await?),
            Self::Runs(ops) => {
                let mut whole = PageBuf::recycled(bytes);
                let mut at = 0;
                for op in ops {
                    let run = op.await?;
                    whole[at..at + run.len()].copy_from_slice(&run);
                    at += run.len();
                }
                Ok(whole)
            }
        }
    }
}

impl StartedRead<'_> {
    /// Waits for the blocks and verifies them.
    ///
    /// # Errors
    /// As [`Pool::read_extent`].
    pub async fn finish(self) -> Result<PageBuf, StoreError> {
        let (mut buf, result) = match self.op.finish(self.read.bytes()).await {
            Ok(buf) => (buf, Ok(())),
            Err(error) => (PageBuf::recycled(self.read.bytes()), Err(error)),
        };
        self.core.settle(self.read, self.place, result, &mut buf)?;
        Ok(buf)
    }
}

impl std::fmt::Debug for StartedRead<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StartedRead")
            .field("read", self.read)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
