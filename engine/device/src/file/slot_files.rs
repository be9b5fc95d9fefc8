//! The open files of slots, bounded in number.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use engine_base::Slot;
use parking_lot::RwLock;

use super::open_file::OpenFile;

/// Open files kept: far below the usual limit of 20,000 descriptors of a process, with room for
/// many devices and connections.
const OPEN_FILES_MAX: usize = 512;

/// A cache of open files. A hit takes a shared lock only.
#[derive(Default)]
pub(super) struct SlotFiles {
    open: RwLock<HashMap<u32, Arc<OpenFile>>>,
}

impl SlotFiles {
    /// The open file of `slot`, opened with `open` if it is not.
    pub(super) fn get(
        &self,
        slot: Slot,
        open: impl FnOnce() -> io::Result<OpenFile>,
    ) -> io::Result<Arc<OpenFile>> {
        if let Some(file) = self.open.read().get(&slot.get()) {
            file.mark_used();
            return Ok(Arc::clone(file));
        }
        // The lock is not held over the system call: two threads may both open, one wins.
        let opened = Arc::new(open()?);
        let mut open = self.open.write();
        if let Some(first) = open.get(&slot.get()) {
            return Ok(Arc::clone(first));
        }
        insert(&mut open, slot, Arc::clone(&opened));
        Ok(opened)
    }

    /// Keeps the file of a slot that was created just now, instead of one that a reader may have
    /// opened while its predecessor was being deleted.
    pub(super) fn replace(&self, slot: Slot, file: OpenFile) {
        let mut open = self.open.write();
        open.remove(&slot.get());
        insert(&mut open, slot, Arc::new(file));
    }

    /// Forgets the file of `slot`. Who still reads it goes on.
    pub(super) fn remove(&self, slot: Slot) {
        self.open.write().remove(&slot.get());
    }
}

fn insert(open: &mut HashMap<u32, Arc<OpenFile>>, slot: Slot, file: Arc<OpenFile>) {
    if open.len() >= OPEN_FILES_MAX {
        evict(open);
    }
    open.insert(slot.get(), file);
}

/// Closes one file that is not in use and has nothing unsynced, if there is one: the least recently
/// used half is enough (clock algorithm), and unsynced files are few, because unsynced bytes are
/// capped.
fn evict(open: &mut HashMap<u32, Arc<OpenFile>>) {
    let idle = |file: &Arc<OpenFile>| Arc::strong_count(file) == 1 && !file.is_dirty();
    let unused = open
        .iter()
        .find(|(_, file)| idle(file) && !file.take_used());
    // The first pass took all marks when it found nothing.
    let victim = unused.or_else(|| open.iter().find(|(_, file)| idle(file)));
    if let Some(slot) = victim.map(|(slot, _)| *slot) {
        open.remove(&slot);
    }
}

#[cfg(test)]
mod tests;
