//! What one mutation stops referring to.

use std::ops::{ControlFlow, Range};

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Location, SegmentId, Sixteenths, to_u32};
use engine_format::{DatasetKind, ExtentPutRef};
use engine_tree::{FreedExtent, Piece, Tree, extent_lookup};

use super::ApplyError;
use crate::Dataset;
use crate::core::Core;
use crate::dataset::Allocated;
use crate::family::Fate;
use crate::sharing;
use crate::space::LiveChange;

/// Where the data of a group lies, and how far what was applied of it reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupData {
    pub(super) start: Location,
    pub(super) applied: Location,
}

impl GroupData {
    pub(super) const fn new(start: Location) -> Self {
        Self {
            start,
            applied: start,
        }
    }

    pub(super) fn apply(&mut self, put: &ExtentPutRef<'_>) {
        let blocks = to_u32(put.checksums.len() * BLOCK_BYTES);
        let end = self.start.offset + put.data_offset + blocks;
        self.applied.offset = self.applied.offset.max(end);
    }
}

/// Adds up what is freed, and counts what is dead.
pub(super) struct Freed<'a> {
    core: &'a Core,
    fate: Fate,
    changes: &'a mut Vec<(SegmentId, LiveChange)>,
    freed: Allocated,
    /// Of a bucket, what is given back is told by segment.
    by_segment: bool,
    /// Parts of extents that others may share: looked up when the extents are as they will be.
    shared: Vec<FreedExtent>,
}

impl<'a> Freed<'a> {
    pub(super) fn new(
        core: &'a Core,
        dataset: &Dataset,
        changes: &'a mut Vec<(SegmentId, LiveChange)>,
    ) -> Self {
        Self {
            core,
            fate: core.fate(dataset),
            changes,
            freed: Allocated::default(),
            by_segment: dataset.is(DatasetKind::Bucket),
            shared: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, old: &FreedExtent) {
        self.freed.add(old.bytes, old.weight);
        if old.shared.is_some() {
            self.shared.push(*old);
            return;
        }
        if self.fate.dies(old.offset, old.location) {
            self.die(old.location.segment, old.weight);
        } else {
            let at = old.counted_from;
            self.let_go(old.location.segment, at..at + old.weight.get());
        }
    }

    /// The parent still has what counts for this range.
    fn let_go(&self, segment: SegmentId, counted: Range<u64>) {
        if let Some(parent) = self.fate.told() {
            self.core.leaving.add(parent, segment, counted);
        }
    }

    /// Nobody else refers to so many bytes, less so many sixteenths of one, that a bucket has in a
    /// segment.
    fn release_in(&mut self, key: &[u8], excess: u64, bytes: u64) -> Result<(), ApplyError> {
        let segment = <[u8; 8]>::try_from(key).map(u64::from_be_bytes);
        let segment = segment.ok().and_then(SegmentId::new);
        let (Some(segment), Ok(bytes)) = (segment, u32::try_from(bytes)) else {
            return Err(ApplyError::BadKey);
        };
        let rounded = Sixteenths::of_bytes(bytes.into());
        let weight = rounded.checked_sub(Sixteenths::new(excess));
        self.die(segment, weight.ok_or(ApplyError::BadKey)?);
        Ok(())
    }

    /// What a range of a volume maps, or a bucket has in the segment that the key names, is
    /// referred to by nobody else. The tree stays as it is.
    pub(super) fn release(
        &mut self,
        tree: &Tree,
        prefix: &[u8],
        (offset, bytes): (u64, u64),
    ) -> Result<(), ApplyError> {
        if self.by_segment {
            return self.release_in(prefix, offset, bytes);
        }
        extent_lookup(tree, prefix, offset, bytes, |piece| {
            if let Piece::Data { offset, extent, .. } = piece {
                let location = extent.location();
                if self.fate.dies(offset, location) {
                    self.die(location.segment, extent.weight());
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn die(&mut self, segment: SegmentId, weight: Sixteenths) {
        self.changes.push((segment, LiveChange::Subtract(weight)));
    }

    /// Takes the shared ones, of the object with this prefix, out of the records; all that the
    /// object does not map any more.
    pub(super) fn finish(
        mut self,
        tree: &mut Tree,
        prefix: &[u8],
    ) -> Result<Allocated, ApplyError> {
        for old in std::mem::take(&mut self.shared) {
            let Some(whole) = &old.shared else { continue };
            let segment = old.location.segment;
            for counted in sharing::release(tree, prefix, &old, whole)? {
                // Nothing that was stored at once is partly older than a snapshot.
                if self.fate.dies(old.offset, old.location) {
                    let weight = Sixteenths::new(counted.end - counted.start);
                    self.die(segment, weight);
                } else {
                    self.let_go(segment, counted);
                }
            }
        }
        Ok(self.freed)
    }
}
