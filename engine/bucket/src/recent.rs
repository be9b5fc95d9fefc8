//! Which inodes changed lately: so that who shows one waits for its own change to be durable, not
//! for everything in the pool.

use std::collections::HashMap;

use engine_base::Lsn;
use engine_format::InodeId;
use parking_lot::Mutex;

/// Inodes remembered; beyond that, older ones share one position.
const REMEMBERED_MAX: usize = 8192;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    changes: HashMap<InodeId, Changes>,
    /// At or above the last change of every inode that was forgotten before it was durable.
    floor: Lsn,
}

#[derive(Debug, Default)]
struct Changes {
    /// On their way: readable at any moment.
    pending: u32,
    last: Lsn,
}

impl Recent {
    pub(crate) fn begin(&self, inodes: &[InodeId]) {
        let mut state = self.state.lock();
        for inode in inodes {
            state.changes.entry(*inode).or_default().pending += 1;
        }
    }

    pub(crate) fn end(&self, inodes: &[InodeId], lsn: Lsn, durable: Lsn) {
        let mut state = self.state.lock();
        for inode in inodes {
            if let Some(changes) = state.changes.get_mut(inode) {
                changes.pending -= 1;
                changes.last = changes.last.max(lsn);
            }
        }
        if state.changes.len() > REMEMBERED_MAX {
            state.forget(durable);
        }
    }

    /// Up to where the log must be durable before what was seen of `inode` may be shown; `None`: it
    /// is being changed, and all that can be readable must be.
    pub(crate) fn last(&self, inode: InodeId) -> Option<Lsn> {
        let state = self.state.lock();
        match state.changes.get(&inode) {
            Some(changes) if changes.pending > 0 => None,
            Some(changes) => Some(changes.last),
            None => Some(state.floor),
        }
    }
}

impl State {
    fn forget(&mut self, durable: Lsn) {
        self.changes
            .retain(|_, changes| changes.pending > 0 || changes.last > durable);
        if self.changes.len() > REMEMBERED_MAX {
            let done = self.changes.values().filter(|changes| changes.pending == 0);
            let newest = done.map(|changes| changes.last).max();
            self.floor = self.floor.max(newest.unwrap_or(Lsn::ZERO));
            self.changes.retain(|_, changes| changes.pending > 0);
        }
    }
}
