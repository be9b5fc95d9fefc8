//! What keeps the inodes that the kernel holds: see [`crate::pins`].

use engine_bucket::{InodeKind, OpenFile};

use super::{Number, Table};

impl Table {
    pub(crate) fn is_pinned(&self, id: Number) -> bool {
        let state = self.state.lock();
        state.inodes.get(&id).is_some_and(|held| held.pin.is_some())
    }

    /// Keeps `file` while the kernel holds it; gives it back if that is so already.
    pub(crate) fn pin(&self, id: Number, file: OpenFile) -> Option<OpenFile> {
        let mut state = self.state.lock();
        match state.inodes.get_mut(&id) {
            Some(held) if held.pin.is_none() => {
                held.pin = Some(file);
                None
            }
            _ => Some(file),
        }
    }

    /// What keeps the file that a name leads to, if it has no other name here. Who has a pipe, a
    /// device or a symbolic link open has it by the kernel alone: that is kept until the kernel
    /// forgets it.
    pub(crate) fn unpin(&self, directory: Number, name: &[u8]) -> Option<OpenFile> {
        let mut state = self.state.lock();
        let child = state.inodes.get(&directory)?.names.child(name);
        let held = state.inodes.get_mut(&child)?;
        if held.under.len() > 1 || held.node.kind() != InodeKind::File {
            return None;
        }
        held.pin.take()
    }

    pub(crate) fn take_pins(&self) -> Vec<OpenFile> {
        let mut state = self.state.lock();
        let inodes = state.inodes.values_mut();
        inodes.filter_map(|held| held.pin.take()).collect()
    }
}
