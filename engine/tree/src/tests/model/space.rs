//! What the model does to a tree as a whole.

use std::convert::Infallible;

use engine_base::SegmentId;
use engine_base::limits::KEY_BYTES_MAX;

use super::super::store::{fetch, relocate};
use super::Model;
use crate::Missing;

impl Model {
    /// Empties some of the segments that pages lie in.
    pub(super) fn relocate(&mut self) {
        while self.captured.is_some() {
            self.checkpoint();
        }
        let last = self
            .store
            .bytes
            .keys()
            .map(|location| location.segment)
            .max();
        let Some(last) = last else { return };
        let (every, max_pages) = (
            1 + u64::try_from(self.random.below(4)).unwrap(),
            1 + self.random.below(40),
        );
        let is_victim = |segment: SegmentId| segment < last && segment.get().is_multiple_of(every);
        relocate(&self.store, &mut self.tree, max_pages, &is_victim);
        self.checkpoint();
        self.checkpoint();
        let left = self
            .store
            .bytes
            .keys()
            .filter(|location| is_victim(location.segment));
        assert_eq!(left.count(), 0, "the victims are empty");
    }

    /// Deletes everything, or takes the tree as a whole: nothing must be left, in memory or in the
    /// store.
    pub(super) fn empty(&mut self) {
        if self.random.chance(2) {
            return self.remove();
        }
        for key in std::mem::take(&mut self.map).into_keys() {
            fetch(&self.store, &mut self.tree, |tree| {
                tree.resident(&key, &key, 1)
            });
            assert!(self.tree.delete(&key).unwrap());
        }
        assert!(fetch(&self.store, &mut self.tree, |tree| tree.is_empty()));
        let missing = self.tree.missing(&[], &[255; KEY_BYTES_MAX], usize::MAX);
        assert!(
            missing.is_empty(),
            "no page is left that could not be freed"
        );
        let report = self.store.write(self.tree.capture());
        assert_eq!(report.root, None);
        assert_eq!(self.store.stored_bytes(), 0);
        assert_eq!(self.tree.state.budget.resident().get(), 0);
        assert_eq!(self.tree.state.budget.dirty().get(), 0);
    }

    fn remove(&mut self) {
        for _ in 0..self.random.below(500) {
            self.change(5);
        }
        let remains = self.tree.take_remains();
        while self.captured.is_some() {
            self.checkpoint();
        }
        let load = |missing: &Missing| Ok::<_, Infallible>(Some(self.store.load(missing)));
        let freed = remains.free(load).unwrap();
        self.store.free_parts(&freed);
        assert_eq!(self.store.stored_bytes(), 0);
        assert!(!self.tree.is_dirty());
        assert_eq!(self.tree.state.budget.resident().get(), 0);
        assert_eq!(self.tree.state.budget.dirty().get(), 0);
    }
}
