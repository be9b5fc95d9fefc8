//! The names of one directory that the kernel may know.

use std::collections::HashMap;

use super::Number;
use crate::limits::ABSENT_NAMES_MAX;

/// Names and the inodes they were last said to lead to; 0: nowhere, or nothing was said yet. The
/// kernel tells when it forgets an inode, and with it go the names that lead there. It does not
/// tell when it forgets that a name leads nowhere, so beyond a bound those are not told apart.
#[derive(Debug, Default)]
pub(super) struct Names {
    children: HashMap<Box<[u8]>, Number>,
    /// How many of them lead nowhere.
    absent: usize,
    /// Any name may be known.
    any: bool,
}

impl Names {
    /// The kernel may soon know `name`.
    pub(super) fn expect(&mut self, name: &[u8]) {
        if !self.any && !self.children.contains_key(name) {
            self.add_absent(name);
        }
    }

    /// The kernel is told where `name` leads.
    pub(super) fn lead_to(&mut self, name: &[u8], child: Number) {
        let known = self.children.get(name).copied();
        if known == Some(child) {
            return;
        }
        if known == Some(0) {
            self.absent -= 1;
        }
        if child > 0 {
            self.children.insert(name.into(), child);
        } else {
            self.children.remove(name);
            if !self.any {
                self.add_absent(name);
            }
        }
    }

    fn add_absent(&mut self, name: &[u8]) {
        if self.absent < ABSENT_NAMES_MAX {
            self.absent += 1;
            self.children.insert(name.into(), 0);
            return;
        }
        self.any = true;
        self.absent = 0;
        self.children.retain(|_, child| *child > 0);
    }

    /// The kernel forgot an inode that `name` led to.
    pub(super) fn forget(&mut self, name: &[u8], child: Number) {
        if self.children.get(name) == Some(&child) {
            self.children.remove(name);
        }
    }

    pub(super) fn may_be_known(&self, name: &[u8]) -> bool {
        self.any || self.children.contains_key(name)
    }

    /// What the name was last said to lead to; 0: nothing.
    pub(super) fn child(&self, name: &[u8]) -> Number {
        self.children.get(name).copied().unwrap_or(0)
    }
}
