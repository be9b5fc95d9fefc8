//! Which directories the root leads to.
//!
//! Entries come by the number of their directory. Those below a directory that has not been reached
//! yet wait for it: few, because most were made after what they are in, and have a higher number.

use std::collections::BTreeMap;

use engine_format::InodeId;

use super::ids::Ids;

pub(super) struct Reach {
    reached: Ids,
    /// Directories whose own directory was not reached yet, by that.
    waiting: BTreeMap<InodeId, Vec<InodeId>>,
}

impl Default for Reach {
    fn default() -> Self {
        let mut reached = Ids::default();
        reached.insert(InodeId::ROOT);
        Self {
            reached,
            waiting: BTreeMap::new(),
        }
    }
}

impl Reach {
    /// A directory has a name in another one.
    pub(super) fn entry(&mut self, parent: InodeId, child: InodeId) {
        if !self.reached.contains(parent) {
            self.waiting.entry(parent).or_default().push(child);
            return;
        }
        let mut next = vec![child];
        while let Some(reached) = next.pop() {
            if self.reached.insert(reached) {
                next.extend(self.waiting.remove(&reached).unwrap_or_default());
            }
        }
    }

    /// Directories with a name that the root does not lead to.
    pub(super) fn unreached(&self) -> impl Iterator<Item = InodeId> + '_ {
        self.waiting.values().flatten().copied()
    }
}
