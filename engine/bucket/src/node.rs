//! Inodes that somebody holds, and where their records are.
//!
//! An inode with one name lies in its directory entry, so its place changes when it is renamed. No
//! back pointers are stored: whoever works with an inode by its number holds a [`Node`], and what
//! moves the inode tells the node. While a move is on its way the node knows both places; a look at
//! both in one turn at the tree finds the inode in exactly one of them, or in none if it is gone.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use engine_format::{InodeId, InodeKind};
use parking_lot::Mutex;

use crate::reader::ReaderState;

/// Where an inode's record may be.
#[derive(Clone)]
pub(crate) enum Place {
    /// In a record of its own.
    Own,
    /// In an entry.
    Entry {
        /// The directory's node, where the inode is a directory too.
        parent: Option<Node>,
        /// The directory.
        directory: InodeId,
        /// The name as in the key: that of a directory ends with `/`.
        name: Vec<u8>,
    },
}

impl Place {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Own, Self::Own) => true,
            (
                Self::Entry {
                    directory: a,
                    name: b,
                    ..
                },
                Self::Entry {
                    directory: c,
                    name: d,
                    ..
                },
            ) => (a, b) == (c, d),
            _ => false,
        }
    }
}

/// A handle to an inode: what a mount holds while its kernel knows the number. Clones are the same
/// handle.
#[derive(Clone)]
pub struct Node(pub(crate) Arc<NodeState>);

pub(crate) struct NodeState {
    pub(crate) id: InodeId,
    pub(crate) kind: InodeKind,
    places: Mutex<Vec<Place>>,
    /// Open files: as long as there are any, the inode outlives its last name. Changed under the
    /// inode's lock.
    pub(crate) opens: AtomicU32,
    pub(crate) readers: Mutex<Vec<Weak<ReaderState>>>,
    table: Weak<NodeTable>,
}

/// The nodes of a bucket, by number.
#[derive(Default)]
pub(crate) struct NodeTable {
    nodes: Mutex<HashMap<InodeId, Weak<NodeState>>>,
}

impl Node {
    /// The number: never used again in this bucket.
    #[must_use]
    pub fn id(&self) -> InodeId {
        self.0.id
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> InodeKind {
        self.0.kind
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        self.0.places.lock().clone()
    }

    pub(crate) fn set_places(&self, places: Vec<Place>) {
        let before = std::mem::replace(&mut *self.0.places.lock(), places);
        // Letting go of a parent may take its own lock.
        drop(before);
    }

    /// A move begins: the inode is where it was, or there.
    pub(crate) fn may_be_at(&self, place: Place) {
        self.0.places.lock().push(place);
    }

    /// The inode was seen there: a node that was made too late for a move learns of it.
    pub(crate) fn seen_at(&self, place: Place) {
        let mut places = self.0.places.lock();
        if !places.iter().any(|known| known.is_same(&place)) {
            places.push(place);
        }
    }

    pub(crate) fn opens(&self) -> u32 {
        self.0.opens.load(Ordering::Acquire)
    }

    /// Readers that want the content as it is.
    pub(crate) fn readers(&self) -> Vec<Arc<ReaderState>> {
        let mut readers = self.0.readers.lock();
        readers.retain(|reader| reader.strong_count() > 0);
        readers.iter().filter_map(Weak::upgrade).collect()
    }
}

impl NodeTable {
    /// The node of `id`; made with `place` if nobody holds one.
    pub(crate) fn intern(self: &Arc<Self>, id: InodeId, kind: InodeKind, place: Place) -> Node {
        let mut nodes = self.nodes.lock();
        if let Some(known) = nodes.get(&id).and_then(Weak::upgrade) {
            drop(nodes);
            return Node(known);
        }
        let state = Arc::new(NodeState {
            id,
            kind,
            places: Mutex::new(vec![place]),
            opens: AtomicU32::new(0),
            readers: Mutex::new(Vec::new()),
            table: Arc::downgrade(self),
        });
        nodes.insert(id, Arc::downgrade(&state));
        Node(state)
    }

    /// The node of `id`, if somebody holds one.
    pub(crate) fn get(&self, id: InodeId) -> Option<Node> {
        let found = self.nodes.lock().get(&id).and_then(Weak::upgrade);
        found.map(Node)
    }
}

impl Drop for NodeState {
    fn drop(&mut self) {
        let Some(table) = self.table.upgrade() else {
            return;
        };
        let mut nodes = table.nodes.lock();
        // It may have been made anew meanwhile.
        if nodes
            .get(&self.id)
            .is_some_and(|weak| weak.strong_count() == 0)
        {
            nodes.remove(&self.id);
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", self.0.id.get())
    }
}
