//! What the kernel holds: the inodes it was given and has not forgotten, the names it may know, and
//! whose attributes and pages it may have.
//!
//! A change made elsewhere is worth a notification only if the kernel holds something of it. The
//! question is put, and what is about to be given is noted, under one lock:
//!
//! * A request notes the names it may give before it looks at the tree. So a change of a name that
//!   commits after that look finds the name noted.
//! * Inodes are noted when they are given. A change that commits between a look and the note is
//!   remembered while requests are in flight ([`Ticket`]); what is given then has a lifetime of 0.
//!
//! That leaves replies that were written and that the kernel has not taken in yet:
//!
//! * Names: the kernel takes in what a lookup, a listing or a creation gave while it holds the lock
//!   of the directory, and forgetting an entry takes that lock, so the entry is forgotten
//!   afterwards. The other case is an entry that is only asked about again: it is unhashed by the
//!   notification, whatever the answer then says.
//! * Attributes of an inode that the kernel has: it counts versions and drops answers to requests
//!   older than a notification. Where it does not (an answer to a change of attributes, or to a
//!   link) the answer has a lifetime of 0.
//! * Attributes of an inode that is new to the kernel: it cannot be found before it is taken in, so
//!   the notification would miss it. Such inodes are `settling`: forgetting an entry that cannot
//!   exist in their directory first waits for that directory's lock, and so for the inode.
//! * Pages: a page is in the cache, locked, before it is asked for, and forgetting waits for the
//!   lock. So a page that was answered with older bytes is dropped, and one that is asked for later
//!   gets new ones; files keep their pages from one opening to the next.

mod names;
mod pinned;
mod state;

use engine_bucket::{Changed, InodeId, Node, OpenFile};
use parking_lot::Mutex;
use smallvec::SmallVec;

use state::{Held, State};

/// Number of an inode, in the kernel and in the engine.
pub(crate) type Number = u64;

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Inode(Number),
    Name(Number, Vec<u8>),
}

/// Something that the kernel has to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// What a name leads to.
    Entry {
        /// The directory.
        directory: Number,
        /// The name.
        name: Vec<u8>,
        /// What it leads to for the kernel; 0: nothing, or that is not certain.
        child: Number,
    },
    /// Attributes, and with `pages` the content.
    Inode {
        /// The inode.
        id: Number,
        /// The content too.
        pages: bool,
        /// Directories whose lock comes first.
        settling: SmallVec<[Number; 1]>,
    },
}

impl Job {
    /// All that is held of a file that the kernel has taken in.
    pub(crate) fn content(id: Number) -> Self {
        Self::Inode {
            id,
            pages: true,
            settling: SmallVec::new(),
        }
    }
}

/// How long the kernel may use what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fresh {
    /// The entry: whether its lifetime is long.
    pub(crate) entry: bool,
    /// The attributes: likewise.
    pub(crate) attributes: bool,
}

/// The table.
pub(crate) struct Table {
    state: Mutex<State>,
}

/// A request that may give something: until it is dropped, changes are remembered for it.
pub(crate) struct Ticket<'a> {
    table: &'a Table,
    began: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.table.state.lock();
        let place = state.in_flight.iter().position(|at| *at == self.began);
        if let Some(place) = place {
            state.in_flight.swap_remove(place);
        }
        if state.in_flight.is_empty() && !state.recent.is_empty() {
            state.recent.clear();
        }
    }
}

impl Table {
    pub(crate) fn new(root: Node) -> Self {
        let mut state = State::default();
        let number = root.id().get();
        state.inodes.insert(number, Held::new(root));
        Self {
            state: Mutex::new(state),
        }
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> Ticket<'_> {
        let mut state = self.state.lock();
        state.clock += 1;
        let began = state.clock;
        state.in_flight.push(began);
        Ticket { table: self, began }
    }

    /// The node of an inode that the kernel holds.
    pub(crate) fn node(&self, id: Number) -> Option<Node> {
        let state = self.state.lock();
        state.inodes.get(&id).map(|held| held.node.clone())
    }

    /// A name under which the kernel knows an inode leads up: to this directory.
    pub(crate) fn above(&self, id: Number) -> Option<Number> {
        let state = self.state.lock();
        let held = state.inodes.get(&id)?;
        held.under.last().map(|(directory, _)| *directory)
    }

    /// Notes that the kernel may soon know a name; before the tree is looked at.
    pub(crate) fn expect(&self, directory: Number, name: &[u8]) {
        let mut state = self.state.lock();
        if let Some(held) = state.inodes.get_mut(&directory) {
            held.names.expect(name);
        }
    }

    /// Notes that the kernel is given `node` by a name.
    pub(crate) fn give(
        &self,
        ticket: &Ticket<'_>,
        directory: Number,
        name: &[u8],
        node: &Node,
    ) -> Fresh {
        let mut state = self.state.lock();
        let fresh = state.fresh(ticket, Some((directory, name)), node.id());
        let id = node.id().get();
        if let Some(held) = state.inodes.get_mut(&directory) {
            held.names.lead_to(name, id);
        }
        let new = || Held::new(node.clone());
        let held = state.inodes.entry(id).or_insert_with(new);
        held.lookups += 1;
        held.settling = true;
        held.attributes |= fresh.attributes;
        held.add_name(directory, name);
        fresh
    }

    /// Notes that the kernel is told that a name leads nowhere; whether it may believe it for long.
    pub(crate) fn give_absence(&self, ticket: &Ticket<'_>, directory: Number, name: &[u8]) -> bool {
        let mut state = self.state.lock();
        if let Some(held) = state.inodes.get_mut(&directory) {
            held.names.lead_nowhere(name);
        }
        !state.changed_since(ticket, Key::Name(directory, name.to_vec()))
    }

    /// Notes that the kernel is given attributes; whether it may believe them for long.
    pub(crate) fn give_attributes(&self, ticket: &Ticket<'_>, id: InodeId) -> bool {
        let mut state = self.state.lock();
        let fresh = state.fresh(ticket, None, id).attributes;
        if let Some(held) = state.inodes.get_mut(&id.get()) {
            held.attributes |= fresh;
        }
        fresh
    }

    /// Notes that the kernel moves a name of its own accord; it was expected before the tree
    /// was changed.
    pub(crate) fn moves(&self, from: (Number, &[u8]), to: (Number, &[u8])) {
        let mut state = self.state.lock();
        let moved = state.take_name(from);
        state.take_name(to);
        state.lead_to(to, moved);
    }

    /// Notes that the kernel exchanges two names of its own accord; likewise.
    pub(crate) fn exchanges(&self, a: (Number, &[u8]), b: (Number, &[u8])) {
        let mut state = self.state.lock();
        let (from_a, from_b) = (state.take_name(a), state.take_name(b));
        state.lead_to(b, from_a);
        state.lead_to(a, from_b);
    }

    /// Notes that the kernel may get pages of a file.
    pub(crate) fn opened(&self, id: Number) {
        if let Some(held) = self.state.lock().inodes.get_mut(&id) {
            held.pages = true;
        }
    }

    /// Whether a write to it takes nothing away but bytes.
    pub(crate) fn is_plain(&self, id: Number) -> bool {
        let state = self.state.lock();
        state.inodes.get(&id).is_some_and(|held| held.plain)
    }

    pub(crate) fn set_plain(&self, id: Number, plain: bool) {
        if let Some(held) = self.state.lock().inodes.get_mut(&id) {
            held.plain = plain;
        }
    }

    /// The kernel forgets that it was given an inode so often. Returns what kept the inode, if that
    /// was the last of it.
    pub(crate) fn forget(&self, id: Number, lookups: u64) -> Option<OpenFile> {
        let mut state = self.state.lock();
        let held = state.inodes.get_mut(&id)?;
        held.lookups = held.lookups.saturating_sub(lookups);
        if held.lookups > 0 || id == InodeId::ROOT.get() {
            return None;
        }
        let mut gone = state.inodes.remove(&id)?;
        for (directory, name) in &gone.under {
            if let Some(above) = state.inodes.get_mut(directory) {
                above.names.forget(name, id);
            }
        }
        drop(state);
        // Its node may be the last one, and tells the engine so: behind the lock.
        gone.pin.take()
    }

    /// What the kernel has to forget so that it may forget an inode; `None`: it does not hold it.
    pub(crate) fn names_of(&self, id: Number) -> Option<Vec<Job>> {
        let state = self.state.lock();
        let names = state.inodes.get(&id)?.under.iter();
        let entry = |(directory, name): &(Number, Box<[u8]>)| Job::Entry {
            directory: *directory,
            name: name.to_vec(),
            child: id,
        };
        Some(names.map(entry).collect())
    }

    /// What the kernel has to forget after a change that was made elsewhere.
    pub(crate) fn changed(&self, changes: &[Changed]) -> Vec<Job> {
        let mut state = self.state.lock();
        let mut jobs = Vec::new();
        for change in changes {
            match change {
                Changed::Entry { directory, name } => {
                    state.entry_changed(&mut jobs, directory.get(), name);
                    // Its times and counts.
                    state.inode_changed(&mut jobs, directory.get(), false);
                }
                Changed::Attributes(id) => state.inode_changed(&mut jobs, id.get(), false),
                Changed::Content(id) => state.inode_changed(&mut jobs, id.get(), true),
            }
        }
        jobs
    }
}

#[cfg(test)]
mod tests;
