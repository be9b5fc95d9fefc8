//! What a removed tree leaves behind.

use std::sync::Arc;

use engine_base::{DatasetId, Location};

use crate::Tree;
use crate::home::Home;
use crate::inner::Inner;
use crate::missing::{LoadedPage, Missing};
use crate::node::{Body, Link, Node};

/// The pages of a tree that is not needed any more. [`Remains::free`] says which they are; dropping
/// it unasked leaks them on the device.
#[derive(Debug)]
#[must_use = "the pages on the device are in use until they are freed"]
pub struct Remains {
    tree: DatasetId,
    root: Option<Link>,
    dropped: Vec<Arc<Home>>,
}

impl Tree {
    /// Takes everything out of the tree, in constant time: whatever was in it, it is empty now, and
    /// nothing of it is dirty. A capture that is running is not disturbed.
    pub fn take_remains(&mut self) -> Remains {
        self.unpersisted = false;
        Remains {
            tree: self.state.id,
            root: self.root.take(),
            dropped: std::mem::take(&mut self.state.dropped),
        }
    }
}

/// A page that is still to be freed.
enum Page {
    Memory(Arc<Node>),
    Disk(Missing),
}

impl Remains {
    /// The tree they were taken from.
    #[must_use]
    pub fn tree(&self) -> DatasetId {
        self.tree
    }

    /// Everything that the last written capture of the tree referred to, byte for byte, each page,
    /// copy and delta on its own. What was never written is not in it.
    ///
    /// `load` reads the inner pages that are not in memory, one at a time; leaves are never read.
    /// If it returns `None`, what is below that page stays in use on the device for ever.
    ///
    /// # Errors
    /// What `load` returns: nothing is known to be free.
    ///
    /// # Panics
    /// If a capture of the tree was not written successfully before (programmer error).
    pub fn free<E>(
        self,
        load: impl FnMut(&Missing) -> Result<Option<LoadedPage>, E>,
    ) -> Result<Vec<(Location, u32)>, E> {
        self.free_unless(|_| false, load)
    }

    /// As [`Remains::free`], but for what lies where `is_kept` says that it stays in use. A page
    /// that stays keeps what is below it.
    ///
    /// # Errors
    /// As [`Remains::free`].
    ///
    /// # Panics
    /// As [`Remains::free`].
    pub fn free_unless<E>(
        self,
        is_kept: impl Fn(Location) -> bool,
        mut load: impl FnMut(&Missing) -> Result<Option<LoadedPage>, E>,
    ) -> Result<Vec<(Location, u32)>, E> {
        let dropped = self.dropped.iter().flat_map(|home| home.finished().parts());
        let mut freed: Vec<_> = dropped.collect();
        let mut pages = Vec::new();
        pages.extend(self.root.map(|root| match root {
            Link::Memory(node) => Page::Memory(node),
            Link::Disk(pointer) => Page::Disk(Missing::root(self.tree, pointer)),
        }));
        while let Some(page) = pages.pop() {
            match page {
                Page::Memory(node) => {
                    let written = match (node.home.get(), &node.previous) {
                        (Some(pointer), _) => Some(pointer),
                        (None, previous) => previous.as_ref().map(|home| home.finished()),
                    };
                    freed.extend(written.into_iter().flat_map(|pointer| pointer.parts()));
                    let stored = node.home.get();
                    if stored.is_some_and(|pointer| is_kept(pointer.base)) {
                        continue;
                    }
                    if let Body::Inner(inner) = &node.body {
                        pages.extend(children(inner, self.tree));
                    }
                }
                Page::Disk(missing) => {
                    freed.extend(missing.pointer.parts());
                    if missing.level == Some(0) || is_kept(missing.pointer.base) {
                        continue;
                    }
                    let loaded = load(&missing)?;
                    if let Some(Body::Inner(inner)) = loaded.as_ref().map(|page| &page.body) {
                        pages.extend(children(inner, self.tree));
                    }
                }
            }
        }
        freed.retain(|(location, _)| !is_kept(*location));
        Ok(freed)
    }
}

fn children(inner: &Inner, tree: DatasetId) -> impl Iterator<Item = Page> + '_ {
    let links = inner.links.iter().enumerate();
    links.map(move |(index, link)| match link {
        Link::Memory(child) => Page::Memory(Arc::clone(child)),
        Link::Disk(pointer) => Page::Disk(inner.missing(index, pointer, tree)),
    })
}
