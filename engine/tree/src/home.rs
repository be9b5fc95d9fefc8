//! Where the present content of a node lies, or will lie once the running capture has written it.

use std::sync::{Arc, OnceLock};

use engine_format::PagePointer;

use crate::MemoryBudget;

/// One content of a node: on a device, or still to be written.
///
/// Shared by all copies of a node with this content (a capture's and the head's), so that what the
/// capture wrote is clean for the head too, and by the node's next content, which has to free this
/// one.
#[derive(Debug)]
pub(crate) struct Home {
    pointer: OnceLock<PagePointer>,
    /// Where the unwritten content was counted as dirty; `None` if it was read from a device.
    budget: Option<Arc<MemoryBudget>>,
}

impl Home {
    /// Content that was read from there.
    pub(crate) fn stored(pointer: PagePointer) -> Arc<Self> {
        Arc::new(Self {
            pointer: OnceLock::from(pointer),
            budget: None,
        })
    }

    /// Content that only memory has.
    pub(crate) fn pending(budget: &Arc<MemoryBudget>) -> Arc<Self> {
        budget.add_dirty();
        Arc::new(Self {
            pointer: OnceLock::new(),
            budget: Some(Arc::clone(budget)),
        })
    }

    /// Where it lies; `None` while it is dirty.
    #[inline]
    pub(crate) fn get(&self) -> Option<&PagePointer> {
        self.pointer.get()
    }

    /// Where the content of an earlier capture lies.
    ///
    /// # Panics
    /// If that capture has not finished: captures do not overlap (programmer error).
    pub(crate) fn finished(&self) -> &PagePointer {
        self.pointer
            .get()
            .expect("the capture before this one has written all its pages")
    }

    /// The capture has written it.
    ///
    /// # Panics
    /// If it was written before (programmer error).
    pub(crate) fn set(&self, pointer: PagePointer) {
        let first = self.pointer.set(pointer).is_ok();
        assert!(first, "each content is written once");
        if let Some(budget) = &self.budget {
            budget.remove_dirty();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let (None, Some(budget)) = (self.pointer.get(), &self.budget) {
            budget.remove_dirty();
        }
    }
}
