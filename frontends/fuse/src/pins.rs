//! Keeping the inodes that the kernel holds.
//!
//! Between finding a file by its name and opening it, or asking for its attributes, the kernel asks
//! twice. A file that is replaced in between must still be there, or a name that leads somewhere
//! all the time would seem to lead nowhere. So every inode that the kernel was given by a name is
//! open for as long as it holds it. Directories are not: they are replaced only when empty.

use engine_bucket::{BucketError, InodeKind, Node, OpenFile};
use engine_pool::block_on;
use fuser::INodeNo;

use crate::door::Door;
use crate::held::Number;
use crate::notify::answers_kernel;
use crate::past::is_past;

impl Door {
    /// Keeps an inode that the kernel is about to be given; `false`: it is gone.
    pub(crate) fn pin(&self, node: &Node) -> bool {
        let id = node.id().get();
        if node.kind() == InodeKind::Directory || self.table.is_pinned(id) {
            return true;
        }
        match block_on(self.bucket.open(node)) {
            Ok(file) => {
                if let Some(surplus) = self.table.pin(id, file) {
                    close(surplus);
                }
                true
            }
            Err(BucketError::NotFound { what: "file" }) => false,
            // Whatever is done with it says what is wrong.
            Err(_) => true,
        }
    }

    /// The kernel is about to remove a name. Nobody finds the file by it any more then, so it goes
    /// at once instead of in a step of its own: unless it is open, which of files alone is known.
    pub(crate) fn unpin(&self, at: INodeNo, name: &[u8]) {
        if let Some(pin) = self.table.unpin(at.0, name) {
            close(pin);
        }
    }

    /// The kernel forgets an inode.
    pub(crate) fn forget_inode(&self, id: Number, lookups: u64) {
        answers_kernel();
        if is_past(INodeNo(id)) {
            return self.past.forget(id, lookups);
        }
        if let Some(pin) = self.table.forget(id, lookups) {
            close(pin);
        }
    }

    /// The kernel is gone.
    pub(crate) fn unpin_all(&self) {
        self.table.take_pins().into_iter().for_each(close);
    }
}

/// Ends an open file.
pub(crate) fn close(file: OpenFile) {
    if let Err(error) = block_on(file.close()) {
        tracing::warn!(%error, "space of a removed file is given back later");
    }
}
