//! Pages in memory, for trees that are larger than their budget.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use engine_base::{Location, SegmentId};
use engine_tree::{CaptureReport, LoadedPage, MemoryBudget, Missing, PageKind, PageSink, Tree};

/// Keeps what trees write, and forgets what they free.
#[derive(Debug)]
pub struct PageStore {
    pages: HashMap<Location, Vec<u8>>,
    next: Location,
    cursor: Vec<u8>,
    budget: Arc<MemoryBudget>,
}

impl PageStore {
    /// A store for a tree with this budget.
    #[must_use]
    pub fn new(budget: Arc<MemoryBudget>) -> Self {
        let (segment, offset) = (SegmentId::FIRST, 4096);
        Self {
            pages: HashMap::new(),
            next: Location { segment, offset },
            cursor: Vec::new(),
            budget,
        }
    }

    /// Writes what is dirty in `tree`.
    pub fn checkpoint(&mut self, tree: &mut Tree) -> CaptureReport {
        let report = match tree.capture().write(self) {
            Ok(report) => report,
            Err(never) => match never {},
        };
        for (location, _) in &report.freed {
            self.pages.remove(location);
        }
        report
    }

    /// Repeats `call` until no page is missing, and keeps the tree within its budget.
    ///
    /// # Panics
    /// If the tree asks for a page that it did not write.
    pub fn with_pages<R>(
        &mut self,
        tree: &mut Tree,
        mut call: impl FnMut(&mut Tree) -> Result<R, Missing>,
    ) -> R {
        loop {
            match call(tree) {
                Ok(result) => return result,
                Err(missing) => {
                    self.evict(tree);
                    let page = self.load(&missing);
                    tree.install(&missing, page);
                }
            }
        }
    }

    fn evict(&mut self, tree: &mut Tree) {
        // Two rounds at most: the first clears the marks of recent use.
        for _ in 0..64 {
            if self.budget.excess().get() == 0 {
                return;
            }
            tree.evict(&mut self.cursor, 64, &|_, _| false);
        }
    }

    fn load(&self, missing: &Missing) -> LoadedPage {
        let pointer = &missing.pointer;
        let bytes = |location| &self.pages[&location][..];
        let delta = pointer.delta.map(|delta| bytes(delta.location));
        LoadedPage::decode(missing, bytes(pointer.base), delta).expect("it was written like this")
    }
}

impl PageSink for PageStore {
    type Error = Infallible;

    fn append(&mut self, bytes: &[u8], _kind: PageKind) -> Result<Location, Infallible> {
        let at = self.next;
        self.pages.insert(at, bytes.to_vec());
        self.next = match at.offset.checked_add(16384) {
            Some(offset) if offset < 1 << 30 => Location { offset, ..at },
            _ => Location {
                segment: at.segment.next(),
                offset: 4096,
            },
        };
        Ok(at)
    }
}
