//! One mounted bucket: what all requests share. What they do is in the modules by topic, each as
//! methods that return what to answer; [`crate::dispatch`] answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Bucket, BucketError, InodeKind, Node, OpenFile};
use engine_pool::block_on;
use fuser::{Errno, FileAttr, FileHandle, INodeNo, Request};

use crate::errno::errno;
use crate::handles::Handles;
use crate::held::{Fresh, Table, Ticket};
use crate::metrics::{Kind, Metrics};
use crate::notify::answers_kernel;
use crate::past::{Past, is_past};
use crate::queue::Queue;

pub(crate) type Answer<T> = Result<T, Errno>;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl From<&Request> for Caller {
    fn from(request: &Request) -> Self {
        Self {
            uid: request.uid(),
            gid: request.gid(),
        }
    }
}

/// An inode that the kernel is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) attr: FileAttr,
    pub(crate) fresh: Fresh,
    /// It stays for as long as the kernel holds it.
    pub(crate) is_kept: bool,
}

/// One mounted bucket.
pub(crate) struct Door {
    pub(crate) bucket: Bucket,
    pub(crate) table: Arc<Table>,
    pub(crate) handles: Handles,
    pub(crate) queue: Arc<Queue>,
    pub(crate) metrics: Arc<Metrics>,
    /// The kernel keeps the lengths of files, and holds writes back.
    pub(crate) write_back: bool,
    pub(crate) ended: Arc<Ended>,
    pub(crate) past: Past,
}

/// A mounted bucket whose session ends with the last of those that answer the kernel.
pub(crate) struct Ending(pub(crate) Door);

impl std::ops::Deref for Ending {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.0
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Whether the session is over.
#[derive(Default)]
pub(crate) struct Ended {
    is_over: parking_lot::Mutex<bool>,
    wake: parking_lot::Condvar,
    is_cut_off: AtomicBool,
}

impl Ended {
    /// Everything is refused from now on.
    pub(crate) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::Release);
    }

    pub(crate) fn set(&self) {
        *self.is_over.lock() = true;
        self.wake.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.is_over.lock()
    }

    /// Waits up to `grace`; whether it is over.
    pub(crate) fn wait(&self, grace: std::time::Duration) -> bool {
        let mut is_over = self.is_over.lock();
        let waited = |is_over: &mut bool| !*is_over;
        self.wake.wait_while_for(&mut is_over, waited, grace);
        *is_over
    }
}

/// Waits for the engine on this thread, which has nothing else to do.
pub(crate) fn run<T>(future: impl Future<Output = Result<T, BucketError>>) -> Answer<T> {
    block_on(future).map_err(|error| errno(&error))
}

/// Likewise for an operation on an inode that the kernel found by a name. If it is gone, the name
/// may lead to another one, which came in its place meanwhile: the kernel looks again when it is
/// told so, and finds that one or nothing.
pub(crate) fn run_on<T>(future: impl Future<Output = Result<T, BucketError>>) -> Answer<T> {
    block_on(future).map_err(|error| match error {
        BucketError::NotFound { what: "file" } => Errno::ESTALE,
        error => errno(&error),
    })
}

impl Door {
    /// Counts a request; changes made elsewhere are remembered for it until the ticket is dropped.
    pub(crate) fn start(&self, kind: Kind) -> Ticket<'_> {
        self.count(kind);
        self.table.begin()
    }

    /// Counts a request that gives nothing to keep.
    pub(crate) fn count(&self, kind: Kind) {
        answers_kernel();
        self.metrics.started(kind);
    }

    /// The node of a number that the kernel was given of the bucket as it is. What would change
    /// something in a snapshot is refused by this.
    pub(crate) fn node(&self, ino: INodeNo) -> Answer<Node> {
        self.check()?;
        if is_past(ino) {
            return Err(Errno::EROFS);
        }
        self.table.node(ino.0).ok_or(Errno::ESTALE)
    }

    /// An open file.
    pub(crate) fn file(&self, handle: FileHandle) -> Answer<Arc<OpenFile>> {
        self.check()?;
        self.handles.file(handle)
    }

    /// Whether anything is answered at all.
    pub(crate) fn check(&self) -> Answer<()> {
        if self.ended.is_cut_off.load(Ordering::Acquire) {
            return Err(Errno::ENOTCONN);
        }
        Ok(())
    }

    pub(crate) fn directory(&self, ino: INodeNo) -> Answer<Node> {
        let node = self.node(ino)?;
        if node.kind() == InodeKind::Directory {
            return Ok(node);
        }
        Err(Errno::ENOTDIR)
    }

    /// After the last request: closes what the kernel left open.
    fn end(&self) {
        answers_kernel();
        for file in self.handles.take_files() {
            Self::close_file(file);
        }
        self.unpin_all();
        if let Err(error) = block_on(self.bucket.sync()) {
            tracing::error!(%error, "what was written through a mount could not be synced");
        }
        self.queue.close();
        self.ended.set();
    }
}
