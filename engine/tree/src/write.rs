//! Changing: puts and deletes, and keeping pages well filled.
//!
//! A change walks down first and changes on the way back up, so that [`Missing`] leaves the tree as
//! it was. Nodes on the way that a capture shares are copied; copying alone does not make them
//! dirty.

use std::sync::Arc;

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};
use engine_format::{PAGE_SPACE_BYTES, PageFull};

use crate::Tree;
use crate::inner::Inner;
use crate::leaf::Leaf;
use crate::missing::Missing;
use crate::node::{Body, Link, Node, State};
use crate::split::Separated;

/// A node that uses less is merged with a neighbour, if one is in memory and has room.
const SPARSE_BYTES: usize = PAGE_BYTES / 4;
/// What a merged node may use: room to grow, so that it is not split again at once.
const MERGED_BYTES_MAX: usize = PAGE_BYTES / 4 * 3;

impl Tree {
    /// Gives `key` this value. Allocates nothing unless the page is copied or split.
    ///
    /// # Errors
    /// [`Missing`]: nothing has changed. See [`Tree::resident`].
    ///
    /// # Panics
    /// If key or value are longer than [`KEY_BYTES_MAX`] and [`VALUE_BYTES_MAX`] (programmer
    /// error).
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Missing> {
        assert!(key.len() <= KEY_BYTES_MAX, "key of {} bytes", key.len());
        assert!(
            value.len() <= VALUE_BYTES_MAX,
            "value of {} bytes",
            value.len()
        );
        let root = match &mut self.root {
            Some(Link::Memory(root)) => root,
            Some(Link::Disk(pointer)) => return Err(Missing::root(self.state.id, *pointer)),
            None => {
                let leaf = Leaf::empty(self.state.id, &[], &[]);
                self.root = Some(Link::Memory(self.state.create(Body::Leaf(leaf))));
                return self.put(key, value);
            }
        };
        if let Outcome::Split(Separated { separator, right }) =
            put_in(root, &self.state, key, value)?
        {
            let links = vec![Link::Memory(Arc::clone(root)), Link::Memory(right)];
            let level = root.level() + 1;
            let inner = Inner::new(level, &[], vec![Box::default(), separator], links);
            self.root = Some(Link::Memory(self.state.create(Body::Inner(inner))));
        }
        Ok(())
    }

    /// Removes `key`; `false` if there was none.
    ///
    /// # Errors
    /// [`Missing`]: nothing has changed.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Missing> {
        let root = match &mut self.root {
            Some(Link::Memory(root)) => root,
            Some(Link::Disk(pointer)) => return Err(Missing::root(self.state.id, *pointer)),
            None => return Ok(false),
        };
        let deleted = delete_in(root, &mut self.state, key)?;
        if deleted {
            self.collapse();
        }
        Ok(deleted)
    }

    /// Removes roots that have a single child, and an empty leaf as root.
    fn collapse(&mut self) {
        while let Some(Link::Memory(root)) = &self.root {
            let below = match &root.body {
                Body::Leaf(leaf) if leaf.page.count() == 0 => None,
                Body::Inner(inner) if inner.links.len() == 1 => Some(inner.links[0].clone()),
                Body::Leaf(_) | Body::Inner(_) => return,
            };
            self.state.drop_node(root);
            self.root = below;
        }
    }
}

/// What a put below has done.
enum Outcome {
    /// The key had that value.
    Unchanged,
    Changed,
    /// The node was cut in two, this is the upper part.
    Split(Separated<Arc<Node>>),
}

fn put_in(
    node: &mut Arc<Node>,
    state: &State,
    key: &[u8],
    value: &[u8],
) -> Result<Outcome, Missing> {
    let node = Arc::make_mut(node);
    match &mut node.body {
        Body::Leaf(leaf) => {
            let found = leaf.search(key);
            if leaf.holds(found, value) {
                return Ok(Outcome::Unchanged);
            }
            node.reference();
            state.touch(node);
            let Body::Leaf(leaf) = &mut node.body else {
                unreachable!("matched above")
            };
            Ok(match leaf.put(found, key, value) {
                Ok(()) => Outcome::Changed,
                Err(PageFull) => {
                    let upper = leaf.split(found, key, value);
                    Outcome::Split(upper.map(|leaf| state.create(Body::Leaf(leaf))))
                }
            })
        }
        Body::Inner(inner) => {
            let index = inner.find(key);
            let outcome = match &mut inner.links[index] {
                Link::Memory(child) => put_in(child, state, key, value)?,
                Link::Disk(pointer) => {
                    let pointer = *pointer;
                    return Err(inner.missing(index, &pointer, state.id));
                }
            };
            if matches!(outcome, Outcome::Unchanged) {
                return Ok(outcome);
            }
            state.touch(node);
            let Outcome::Split(upper) = outcome else {
                return Ok(Outcome::Changed);
            };
            let Body::Inner(inner) = &mut node.body else {
                unreachable!("matched above")
            };
            Ok(match inner.insert(index, upper.map(Link::Memory)) {
                None => Outcome::Changed,
                Some(upper) => Outcome::Split(upper.map(|inner| state.create(Body::Inner(inner)))),
            })
        }
    }
}

fn delete_in(node: &mut Arc<Node>, state: &mut State, key: &[u8]) -> Result<bool, Missing> {
    let node = Arc::make_mut(node);
    match &mut node.body {
        Body::Leaf(leaf) => {
            let Ok(index) = leaf.search(key) else {
                return Ok(false);
            };
            node.reference();
            state.touch(node);
            let Body::Leaf(leaf) = &mut node.body else {
                unreachable!("matched above")
            };
            leaf.remove(index, key);
        }
        Body::Inner(inner) => {
            let index = inner.find(key);
            let deleted = match &mut inner.links[index] {
                Link::Memory(child) => delete_in(child, state, key)?,
                Link::Disk(pointer) => {
                    let pointer = *pointer;
                    return Err(inner.missing(index, &pointer, state.id));
                }
            };
            if !deleted {
                return Ok(false);
            }
            state.touch(node);
            let Body::Inner(inner) = &mut node.body else {
                unreachable!("matched above")
            };
            rebalance(inner, index, state);
        }
    }
    Ok(true)
}

/// Merges child `index` with a neighbour if it has become sparse.
///
/// A neighbour that is not in memory is left alone: a change must not wait for a device. So an
/// empty leaf can stay, and readers expect that.
fn rebalance(inner: &mut Inner, index: usize, state: &mut State) {
    let Link::Memory(child) = &inner.links[index] else {
        return;
    };
    let used_bytes = match &child.body {
        Body::Leaf(leaf) => leaf.page.used_bytes(),
        Body::Inner(inner) => inner.used_bytes(),
    };
    // Without entries a leaf is sparse however long its fences are.
    if used_bytes >= SPARSE_BYTES && !child.is_empty_leaf() {
        return;
    }
    let pairs = [index.checked_sub(1), Some(index)];
    for left in pairs.into_iter().flatten() {
        if left + 1 < inner.links.len() && merge(inner, left, state) {
            return;
        }
    }
}

/// Merges child `left` and the next one, if both are in memory and fit.
fn merge(inner: &mut Inner, left: usize, state: &mut State) -> bool {
    let (Link::Memory(lower), Link::Memory(upper)) = (&inner.links[left], &inner.links[left + 1])
    else {
        return false;
    };
    let empty = lower.is_empty_leaf() || upper.is_empty_leaf();
    let limit = if empty {
        PAGE_SPACE_BYTES
    } else {
        MERGED_BYTES_MAX
    };
    let (body, boundary) = match (&lower.body, &upper.body) {
        (Body::Leaf(lower), Body::Leaf(upper)) => {
            (lower.merged(upper, limit).map(Body::Leaf), None)
        }
        (Body::Inner(lower), Body::Inner(upper)) => (
            lower.merged(upper, limit).map(Body::Inner),
            Some(lower.links.len()),
        ),
        _ => unreachable!("all children of a node are of one level"),
    };
    let Some(body) = body else { return false };
    let Link::Memory(upper) = inner.remove(left + 1) else {
        unreachable!("it was in memory above")
    };
    state.drop_node(&upper);
    drop(upper);
    let Link::Memory(lower) = &mut inner.links[left] else {
        unreachable!("it was in memory above")
    };
    let lower = Arc::make_mut(lower);
    state.touch(lower);
    lower.body = body;
    // Nodes below that were alone in their parent have neighbours now.
    if let (Body::Inner(lower), Some(boundary)) = (&mut lower.body, boundary) {
        rebalance(lower, boundary, state);
        rebalance(lower, boundary - 1, state);
    }
    true
}
