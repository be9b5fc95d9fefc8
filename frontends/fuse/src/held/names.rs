//! The names of one directory that the kernel may know.
//!
//! Of several answers about one name the kernel may take in the older one last, so each inode that
//! it was given by the name and has not forgotten counts, not only the last one.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Number;
use crate::limits::ABSENT_NAMES_MAX;

/// What the kernel was told of a name.
#[derive(Debug, Default)]
struct Known {
    /// Where it was last said to lead; 0: nowhere, or nothing was said yet.
    child: Number,
    /// Inodes that were given by it and are not forgotten.
    given: SmallVec<[Number; 1]>,
}

/// Names and where they were said to lead. The kernel tells when it forgets an inode, and with it
/// go the names that lead there. It does not tell when it forgets that a name leads nowhere, so
/// beyond a bound those are not told apart.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<Box<[u8]>, Known>,
    /// How many of them no inode was given by.
    absent: usize,
    /// Any name may be known.
    any: bool,
}

impl Names {
    /// The kernel may soon know `name`.
    pub(super) fn expect(&mut self, name: &[u8]) {
        if !self.any && !self.known.contains_key(name) {
            self.add_absent(name);
        }
    }

    /// The kernel is told that `name` leads nowhere.
    pub(super) fn lead_nowhere(&mut self, name: &[u8]) {
        self.expect(name);
        if let Some(known) = self.known.get_mut(name) {
            known.child = 0;
        }
    }

    /// The kernel is given `child` by `name`.
    pub(super) fn lead_to(&mut self, name: &[u8], child: Number) {
        let Some(known) = self.known.get_mut(name) else {
            let given = SmallVec::from_slice(&[child]);
            self.known.insert(name.into(), Known { child, given });
            return;
        };
        if known.given.is_empty() {
            self.absent -= 1;
        }
        known.child = child;
        if !known.given.contains(&child) {
            known.given.push(child);
        }
    }

    fn add_absent(&mut self, name: &[u8]) {
        if self.absent < ABSENT_NAMES_MAX {
            self.absent += 1;
            self.known.insert(name.into(), Known::default());
            return;
        }
        self.any = true;
        self.absent = 0;
        self.known.retain(|_, known| !known.given.is_empty());
    }

    /// The kernel forgot an inode that was given by `name`.
    pub(super) fn forget(&mut self, name: &[u8], child: Number) {
        let Some(known) = self.known.get_mut(name) else {
            return;
        };
        let Some(place) = known.given.iter().position(|given| *given == child) else {
            return;
        };
        known.given.swap_remove(place);
        if !known.given.is_empty() {
            return;
        }
        // It may know that the name leads nowhere.
        let is_absent = known.child == 0;
        self.known.remove(name);
        if is_absent {
            self.expect(name);
        }
    }

    /// The kernel does not know the name any more: inodes that were given by it, the last one
    /// last.
    pub(super) fn take(&mut self, name: &[u8]) -> SmallVec<[Number; 1]> {
        let Some(known) = self.known.remove(name) else {
            return SmallVec::new();
        };
        if known.given.is_empty() {
            self.absent -= 1;
        }
        let Known { child, mut given } = known;
        given.sort_unstable_by_key(|inode| *inode == child);
        given
    }

    pub(super) fn may_be_known(&self, name: &[u8]) -> bool {
        self.any || self.known.contains_key(name)
    }

    /// Where the name was last said to lead; 0: nowhere, or nothing was said.
    pub(super) fn child(&self, name: &[u8]) -> Number {
        self.known.get(name).map_or(0, |known| known.child)
    }

    /// Where the name leads for the kernel if it leads anywhere; 0: that is not certain.
    pub(super) fn only_child(&self, name: &[u8]) -> Number {
        let known = self.known.get(name);
        known.map_or(0, |known| match known.given[..] {
            [only] if only == known.child => only,
            _ => 0,
        })
    }
}
