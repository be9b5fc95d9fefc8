//! Trees that begin with the state of another: snapshots, and what goes on from them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine_format::PagePointer;

use crate::Tree;
use crate::home::Home;
use crate::missing::Missing;
use crate::node::{Body, Link, Node, State};

impl Tree {
    /// A tree with the present state, in constant time: this one goes on and copies what it
    /// changes.
    ///
    /// Both have to be captured, the new one first. What its first capture says is freed is what
    /// the last capture of this one referred to and the kept state does not.
    pub fn keep(&mut self) -> Self {
        self.unpersisted |= self.is_dirty();
        self.state.generation += 1;
        let dropped = std::mem::take(&mut self.state.dropped);
        self.branch_with(dropped)
    }

    /// A tree that begins with the state of this one, which [`Tree::keep`] made and which never
    /// changes, in constant time. It is captured after this one.
    #[must_use]
    pub fn branch(&self) -> Self {
        self.branch_with(Vec::new())
    }

    fn branch_with(&self, dropped: Vec<Arc<Home>>) -> Self {
        Self {
            root: self.root.clone(),
            state: State {
                id: self.state.id,
                copies: self.state.copies,
                budget: Arc::clone(&self.state.budget),
                // Above that of all nodes: each is copied before it is changed.
                generation: self.state.generation,
                dropped,
            },
            capturing: Arc::<AtomicBool>::default(),
            unpersisted: true,
        }
    }

    /// Lets go of all pages in memory of a tree that never changes and was captured with this
    /// root.
    pub fn forget(&mut self, root: Option<PagePointer>) {
        assert!(!self.is_dirty(), "what is forgotten was written");
        self.root = root.map(Link::Disk);
    }

    /// The keys of the first leaf at or behind `from` that is in none of `others`, from the first
    /// to (not including) the second; an empty second one is no bound. `None`: every leaf from
    /// there on is in one of them. Leaves that say the same but lie elsewhere count as others.
    ///
    /// # Errors
    /// What has to be in memory, and whose it is.
    pub fn unshared_leaf(
        &self,
        from: &[u8],
        others: &[&Self],
    ) -> Result<Option<KeyRange>, Box<MissingIn>> {
        let mut from = from.to_vec();
        loop {
            let Some(root) = &self.root else {
                return Ok(None);
            };
            let mut known = Vec::new();
            for (index, other) in others.iter().enumerate() {
                let way = other.way_to(&from, &mut known);
                way.map_err(|missing| MissingIn::new(Some(index), missing))?;
            }
            match self.descend(root, &from, &known)? {
                Found::Unshared(high) => return Ok(Some((from, high))),
                Found::Shared(high) if high.is_empty() => return Ok(None),
                Found::Shared(high) => from = high,
            }
        }
    }

    fn descend<'a>(
        &self,
        root: &'a Link,
        from: &[u8],
        known: &[Identity],
    ) -> Result<Found, Box<MissingIn>> {
        let (mut link, mut above): (&'a Link, Option<(&crate::inner::Inner, usize)>) = (root, None);
        loop {
            let high = above.map_or(&[][..], |(inner, index)| inner.high_of(index));
            if known.contains(&Identity::of(link)) {
                return Ok(Found::Shared(high.to_vec()));
            }
            let node: &Node = match link {
                Link::Memory(node) => node,
                Link::Disk(pointer) => {
                    let missing = match above {
                        None => self.missing_root(pointer),
                        Some((inner, index)) => inner.missing(index, pointer, self.id()),
                    };
                    return Err(MissingIn::new(None, missing));
                }
            };
            let Body::Inner(inner) = &node.body else {
                return Ok(Found::Unshared(high.to_vec()));
            };
            let index = inner.find(from);
            (link, above) = (&inner.links[index], Some((inner, index)));
        }
    }

    /// Adds the pages on the way to `key`, down to its leaf, which need not be in memory itself.
    fn way_to(&self, key: &[u8], to: &mut Vec<Identity>) -> Result<(), Missing> {
        let Some(mut link) = self.root.as_ref() else {
            return Ok(());
        };
        if let Link::Disk(pointer) = link {
            return Err(self.missing_root(pointer));
        }
        loop {
            to.push(Identity::of(link));
            let Link::Memory(node) = link else {
                return Ok(());
            };
            let Body::Inner(inner) = &node.body else {
                return Ok(());
            };
            let index = inner.find(key);
            link = &inner.links[index];
            if let Link::Disk(pointer) = link
                && inner.level > 1
            {
                return Err(inner.missing(index, pointer, self.id()));
            }
        }
    }
}

/// From the first to, not included, the second; an empty second one is no bound.
pub type KeyRange = (Vec<u8>, Vec<u8>);

/// A page that is needed to compare trees.
#[derive(Debug)]
pub struct MissingIn {
    /// `None`: of the tree that is compared with others; else the index of the other.
    pub other: Option<usize>,
    /// The page.
    pub missing: Missing,
}

impl MissingIn {
    fn new(other: Option<usize>, missing: Missing) -> Box<Self> {
        Box::new(Self { other, missing })
    }
}

enum Found {
    /// Up to here.
    Shared(Vec<u8>),
    /// The leaf, up to here.
    Unshared(Vec<u8>),
}

/// One content of a page, stored or still to be written.
enum Identity {
    Stored(PagePointer),
    Pending(Arc<Home>),
}

impl Identity {
    fn of(link: &Link) -> Self {
        match link {
            Link::Disk(pointer) => Self::Stored(*pointer),
            Link::Memory(node) => match node.home.get() {
                Some(pointer) => Self::Stored(*pointer),
                None => Self::Pending(Arc::clone(&node.home)),
            },
        }
    }
}

/// A page that is being written at this moment may differ from itself: then it is looked into.
impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stored(a), Self::Stored(b)) => a == b,
            (Self::Pending(a), Self::Pending(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}
