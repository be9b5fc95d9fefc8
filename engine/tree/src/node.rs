//! Nodes: shared by reference, copied on write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use engine_base::DatasetId;
use engine_format::PagePointer;

use crate::budget::{Charge, MemoryBudget};
use crate::home::Home;
use crate::inner::Inner;
use crate::leaf::Leaf;
use crate::tree::Copies;

/// A reference to a node: to its page if it is not in memory.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    Disk(PagePointer),
    Memory(Arc<Node>),
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Leaf(Leaf),
    Inner(Inner),
}

/// A page in memory.
///
/// Cloning makes a second copy of the same content: same home, so neither cleaner nor dirtier. Only
/// [`State::touch`] begins new content, and only in a node that is not shared.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) body: Body,
    /// Of the present content.
    pub(crate) home: Arc<Home>,
    /// Of the content that the last capture before this content saw: freed when this content is
    /// written.
    pub(crate) previous: Option<Arc<Home>>,
    /// The generation that made this content; 0 if it was read from a device.
    born: u64,
    /// How many passes of eviction leave it alone: one after it was used.
    passes: AtomicU8,
    charge: Charge,
}

impl Clone for Node {
    fn clone(&self) -> Self {
        self.with_body(self.body.clone())
    }
}

impl Node {
    /// A second copy, with `body` for the same content.
    pub(crate) fn with_body(&self, body: Body) -> Self {
        Self {
            body,
            home: Arc::clone(&self.home),
            previous: self.previous.clone(),
            born: self.born,
            passes: AtomicU8::new(self.passes.load(Ordering::Relaxed)),
            charge: self.charge.clone(),
        }
    }

    /// A node whose content was read from `pointer`.
    pub(crate) fn stored(body: Body, pointer: PagePointer, budget: &Arc<MemoryBudget>) -> Self {
        Self {
            body,
            home: Home::stored(pointer),
            previous: None,
            born: 0,
            passes: AtomicU8::new(1),
            charge: Charge::new(budget),
        }
    }

    /// Levels above the leaves.
    pub(crate) fn level(&self) -> u8 {
        match &self.body {
            Body::Leaf(_) => 0,
            Body::Inner(inner) => inner.level,
        }
    }

    /// Whether it is a leaf without entries.
    pub(crate) fn is_empty_leaf(&self) -> bool {
        matches!(&self.body, Body::Leaf(leaf) if leaf.page.count() == 0)
    }

    /// Keeps eviction away for one round. A store only where it changes something: readers share
    /// the line.
    #[inline]
    pub(crate) fn reference(&self) {
        if self.passes.load(Ordering::Relaxed) == 0 {
            self.passes.store(1, Ordering::Relaxed);
        }
    }

    /// Keeps eviction away for so many rounds.
    pub(crate) fn keep_for(&self, passes: u8) {
        self.passes.store(passes, Ordering::Relaxed);
    }

    /// Whether eviction leaves it alone this time. Only one pass is made at a time; what is used
    /// meanwhile may be taken for unused, which is no harm.
    pub(crate) fn take_reference(&self) -> bool {
        let passes = self.passes.load(Ordering::Relaxed);
        self.passes
            .store(passes.saturating_sub(1), Ordering::Relaxed);
        passes > 0
    }

    /// Whether the present content goes to the device as a delta to its base page. Depends on
    /// nothing that changes after a capture, so the head knows what a running capture will do.
    pub(crate) fn is_delta(&self, copies: Copies) -> bool {
        match (&self.body, self.home.get()) {
            (_, Some(pointer)) => pointer.delta.is_some(),
            // A delta has no second copy.
            (Body::Leaf(leaf), None) => {
                copies == Copies::One && self.previous.is_some() && leaf.changes.fit_a_delta()
            }
            (Body::Inner(_), None) => false,
        }
    }
}

/// What all nodes of one tree have in common.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) id: DatasetId,
    pub(crate) copies: Copies,
    pub(crate) budget: Arc<MemoryBudget>,
    /// Counts captures: content of the present generation is in none of them.
    pub(crate) generation: u64,
    /// Content that captures have seen and that the head has no more: the next capture frees it.
    pub(crate) dropped: Vec<Arc<Home>>,
}

impl State {
    /// A new node that no capture has seen.
    pub(crate) fn create(&self, body: Body) -> Arc<Node> {
        Arc::new(Node {
            body,
            home: Home::pending(&self.budget),
            previous: None,
            born: self.generation,
            passes: AtomicU8::new(1),
            charge: Charge::new(&self.budget),
        })
    }

    /// Begins new content in a node that is about to change, unless the present content is new.
    #[inline]
    pub(crate) fn touch(&self, node: &mut Node) {
        if node.born != self.generation {
            self.renew(node);
        }
    }

    fn renew(&self, node: &mut Node) {
        let is_delta = node.is_delta(self.copies);
        if let Body::Leaf(leaf) = &mut node.body {
            match self.copies {
                // The present content is (or is about to be) a base page of its own: changes count
                // from it.
                Copies::One if !is_delta => leaf.changes.clear(),
                Copies::One => {}
                Copies::Two => leaf.changes.give_up(),
            }
        }
        let home = Home::pending(&self.budget);
        node.previous = Some(std::mem::replace(&mut node.home, home));
        node.born = self.generation;
    }

    /// Notes that the head has no use for a node any more.
    pub(crate) fn drop_node(&mut self, node: &Node) {
        if node.born == self.generation {
            self.dropped.extend(node.previous.clone());
        } else {
            self.dropped.push(Arc::clone(&node.home));
        }
    }

    /// Whether the node's content is in no capture yet.
    pub(crate) fn is_new(&self, node: &Node) -> bool {
        node.born == self.generation
    }
}
