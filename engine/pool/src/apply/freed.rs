//! What one mutation stops referring to.

use std::ops::ControlFlow;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Location, SegmentId, to_u32};
use engine_format::ExtentPutRef;
use engine_tree::{FreedExtent, Piece, Tree, extent_lookup};

use super::ApplyError;
use crate::Dataset;
use crate::core::Core;
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
    bytes: u64,
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
            bytes: 0,
            shared: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, old: &FreedExtent) {
        self.bytes += u64::from(old.bytes);
        if old.shared.is_some() {
            self.shared.push(*old);
            return;
        }
        if self.fate.dies(old.offset, old.location) {
            self.die(old.location.segment, old.bytes);
            self.core.dead.note(old.location, old.bytes);
        }
    }

    /// What a range maps is referred to by nobody else. The tree stays as it is.
    pub(super) fn release(
        &mut self,
        tree: &Tree,
        prefix: &[u8],
        (offset, bytes): (u64, u64),
    ) -> Result<(), ApplyError> {
        extent_lookup(tree, prefix, offset, bytes, |piece| {
            if let Piece::Data {
                offset,
                bytes,
                extent,
            } = piece
            {
                let location = extent.location();
                if self.fate.dies(offset, location) {
                    self.die(location.segment, bytes);
                    self.core.dead.note(location, bytes);
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn die(&mut self, segment: SegmentId, bytes: u32) {
        self.changes.push((segment, LiveChange::Subtract(bytes)));
    }

    /// Takes the shared ones, of the object with this prefix, out of the records; all bytes that
    /// the object does not map any more.
    pub(super) fn finish(mut self, tree: &mut Tree, prefix: &[u8]) -> Result<u64, ApplyError> {
        for old in std::mem::take(&mut self.shared) {
            let Some(whole) = &old.shared else { continue };
            for (from, to) in sharing::release(tree, prefix, &old, whole)? {
                self.die(old.location.segment, to - from);
            }
        }
        Ok(self.bytes)
    }
}
