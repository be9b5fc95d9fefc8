//! Dropping clean pages from memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::Tree;
use crate::node::{Body, Link, Node};

/// Passes that an inner node stays after its last child went.
const PASSES_WITHOUT_CHILD: u8 = 4;

impl Tree {
    /// Passes over up to `max_leaves` leaves in memory, in key order from `cursor`, and drops those
    /// that are clean, were not used since the last pass, and that `keep` does not want. `keep`
    /// gets the fences of the leaf; an empty upper one is no bound. Inner nodes that have no child
    /// in memory count as leaves, but stay for some passes after their last child went: one of
    /// them is worth more than one of the many leaves that cannot be read without it.
    ///
    /// Returns the number of pages dropped and moves `cursor` on; it is empty
    /// when the end was reached, and the next pass begins at the first leaf. Memory that a running
    /// capture shares is given back when it is done.
    pub fn evict(
        &mut self,
        cursor: &mut Vec<u8>,
        max_leaves: usize,
        keep: &dyn Fn(&[u8], &[u8]) -> bool,
    ) -> usize {
        let mut pass = Pass {
            left: max_leaves,
            keep,
            victims: Vec::new(),
            stopped_at: Vec::new(),
        };
        if let Some(Link::Memory(root)) = &self.root {
            let _ = pass.visit(root, Some(cursor));
        }
        *cursor = pass.stopped_at;
        for victim in &pass.victims {
            let root = self.root.as_mut().expect("the victim was found below it");
            drop_page(root, victim);
        }
        pass.victims.len()
    }
}

struct Pass<'a> {
    /// Leaves that may still be looked at.
    left: usize,
    keep: &'a dyn Fn(&[u8], &[u8]) -> bool,
    /// Low fences.
    victims: Vec<Box<[u8]>>,
    /// Low fence of the first leaf that was not looked at.
    stopped_at: Vec<u8>,
}

impl Pass<'_> {
    fn visit(&mut self, node: &Node, from: Option<&[u8]>) -> ControlFlow<()> {
        let (low, high) = match &node.body {
            Body::Leaf(leaf) => (leaf.page.low(), leaf.page.high()),
            Body::Inner(inner) if inner.has_no_child_in_memory() => {
                (inner.low_of(0), inner.high_of(inner.links.len() - 1))
            }
            Body::Inner(inner) => {
                let first = from.map_or(0, |from| inner.find(from));
                for (index, link) in inner.links.iter().enumerate().skip(first) {
                    if let Link::Memory(child) = link {
                        self.visit(child, from.filter(|_| index == first))?;
                    }
                }
                return ControlFlow::Continue(());
            }
        };
        if self.left == 0 {
            self.stopped_at = low.to_vec();
            return ControlFlow::Break(());
        }
        self.left -= 1;
        let used = node.take_reference();
        if !used && node.home.get().is_some() && !(self.keep)(low, high) {
            self.victims.push(low.into());
        }
        ControlFlow::Continue(())
    }
}

/// Drops the lowest page in memory on the way to the low fence `low`.
fn drop_page(link: &mut Link, low: &[u8]) {
    let Link::Memory(node) = link else {
        unreachable!("the victim was found in memory")
    };
    if let Body::Inner(inner) = &node.body
        && !inner.has_no_child_in_memory()
    {
        let node = Arc::make_mut(node);
        let Body::Inner(inner) = &mut node.body else {
            unreachable!("matched above")
        };
        let index = inner.find(low);
        drop_page(&mut inner.links[index], low);
        if inner.has_no_child_in_memory() {
            node.keep_for(PASSES_WITHOUT_CHILD);
        }
        return;
    }
    // A dirty inner node stays: its page is not written yet.
    if let Some(pointer) = node.home.get() {
        *link = Link::Disk(*pointer);
    }
}
