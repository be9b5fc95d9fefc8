//! Moving pages away from segments that hold little else.
//!
//! Nothing is moved here: what lies in such a segment is made dirty, and the next capture writes it
//! elsewhere and frees it there.

use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::SegmentId;
use engine_format::PagePointer;

use crate::Tree;
use crate::missing::{LoadedPage, Missing};
use crate::node::{Body, Link, Node, State};

/// Inner pages looked at by one call, with the pointers in them: bounds how long the lock is held.
/// More than a tree has levels.
const INNER_PAGES_PER_CALL: usize = 16;

/// What [`Tree::relocate`] has done.
#[derive(Debug, PartialEq, Eq)]
pub struct Relocated {
    /// Pages that the next capture writes elsewhere because of this call, those above them not
    /// counted.
    pub marked: usize,
    /// Why it ended.
    pub end: RelocationEnd,
}

/// Why a call of [`Tree::relocate`] ended.
#[derive(Debug, PartialEq, Eq)]
pub enum RelocationEnd {
    /// The whole tree was looked at.
    Done,
    /// It has done what it may in one call: go on from this key.
    At(Box<[u8]>),
    /// This page must be in memory to go on, from its lower fence. An inner page that
    /// [does not lead](LoadedPage::leads_to) to such a segment may be passed over: go on from its
    /// upper fence.
    Missing(Missing),
}

impl Tree {
    /// Makes dirty what lies in segments that `is_victim` names, in key order from the key `from`,
    /// up to about `max_pages` pages. Where only the delta of a leaf lies there, only the delta is
    /// written anew.
    ///
    /// What a running capture is about to write is passed over. Once the tree was looked at from
    /// its first key to its end, and was captured, nothing of it lies in the victims, provided that
    /// nothing new is put there.
    pub fn relocate(
        &mut self,
        from: &[u8],
        max_pages: usize,
        is_victim: &dyn Fn(SegmentId) -> bool,
    ) -> Relocated {
        let mut search = Search {
            state: &self.state,
            is_victim,
            pages_left: max_pages,
            inner_left: INNER_PAGES_PER_CALL,
            found: Vec::new(),
            end: RelocationEnd::Done,
        };
        match &self.root {
            None => {}
            Some(Link::Memory(root)) => {
                let _ = search.visit(root, Some(from));
            }
            Some(Link::Disk(pointer)) => {
                search.end = RelocationEnd::Missing(self.missing_root(pointer));
            }
        }
        let Search { found, end, .. } = search;
        for place in &found {
            let Some(Link::Memory(root)) = &mut self.root else {
                unreachable!("the page was found below it")
            };
            make_dirty(root, &self.state, place, is_victim);
        }
        let marked = found.len();
        Relocated { marked, end }
    }
}

impl LoadedPage {
    /// Whether it is an inner page with a child in a segment that `is_victim` names.
    pub fn leads_to(&self, is_victim: &dyn Fn(SegmentId) -> bool) -> bool {
        let Body::Inner(inner) = &self.body else {
            return false;
        };
        inner.links.iter().any(|link| match link {
            Link::Disk(pointer) => lies_in(pointer, is_victim),
            Link::Memory(_) => unreachable!("it was just read"),
        })
    }
}

fn lies_in(pointer: &PagePointer, is_victim: &dyn Fn(SegmentId) -> bool) -> bool {
    pointer
        .parts()
        .any(|(location, _)| is_victim(location.segment))
}

/// Names a page in memory: two pages of one level differ in their lower fences.
struct PlaceInTree {
    level: u8,
    low: Box<[u8]>,
}

struct Search<'a> {
    state: &'a State,
    is_victim: &'a dyn Fn(SegmentId) -> bool,
    pages_left: usize,
    inner_left: usize,
    found: Vec<PlaceInTree>,
    end: RelocationEnd,
}

impl Search<'_> {
    fn visit(&mut self, node: &Node, from: Option<&[u8]>) -> ControlFlow<()> {
        let inner = match &node.body {
            Body::Leaf(leaf) => {
                if self.leaf_moves(node) {
                    self.found(0, leaf.page.low());
                }
                return ControlFlow::Continue(());
            }
            Body::Inner(inner) => inner,
        };
        if self.inner_left == 0 {
            return self.stop_at(inner.low_of(0));
        }
        self.inner_left -= 1;
        // A dirty one is written elsewhere anyway.
        let moves = |pointer| lies_in(pointer, self.is_victim);
        if node.home.get().is_some_and(moves) {
            self.found(inner.level, inner.low_of(0));
        }
        let first = from.map_or(0, |from| inner.find(from));
        for (index, link) in inner.links.iter().enumerate().skip(first) {
            if self.pages_left == 0 {
                return self.stop_at(inner.low_of(index));
            }
            match link {
                Link::Memory(child) => self.visit(child, from.filter(|_| index == first))?,
                // Of an inner page only the page itself says what is below.
                Link::Disk(pointer) if inner.level > 1 || lies_in(pointer, self.is_victim) => {
                    let missing = inner.missing(index, pointer, self.state.id);
                    self.end = RelocationEnd::Missing(missing);
                    return ControlFlow::Break(());
                }
                Link::Disk(_) => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn leaf_moves(&self, node: &Node) -> bool {
        if let Some(pointer) = node.home.get() {
            return lies_in(pointer, self.is_victim);
        }
        // It is written anyway, but as a delta it would keep its base page where that is.
        self.state.is_new(node) && node.is_delta(self.state.copies) && self.base_is_victim(node)
    }

    fn base_is_victim(&self, node: &Node) -> bool {
        base_is_victim(node, self.is_victim)
    }

    fn found(&mut self, level: u8, low: &[u8]) {
        self.pages_left = self.pages_left.saturating_sub(1);
        let low = low.into();
        self.found.push(PlaceInTree { level, low });
    }

    fn stop_at(&mut self, key: &[u8]) -> ControlFlow<()> {
        self.end = RelocationEnd::At(key.into());
        ControlFlow::Break(())
    }
}

fn base_is_victim(node: &Node, is_victim: &dyn Fn(SegmentId) -> bool) -> bool {
    let previous = node.previous.as_ref().and_then(|home| home.get());
    previous.is_some_and(|pointer| is_victim(pointer.base.segment))
}

fn make_dirty(
    node: &mut Arc<Node>,
    state: &State,
    place: &PlaceInTree,
    is_victim: &dyn Fn(SegmentId) -> bool,
) {
    let node = Arc::make_mut(node);
    if node.level() > place.level {
        let Body::Inner(inner) = &mut node.body else {
            unreachable!("it is above a page")
        };
        let index = inner.find(&place.low);
        let Link::Memory(child) = &mut inner.links[index] else {
            unreachable!("the page was found in memory")
        };
        make_dirty(child, state, place, is_victim);
    }
    state.touch(node);
    let whole = base_is_victim(node, is_victim);
    if let Body::Leaf(leaf) = &mut node.body
        && whole
    {
        leaf.changes.give_up();
    }
}
