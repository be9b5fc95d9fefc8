//! An open file and what is known about its unsynced bytes.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file that stays open as long as anybody (a transfer, the ring, a cache) refers to it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    /// Whether bytes were written since the last sync. Such a file must not be closed: a write-back
    /// error is reported to descriptors that were open when it happened, and could be lost with
    /// them.
    dirty: AtomicBool,
    /// Whether it was used since the cache last looked for a victim.
    used: AtomicBool,
}

impl OpenFile {
    pub(crate) const fn new(file: File) -> Self {
        Self {
            file,
            dirty: AtomicBool::new(false),
            used: AtomicBool::new(true),
        }
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    /// To be called before a write, while holding a reference that outlives it, and again after it:
    /// a sync that ran in between did not cover the bytes.
    pub(super) fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Release);
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.dirty.load(Ordering::Acquire)
    }

    /// Makes the file's data durable. A failure leaves it marked dirty, for ever.
    pub(super) fn sync_data(&self) -> io::Result<()> {
        self.dirty.store(false, Ordering::Release);
        self.file.sync_data().inspect_err(|_| self.mark_dirty())
    }

    pub(super) fn mark_used(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether it was used since the last call.
    pub(super) fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}
