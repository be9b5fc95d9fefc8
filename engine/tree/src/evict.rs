//! Dropping clean pages from memory.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::Tree;
use crate::node::{Body, Link, Node};

impl Tree {
    /// Passes over up to `max_leaves` leaves in memory, in key order from `cursor`, and drops those
    /// that are clean, were not used since the last pass, and that `keep` does not want. `keep`
    /// gets the fences of the leaf; an empty upper one is no bound. Inner nodes go with the last of
    /// their children; those that have no child in memory count as leaves.
    ///
    /// Returns the number of pages dropped, parents not counted, and moves `cursor` on; it is empty
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

/// Drops the lowest page in memory on the way to the low fence `low`, and what is above it and has
/// nothing in memory below it any more.
fn drop_page(link: &mut Link, low: &[u8]) {
    let Link::Memory(node) = link else {
        // Of the children of the victim none is in memory.
        return;
    };
    if let Body::Inner(_) = &node.body {
        let Body::Inner(inner) = &mut Arc::make_mut(node).body else {
            unreachable!("matched above")
        };
        let index = inner.find(low);
        drop_page(&mut inner.links[index], low);
        if !inner.has_no_child_in_memory() {
            return;
        }
    }
    // A dirty inner node stays: its page is not written yet.
    if let Some(pointer) = node.home.get() {
        *link = Link::Disk(*pointer);
    }
}
