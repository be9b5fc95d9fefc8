//! Reading: lookups, the next lower key, scans, and what is not in memory.

use std::ops::ControlFlow;

use engine_base::DatasetId;
use engine_base::limits::KEY_BYTES_MAX;

use crate::Tree;
use crate::inner::Inner;
use crate::leaf::Leaf;
use crate::missing::Missing;
use crate::node::{Body, Link, Node};

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

impl Tree {
    /// Calls `found` with the value of `key`, `None` if there is none. Does not allocate.
    ///
    /// # Errors
    /// [`Missing`]: `found` was not called.
    pub fn get<R>(&self, key: &[u8], found: impl FnOnce(Option<&[u8]>) -> R) -> Result<R, Missing> {
        let Some(mut node) = self.root_node()? else {
            return Ok(found(None));
        };
        loop {
            match &node.body {
                Body::Inner(inner) => node = self.child(inner, inner.find(key))?,
                Body::Leaf(leaf) => {
                    node.reference();
                    let index = leaf.search(key).ok();
                    return Ok(found(index.map(|index| leaf.page.value(index))));
                }
            }
        }
    }

    /// Calls `found` with the entry of the largest key that is not above `key`, `None` if there is
    /// none. Does not allocate.
    ///
    /// # Errors
    /// [`Missing`]: `found` was not called.
    pub fn floor<R>(
        &self,
        key: &[u8],
        found: impl FnOnce(Option<(&[u8], &[u8])>) -> R,
    ) -> Result<R, Missing> {
        let Some(root) = self.root_node()? else {
            return Ok(found(None));
        };
        let Some((leaf, index)) = self.floor_in(root, Some(key))? else {
            return Ok(found(None));
        };
        let mut buffer = KeyBuffer::new(leaf);
        Ok(found(Some((
            buffer.key(leaf, index),
            leaf.page.value(index),
        ))))
    }

    /// The last entry of `node`, or the last one not above `key`.
    fn floor_in<'a>(
        &'a self,
        node: &'a Node,
        key: Option<&[u8]>,
    ) -> Result<Option<(&'a Leaf, usize)>, Missing> {
        match &node.body {
            Body::Leaf(leaf) => {
                node.reference();
                let above = match key.map(|key| leaf.search(key)) {
                    None => leaf.page.count(),
                    Some(Ok(index)) => index + 1,
                    Some(Err(index)) => index,
                };
                Ok(above.checked_sub(1).map(|index| (leaf, index)))
            }
            Body::Inner(inner) => {
                let from = key.map_or(inner.links.len() - 1, |key| inner.find(key));
                // More than one turn only where the key is below the first of its leaf, or a leaf
                // is empty.
                for index in (0..=from).rev() {
                    let key = key.filter(|_| index == from);
                    if let Some(found) = self.floor_in(self.child(inner, index)?, key)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Calls `visit` for the entries with keys from `from` on, in key order, until it breaks.
    ///
    /// # Errors
    /// [`Missing`]: the entries before it were visited. Install it and scan on from behind the last
    /// key seen.
    pub fn scan(
        &self,
        from: &[u8],
        mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Missing> {
        let Some(root) = self.root_node()? else {
            return Ok(());
        };
        let _ = self.scan_in(root, Some(from), &mut visit)?;
        Ok(())
    }

    fn scan_in(
        &self,
        node: &Node,
        from: Option<&[u8]>,
        visit: &mut impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Missing> {
        match &node.body {
            Body::Leaf(leaf) => {
                node.reference();
                let first = from.map_or(0, |from| leaf.search(from).unwrap_or_else(|index| index));
                let mut buffer = KeyBuffer::new(leaf);
                for index in first..leaf.page.count() {
                    let flow = visit(buffer.key(leaf, index), leaf.page.value(index));
                    if flow.is_break() {
                        return Ok(flow);
                    }
                }
            }
            Body::Inner(inner) => {
                let first = from.map_or(0, |from| inner.find(from));
                for index in first..inner.links.len() {
                    let from = from.filter(|_| index == first);
                    let flow = self.scan_in(self.child(inner, index)?, from, visit)?;
                    if flow.is_break() {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The entry with the lowest key.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn first(&self) -> Result<Option<Entry>, Missing> {
        let mut first = None;
        self.scan(&[], |key, value| {
            first = Some((key.to_vec(), value.to_vec()));
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Whether there are no entries.
    ///
    /// # Errors
    /// [`Missing`].
    pub fn is_empty(&self) -> Result<bool, Missing> {
        let mut empty = true;
        self.scan(&[], |_, _| {
            empty = false;
            ControlFlow::Break(())
        })?;
        Ok(empty)
    }

    /// Whether every leaf that can hold a key from `low` to `high_inclusive` is in memory, so that
    /// any of these keys can be put or deleted. Looks at `max_leaves` leaves at most: `Some(key)`
    /// says that the leaves below `key` are in memory and that those from `key` on were not looked
    /// at.
    ///
    /// # Errors
    /// The first [`Missing`] one.
    pub fn resident(
        &self,
        low: &[u8],
        high_inclusive: &[u8],
        max_leaves: usize,
    ) -> Result<Option<Box<[u8]>>, Missing> {
        let (mut leaves, mut stopped) = (0, Ok(None));
        self.for_each_leaf(low, high_inclusive, &mut |leaf| {
            match leaf {
                LeafAt::Memory(node, _) if leaves < max_leaves => {
                    node.reference();
                    leaves += 1;
                    return ControlFlow::Continue(());
                }
                LeafAt::Memory(_, leaf) => stopped = Ok(Some(leaf.page.low().into())),
                LeafAt::Missing(missing) if leaves < max_leaves => stopped = Err(missing),
                LeafAt::Missing(missing) => stopped = Ok(Some(missing.low)),
            }
            ControlFlow::Break(())
        });
        stopped
    }

    /// The first `max` pages that are missing for keys from `low` to `high_inclusive`, in key
    /// order: for reading several at once. After these are installed there can be more, below them.
    #[must_use]
    pub fn missing(&self, low: &[u8], high_inclusive: &[u8], max: usize) -> Vec<Missing> {
        let mut all = Vec::new();
        self.for_each_leaf(low, high_inclusive, &mut |leaf| {
            if all.len() == max {
                return ControlFlow::Break(());
            }
            if let LeafAt::Missing(missing) = leaf {
                all.push(missing);
            }
            ControlFlow::Continue(())
        });
        all
    }

    fn for_each_leaf(
        &self,
        low: &[u8],
        high_inclusive: &[u8],
        visit: &mut impl FnMut(LeafAt<'_>) -> ControlFlow<()>,
    ) {
        let flow = match &self.root {
            None => ControlFlow::Continue(()),
            Some(Link::Disk(pointer)) => visit(LeafAt::Missing(self.missing_root(pointer))),
            Some(Link::Memory(root)) => {
                for_each_leaf_in(root, self.id(), Some(low), high_inclusive, visit)
            }
        };
        let _ = flow;
    }

    fn root_node(&self) -> Result<Option<&Node>, Missing> {
        match &self.root {
            None => Ok(None),
            Some(Link::Memory(node)) => Ok(Some(node)),
            Some(Link::Disk(pointer)) => Err(self.missing_root(pointer)),
        }
    }

    #[inline]
    fn child<'a>(&self, inner: &'a Inner, index: usize) -> Result<&'a Node, Missing> {
        match &inner.links[index] {
            Link::Memory(node) => Ok(node),
            Link::Disk(pointer) => Err(inner.missing(index, pointer, self.id())),
        }
    }
}

/// A leaf, or the missing page above it.
enum LeafAt<'a> {
    Memory(&'a Node, &'a Leaf),
    Missing(Missing),
}

/// Visits the leaves of `node` from that of `low` (if it is given: inside the fences) on.
fn for_each_leaf_in(
    node: &Node,
    tree: DatasetId,
    low: Option<&[u8]>,
    high_inclusive: &[u8],
    visit: &mut impl FnMut(LeafAt<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let inner = match &node.body {
        Body::Leaf(leaf) => return visit(LeafAt::Memory(node, leaf)),
        Body::Inner(inner) => inner,
    };
    let first = low.map_or(0, |low| inner.find(low));
    for index in first..inner.links.len() {
        if inner.low_of(index) > high_inclusive {
            break;
        }
        let low = low.filter(|_| index == first);
        match &inner.links[index] {
            Link::Memory(child) => for_each_leaf_in(child, tree, low, high_inclusive, visit)?,
            Link::Disk(pointer) => visit(LeafAt::Missing(inner.missing(index, pointer, tree)))?,
        }
    }
    ControlFlow::Continue(())
}

/// Room for the whole key of an entry: leaves keep only what differs from their prefix.
struct KeyBuffer {
    bytes: [u8; KEY_BYTES_MAX],
    prefix: usize,
}

impl KeyBuffer {
    fn new(leaf: &Leaf) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        let prefix = leaf.page.prefix();
        bytes[..prefix.len()].copy_from_slice(prefix);
        Self {
            bytes,
            prefix: prefix.len(),
        }
    }

    fn key(&mut self, leaf: &Leaf, index: usize) -> &[u8] {
        let suffix = leaf.page.suffix(index);
        let end = self.prefix + suffix.len();
        self.bytes[self.prefix..end].copy_from_slice(suffix);
        &self.bytes[..end]
    }
}
