//! What is kept of each inode, and of changes while requests are in flight.

use std::collections::HashMap;

use engine_bucket::{InodeId, Node, OpenFile};
use smallvec::SmallVec;

use super::names::Names;
use super::{Fresh, Job, Key, Number, Ticket};
use crate::limits::RECENT_MAX;

/// An inode that the kernel holds.
pub(super) struct Held {
    pub(super) node: Node,
    /// Keeps it when its last name goes: see [`crate::pins`].
    pub(super) pin: Option<OpenFile>,
    /// How often it was given by a name.
    pub(super) lookups: u64,
    /// Of a directory: names below it.
    pub(super) names: Names,
    /// Names it was given by.
    pub(super) under: SmallVec<[(Number, Box<[u8]>); 1]>,
    /// The kernel may have its attributes.
    pub(super) attributes: bool,
    /// Whether the kernel has seen its attributes since they changed.
    pub(super) seen: Seen,
    /// The kernel may have pages of it.
    pub(super) pages: bool,
    /// The kernel may not have taken it in yet.
    pub(super) settling: bool,
    /// It has neither set-id bits nor capabilities, so a write takes nothing away.
    pub(super) plain: bool,
}

/// Whether the kernel has taken in attributes since others changed them.
///
/// It takes an answer in without a lock against those who look: it says that the attributes are
/// valid and then writes them, one by one. So the first answer after a change must not be kept; a
/// later one, which only says the same again, may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has, or they never changed.
    Yes,
    /// It has not.
    No,
    /// When the request began that is the first to be answered with them.
    By(u64),
}

#[derive(Default)]
pub(super) struct State {
    pub(super) inodes: HashMap<Number, Held>,
    /// Counts changes and requests.
    pub(super) clock: u64,
    /// When the requests in flight began.
    pub(super) in_flight: Vec<u64>,
    /// Changes made elsewhere since then.
    pub(super) recent: HashMap<Key, u64>,
}

impl Held {
    pub(super) fn new(node: Node) -> Self {
        Self {
            node,
            pin: None,
            lookups: 0,
            names: Names::default(),
            under: SmallVec::new(),
            attributes: false,
            seen: Seen::Yes,
            pages: false,
            settling: false,
            plain: false,
        }
    }

    pub(super) fn add_name(&mut self, directory: Number, name: &[u8]) {
        let known = |under: &(Number, Box<[u8]>)| under.0 == directory && *under.1 == *name;
        if !self.under.iter().any(known) {
            self.under.push((directory, name.into()));
        }
    }
}

impl State {
    pub(super) fn fresh(
        &mut self,
        ticket: &Ticket<'_>,
        name: Option<(Number, &[u8])>,
        id: InodeId,
    ) -> Fresh {
        let name = name.map(|(directory, name)| Key::Name(directory, name.to_vec()));
        Fresh {
            entry: !name.is_some_and(|name| self.changed_since(ticket, name)),
            attributes: !self.changed_since(ticket, Key::Inode(id.get()))
                && self.has_seen(ticket, id),
        }
    }

    /// Whether the kernel has seen the attributes of an inode that a request is about to be
    /// answered with.
    fn has_seen(&mut self, ticket: &Ticket<'_>, id: InodeId) -> bool {
        let Some(held) = self.inodes.get_mut(&id.get()) else {
            return true;
        };
        match held.seen {
            Seen::Yes => {}
            Seen::No => held.seen = Seen::By(ticket.began),
            Seen::By(began) if self.in_flight.contains(&began) => {}
            Seen::By(_) => held.seen = Seen::Yes,
        }
        held.seen == Seen::Yes
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "keys are made for the question"
    )]
    pub(super) fn changed_since(&self, ticket: &Ticket<'_>, key: Key) -> bool {
        let changed = self.recent.get(&key);
        changed.is_some_and(|at| *at > ticket.began)
    }

    pub(super) fn remember(&mut self, key: Key) {
        self.clock += 1;
        let Some(oldest) = self.in_flight.iter().min().copied() else {
            return;
        };
        if self.recent.len() >= RECENT_MAX {
            self.recent.retain(|_, at| *at > oldest);
        }
        self.recent.insert(key, self.clock);
    }

    /// The kernel takes a name away: the inodes that were given by it, the last one last.
    pub(super) fn take_name(&mut self, at: (Number, &[u8])) -> SmallVec<[Number; 1]> {
        let Some(above) = self.inodes.get_mut(&at.0) else {
            return SmallVec::new();
        };
        let given = above.names.take(at.1);
        for inode in &given {
            if let Some(held) = self.inodes.get_mut(inode) {
                held.under.retain(|under| (under.0, &*under.1) != at);
            }
        }
        given
    }

    /// The kernel has a name that leads to one of `given`, likely the last.
    pub(super) fn lead_to(&mut self, at: (Number, &[u8]), given: SmallVec<[Number; 1]>) {
        if let Some(above) = self.inodes.get_mut(&at.0) {
            above.names.expect(at.1);
        }
        for inode in given {
            let Some(held) = self.inodes.get_mut(&inode) else {
                continue;
            };
            held.add_name(at.0, at.1);
            if let Some(above) = self.inodes.get_mut(&at.0) {
                above.names.lead_to(at.1, inode);
            }
        }
    }

    pub(super) fn entry_changed(&mut self, jobs: &mut Vec<Job>, directory: Number, name: &[u8]) {
        self.remember(Key::Name(directory, name.to_vec()));
        let Some(held) = self.inodes.get(&directory) else {
            return;
        };
        if held.names.may_be_known(name) {
            jobs.push(Job::Entry {
                directory,
                name: name.to_vec(),
                child: held.names.only_child(name),
            });
        }
    }

    pub(super) fn inode_changed(&mut self, jobs: &mut Vec<Job>, id: Number, content: bool) {
        self.remember(Key::Inode(id));
        let Some(held) = self.inodes.get_mut(&id) else {
            return;
        };
        held.seen = Seen::No;
        let pages = content && held.pages;
        if !held.attributes && !pages {
            return;
        }
        let mut settling = SmallVec::new();
        if std::mem::take(&mut held.settling) {
            settling.extend(held.under.iter().map(|(directory, _)| *directory));
            settling.sort_unstable();
            settling.dedup();
        }
        held.attributes = false;
        jobs.push(Job::Inode {
            id,
            pages,
            settling,
        });
    }
}
