//! Open files and directories, by the numbers that the kernel gives back.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_bucket::{DirectoryStream, OpenFile};
use fuser::{Errno, FileHandle};
use parking_lot::{Mutex, RwLock};

/// A directory that is being read.
pub(crate) type Listing = Arc<Mutex<DirectoryStream>>;

#[derive(Default)]
pub(crate) struct Handles {
    next: AtomicU64,
    files: RwLock<HashMap<u64, Arc<OpenFile>>>,
    listings: RwLock<HashMap<u64, Listing>>,
}

impl Handles {
    pub(crate) fn add_file(&self, file: OpenFile) -> FileHandle {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.files.write().insert(number, Arc::new(file));
        FileHandle(number)
    }

    pub(crate) fn file(&self, handle: FileHandle) -> Result<Arc<OpenFile>, Errno> {
        let found = self.files.read().get(&handle.0).cloned();
        found.ok_or(Errno::EBADF)
    }

    pub(crate) fn remove_file(&self, handle: FileHandle) -> Option<Arc<OpenFile>> {
        self.files.write().remove(&handle.0)
    }

    pub(crate) fn add_listing(&self, stream: DirectoryStream) -> FileHandle {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let listing = Arc::new(Mutex::new(stream));
        self.listings.write().insert(number, listing);
        FileHandle(number)
    }

    pub(crate) fn listing(&self, handle: FileHandle) -> Result<Listing, Errno> {
        let found = self.listings.read().get(&handle.0).cloned();
        found.ok_or(Errno::EBADF)
    }

    pub(crate) fn remove_listing(&self, handle: FileHandle) {
        self.listings.write().remove(&handle.0);
    }

    /// Takes all files, after the last request.
    pub(crate) fn take_files(&self) -> Vec<Arc<OpenFile>> {
        self.files.write().drain().map(|(_, file)| file).collect()
    }
}
