//! The tree: its root, and the way down to what is missing.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine_base::DatasetId;
use engine_format::PagePointer;

use crate::MemoryBudget;
use crate::inner::Inner;
use crate::leaf::Leaf;
use crate::missing::{LoadedPage, Missing};
use crate::node::{Body, Link, Node, State};

/// How often leaves are written. Inner pages are always written twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Once, as a page or as a delta.
    One,
    /// Twice, always as pages: for trees that the pool cannot be opened without.
    Two,
}

/// A tree of one dataset: the head that is read and changed.
#[derive(Debug)]
pub struct Tree {
    /// `None` if the tree is empty and has no page.
    pub(crate) root: Option<Link>,
    pub(crate) state: State,
    /// A capture was taken and has not (successfully) been written.
    pub(crate) capturing: Arc<AtomicBool>,
    /// The next capture differs from the last although nothing changed since: the root came from
    /// another tree, or what was dirty went to one.
    pub(crate) unpersisted: bool,
}

impl Tree {
    /// A tree without entries, each leaf written once.
    #[must_use]
    pub fn empty(id: DatasetId, budget: Arc<MemoryBudget>) -> Self {
        Self::from_root(id, None, budget)
    }

    /// The tree with this root; nothing of it is in memory. `None` is an empty tree.
    #[must_use]
    pub fn from_root(id: DatasetId, root: Option<PagePointer>, budget: Arc<MemoryBudget>) -> Self {
        let (copies, dropped) = (Copies::One, Vec::new());
        Self {
            root: root.map(Link::Disk),
            // Generation 0 is that of what was read from a device.
            state: State {
                id,
                copies,
                budget,
                generation: 1,
                dropped,
            },
            capturing: Arc::default(),
            unpersisted: false,
        }
    }

    /// The same tree with its leaves written `copies` times from now on.
    #[must_use]
    pub fn with_copies(mut self, copies: Copies) -> Self {
        self.state.copies = copies;
        self
    }

    /// The dataset.
    #[must_use]
    pub fn id(&self) -> DatasetId {
        self.state.id
    }

    /// Whether a capture taken now would differ from the last one (or from the root the tree was
    /// made from).
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        let new = match &self.root {
            Some(Link::Memory(root)) => self.state.is_new(root),
            Some(Link::Disk(_)) | None => false,
        };
        new || self.unpersisted || !self.state.dropped.is_empty()
    }

    /// Puts a page into its place in memory. `false` if the tree does not refer to it any more or
    /// it is there already: repeat the call that reported it missing.
    ///
    /// # Panics
    /// If `page` was decoded for another [`Missing`] (programmer error).
    pub fn install(&mut self, missing: &Missing, page: LoadedPage) -> bool {
        let LoadedPage { pointer, body } = page;
        assert_eq!(pointer, missing.pointer, "the page is the missing one");
        assert_eq!(missing.tree, self.state.id, "the page is of this tree");
        // Looked up first, because the way there is copied where a capture shares it.
        if !self
            .root
            .as_ref()
            .is_some_and(|root| is_missing(root, missing, &[]))
        {
            return false;
        }
        let mut link = self.root.as_mut().expect("looked up above");
        while let Link::Memory(node) = link {
            let Body::Inner(inner) = &mut Arc::make_mut(node).body else {
                unreachable!("the way to the missing page was looked up above")
            };
            let index = inner.find(&missing.low);
            link = &mut inner.links[index];
        }
        *link = Link::Memory(Arc::new(Node::stored(body, pointer, &self.state.budget)));
        true
    }

    /// Puts an empty stretch in the place of a page that no copy gives: for reading what is left of
    /// a damaged tree. The tree must not be written.
    ///
    /// # Panics
    /// As [`Tree::install`].
    pub fn install_blank(&mut self, missing: &Missing) -> bool {
        let leaf = Leaf::empty(self.state.id, &missing.low, &missing.high);
        let mut body = Body::Leaf(leaf);
        for level in 1..=missing.level.unwrap_or(0) {
            let child = Node::stored(body, missing.pointer, &self.state.budget);
            let (keys, links) = (
                vec![missing.low.clone()],
                vec![Link::Memory(Arc::new(child))],
            );
            body = Body::Inner(Inner::new(level, &missing.high, keys, links));
        }
        let pointer = missing.pointer;
        self.install(missing, LoadedPage { pointer, body })
    }

    /// Where the leaves behind a missing one lie that are not in memory either: up to `max`, of the
    /// same parent.
    #[must_use]
    pub fn leaves_behind(&self, missing: &Missing, max: usize) -> Vec<PagePointer> {
        let Some(level) = missing.level.filter(|level| *level == 0) else {
            return Vec::new();
        };
        let mut link = self.root.as_ref();
        while let Some(Link::Memory(node)) = link {
            let Body::Inner(inner) = &node.body else {
                break;
            };
            let index = inner.find(&missing.low);
            if inner.level == level + 1 {
                let behind = inner.links.iter().skip(index + 1).take(max);
                let on_disk = |link: &Link| match link {
                    Link::Disk(pointer) => Some(*pointer),
                    Link::Memory(_) => None,
                };
                return behind.filter_map(on_disk).collect();
            }
            link = inner.links.get(index);
        }
        Vec::new()
    }

    /// What to fetch for a root that is not in memory.
    #[cold]
    pub(crate) fn missing_root(&self, pointer: &PagePointer) -> Missing {
        Missing::root(self.state.id, *pointer)
    }
}

impl Missing {
    /// What to fetch for a root.
    pub(crate) fn root(tree: DatasetId, pointer: PagePointer) -> Self {
        Self {
            tree,
            pointer,
            level: None,
            low: Box::default(),
            high: Box::default(),
        }
    }
}

/// Whether the way from `link`, whose low fence is `low`, leads to a reference to the missing page.
fn is_missing(link: &Link, missing: &Missing, low: &[u8]) -> bool {
    match link {
        Link::Disk(pointer) => *pointer == missing.pointer && *low == *missing.low,
        Link::Memory(node) => match &node.body {
            Body::Leaf(_) => false,
            Body::Inner(inner) => {
                let index = inner.find(&missing.low);
                is_missing(&inner.links[index], missing, inner.low_of(index))
            }
        },
    }
}
