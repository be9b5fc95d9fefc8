//! What the kernel holds of snapshots.

use std::collections::{BTreeMap, HashMap};

use engine_base::DatasetId;
use engine_bucket::{Bucket, InodeId, Node};
use parking_lot::Mutex;

/// Bits of a number that are the inode's.
const INODE_BITS: u32 = 44;
/// States that have numbers: those of the kernel have 63 bits, as some tools read them signed.
const PLACES: u64 = 1 << (63 - INODE_BITS);
/// Places that are tried for a snapshot.
const TRIES: u64 = 64;

/// A number that the kernel was given of something of the past.
pub(super) struct Number;

impl Number {
    /// The directory of snapshots.
    pub(super) const SNAPSHOTS: u64 = (PLACES - 1) << INODE_BITS | 1;

    pub(super) const fn is_past(number: u64) -> bool {
        Self::place(number) != 0
    }

    /// Which state of the bucket it is about.
    pub(super) const fn place(number: u64) -> u64 {
        number >> INODE_BITS
    }

    /// The number of an inode in a state; `None`: it is too large.
    pub(super) fn of(place: u64, inode: InodeId) -> Option<u64> {
        let inode = inode.get();
        (inode >> INODE_BITS == 0).then_some(place << INODE_BITS | inode)
    }
}

/// An inode that the kernel holds.
struct Held {
    node: Node,
    lookups: u64,
    /// The directory that it was found in.
    above: u64,
}

/// A snapshot that has a number.
struct State {
    id: DatasetId,
    bucket: Option<Bucket>,
    /// By the whole number.
    held: HashMap<u64, Held>,
}

impl State {
    fn give(&mut self, number: u64, above: u64, node: &Node) {
        let new = || Held {
            node: node.clone(),
            lookups: 0,
            above,
        };
        self.held.entry(number).or_insert_with(new).lookups += 1;
    }
}

type States = BTreeMap<u64, State>;

/// What is known of a number.
pub(super) struct Known {
    pub(super) bucket: Bucket,
    pub(super) node: Node,
    pub(super) above: u64,
}

/// The snapshots of a mounted bucket that the kernel knows.
#[derive(Default)]
pub(crate) struct Past {
    states: Mutex<States>,
}

impl Past {
    /// The number of a snapshot's state; `None`: too many are in use.
    pub(super) fn place_of(&self, id: DatasetId) -> Option<u64> {
        Self::place_in(&mut self.states.lock(), id)
    }

    fn place_in(states: &mut States, id: DatasetId) -> Option<u64> {
        // Not 0, which is the bucket as it is, and not the directory of snapshots.
        let place = |index: u64| 1 + (id.get() + index) % (PLACES - 2);
        let places = || (0..TRIES).map(place);
        let is_its = |place: &u64| states.get(place).is_some_and(|state| state.id == id);
        if let Some(known) = places().find(is_its) {
            return Some(known);
        }
        let is_free = |place: &u64| states.get(place).is_none_or(|state| state.held.is_empty());
        let free = places().find(is_free)?;
        let state = State {
            id,
            bucket: None,
            held: HashMap::new(),
        };
        states.insert(free, state);
        Some(free)
    }

    /// Notes that the kernel is given the root of a snapshot; its number, `None`: there is none.
    pub(super) fn enter(&self, bucket: &Bucket, root: &Node) -> Option<u64> {
        let mut states = self.states.lock();
        let place = Self::place_in(&mut states, bucket.id())?;
        let number = Number::of(place, root.id())?;
        let state = states.get_mut(&place)?;
        state.bucket.get_or_insert_with(|| bucket.clone());
        state.give(number, Number::SNAPSHOTS, root);
        Some(number)
    }

    /// Notes that the kernel is given an inode, found in the directory `above`, which it holds; its
    /// number, `None`: there is none.
    pub(super) fn give(&self, above: u64, node: &Node) -> Option<u64> {
        let place = Number::place(above);
        let number = Number::of(place, node.id())?;
        self.states
            .lock()
            .get_mut(&place)?
            .give(number, above, node);
        Some(number)
    }

    pub(super) fn known(&self, number: u64) -> Option<Known> {
        let states = self.states.lock();
        let state = states.get(&Number::place(number))?;
        let held = state.held.get(&number)?;
        Some(Known {
            bucket: state.bucket.clone()?,
            node: held.node.clone(),
            above: held.above,
        })
    }

    /// The kernel forgets that it was given an inode so often.
    pub(crate) fn forget(&self, number: u64, lookups: u64) {
        let gone = {
            let mut states = self.states.lock();
            let Some(state) = states.get_mut(&Number::place(number)) else {
                return;
            };
            let Some(held) = state.held.get_mut(&number) else {
                return;
            };
            held.lookups = held.lookups.saturating_sub(lookups);
            if held.lookups > 0 {
                return;
            }
            let gone = state.held.remove(&number);
            // A deleted snapshot is let go of with the last of what the kernel held.
            let bucket = state.held.is_empty().then(|| state.bucket.take());
            (gone, bucket)
        };
        // What it was may tell the engine so: behind the lock.
        drop(gone);
    }
}

#[cfg(test)]
mod tests;
