//! Reading.
//!
//! The life of a read: look the extents up in one turn at the tree, under a pin; read and verify
//! what they name, from the page cache without waiting where possible; return one buffer and what
//! of it are holes.

use std::ops::ControlFlow;

use engine_base::limits::BLOCK;
use engine_base::{VolumeOffset, align_down, align_up, to_u32, to_usize};
use engine_device::{PageBuf, without_blocking};
use engine_format::ExtentRef;
use engine_pool::{ExtentRead, StoreError};
use engine_tree::{ExtentError, Missing, Piece, Tree, extent_lookup};

use crate::Volume;
use units::UnitPart;

/// A part of what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its length.
    pub bytes: u32,
    /// Nothing is stored there: it reads as zeroes.
    pub hole: bool,
}

/// What was read.
#[derive(Debug)]
pub struct ReadData {
    /// Holds the bytes from `start` on; `None` if all of it is a hole.
    pub buf: Option<PageBuf>,
    /// Where in `buf` the first byte lies.
    pub start: usize,
    /// Bytes that were asked for.
    pub bytes: usize,
    /// What of them are holes, in order; zeroes in `buf`.
    pub runs: Vec<Run>,
}

impl ReadData {
    /// The bytes; `None` if all of it is a hole.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        self.buf
            .as_ref()
            .and_then(|buf| buf.get(self.start..self.start + self.bytes))
    }
}

/// Stored blocks and where in the buffer they go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) read: ExtentRead,
    to: usize,
}

/// What a read has to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    pub(crate) units: Vec<UnitPart>,
    pub(crate) runs: Vec<Run>,
}

impl Volume {
    /// Reads `bytes` from `at`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] past the end; [`StoreError::NotFound`] if the volume was deleted;
    /// [`StoreError::DataDamaged`], [`StoreError::PageDamaged`], [`StoreError::Device`]: no wrong
    /// byte is returned.
    pub async fn read(&self, at: VolumeOffset, bytes: usize) -> Result<ReadData, StoreError> {
        self.check(at, bytes as u64)?;
        if bytes == 0 {
            return Ok(ReadData {
                buf: None,
                start: 0,
                bytes,
                runs: Vec::new(),
            });
        }
        let read = self.read_unchecked(at.get(), bytes).await;
        if read.is_err() {
            // What a volume needs to be read goes with it: nothing is damaged.
            self.check(at, bytes as u64)?;
        }
        read
    }

    /// As [`Volume::read`], without a look at the size.
    pub(crate) async fn read_unchecked(
        &self,
        at: u64,
        bytes: usize,
    ) -> Result<ReadData, StoreError> {
        let pin = self.pool.read_pin();
        let plan = self.plan(at, bytes as u64).await?;
        let read = self.carry_out(plan, at, bytes).await;
        drop(pin);
        read
    }

    /// Reads what a plan names. The caller has held a read pin since before the plan was made.
    pub(crate) async fn carry_out(
        &self,
        plan: Plan,
        at: u64,
        bytes: usize,
    ) -> Result<ReadData, StoreError> {
        let start = to_usize(at - align_down(at, BLOCK));
        if plan.is_hole() {
            return Ok(ReadData {
                buf: None,
                start,
                bytes,
                runs: plan.runs,
            });
        }
        let mut buf = plan.buffer(at, bytes);
        let mut missed = Vec::new();
        for part in &plan.parts {
            let to = part.range(&mut buf)?;
            if !self.pool.read_extent_cached(&part.read, to)? {
                missed.push(part);
            }
        }
        if !missed.is_empty() {
            buf = self.fill(&missed, buf).await?;
        }
        if !plan.units.is_empty() {
            buf = self.fill_from_units(&plan.units, buf).await?;
        }
        Ok(ReadData {
            buf: Some(buf),
            start,
            bytes,
            runs: plan.runs,
        })
    }

    pub(crate) async fn plan(&self, at: u64, bytes: u64) -> Result<Plan, StoreError> {
        // What was fetched stays: snapshots can hold more memory than there is to spare.
        let mut kept = Vec::new();
        loop {
            match self.dataset.with_tree(|tree| look_up(tree, at, bytes)) {
                Ok(plan) => return Ok(plan),
                Err(ExtentError::Map(missing)) => {
                    let pages = &mut kept;
                    self.pool
                        .fetch_and_keep(&self.dataset, missing, pages)
                        .await?;
                }
                Err(error) => self.pool.fetch_for_extents(&self.dataset, error).await?,
            }
        }
    }

    /// Reads the parts that take I/O into their places, all at once.
    async fn fill(&self, parts: &[&Part], mut buf: PageBuf) -> Result<PageBuf, StoreError> {
        if let [only] = parts {
            let read = self.pool.read_extent(&only.read).await?;
            if read.len() == buf.len() {
                return Ok(read);
            }
            only.range(&mut buf)?.copy_from_slice(&read);
            return Ok(buf);
        }
        let started: Vec<_> = without_blocking(|| {
            let parts = parts.iter();
            parts
                .map(|part| self.pool.start_extent(&part.read))
                .collect()
        });
        for (part, read) in parts.iter().zip(started) {
            let read = read?.finish().await?;
            part.range(&mut buf)?.copy_from_slice(&read);
        }
        Ok(buf)
    }
}

impl Part {
    /// Where in `buf` it goes.
    pub(crate) fn range<'a>(&self, buf: &'a mut PageBuf) -> Result<&'a mut [u8], StoreError> {
        buf.get_mut(self.to..self.to + self.read.bytes())
            .ok_or_else(|| StoreError::Inconsistent {
                what: "an extent beyond its range".to_owned(),
            })
    }
}

pub(crate) fn look_up(tree: &Tree, at: u64, bytes: u64) -> Result<Plan, ExtentError<Missing>> {
    let mut plan = Plan::default();
    let first = align_down(at, BLOCK);
    let last = align_up(at + bytes, BLOCK);
    extent_lookup(tree, &[], first, last - first, |piece| {
        let (offset, length, hole) = match &piece {
            Piece::Hole { offset, bytes } => (*offset, *bytes, true),
            Piece::Data {
                offset,
                bytes,
                extent,
            } => {
                plan.add_part(to_usize(offset - first), extent);
                (*offset, u64::from(*bytes), false)
            }
        };
        // Runs tell of the bytes asked for, not of the blocks around them.
        let from = offset.max(at);
        let to = (offset + length).min(at + bytes);
        plan.add_run(to - from, hole);
        ControlFlow::Continue(())
    })?;
    Ok(plan)
}

impl Plan {
    /// Whether nothing has to be read.
    pub(crate) const fn is_hole(&self) -> bool {
        self.parts.is_empty() && self.units.is_empty()
    }

    /// Memory for whole blocks around the range; holes are zero in it.
    pub(crate) fn buffer(&self, at: u64, bytes: usize) -> PageBuf {
        let span = to_usize(align_up(at + bytes as u64, BLOCK) - align_down(at, BLOCK));
        if self.runs.iter().any(|run| run.hole) {
            PageBuf::zeroed(span)
        } else {
            PageBuf::recycled(span)
        }
    }

    fn add_part(&mut self, to: usize, extent: &ExtentRef<'_>) {
        if extent.codec().unit().is_some() {
            return units::add(&mut self.units, to, extent);
        }
        debug_assert_eq!(extent.skip(), 0, "extents of volumes are whole blocks");
        if let Some(last) = self.parts.last_mut()
            && last.to + last.read.bytes() == to
            && last.read.extend(extent)
        {
            return;
        }
        self.parts.push(Part {
            read: ExtentRead::new(extent),
            to,
        });
    }

    fn add_run(&mut self, bytes: u64, hole: bool) {
        let bytes = to_u32(to_usize(bytes));
        match self.runs.last_mut() {
            Some(last) if last.hole == hole => last.bytes += bytes,
            _ => self.runs.push(Run { bytes, hole }),
        }
    }
}

mod units;
