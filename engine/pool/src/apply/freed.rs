//! What one mutation stops referring to.

use engine_base::SegmentId;
use engine_tree::{FreedExtent, Tree};

use super::ApplyError;
use crate::core::Core;
use crate::sharing;
use crate::space::LiveChange;

/// Adds up what is freed, and counts what is dead.
pub(super) struct Freed<'a> {
    core: &'a Core,
    changes: &'a mut Vec<(SegmentId, LiveChange)>,
    bytes: u64,
    /// Parts of extents that others may share: looked up when the extents are as they will be.
    shared: Vec<FreedExtent>,
}

impl<'a> Freed<'a> {
    pub(super) const fn new(core: &'a Core, changes: &'a mut Vec<(SegmentId, LiveChange)>) -> Self {
        Self {
            core,
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
        self.die(old.location.segment, old.bytes);
        self.core.dead.note(old.location, old.bytes);
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
