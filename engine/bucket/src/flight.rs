//! What follows a commit, whatever becomes of its caller: the positions of what changed, and word
//! to the observers.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use engine_base::Lsn;
use engine_device::without_blocking;
use engine_format::InodeId;

use crate::{Ack, Bucket, BucketError};

/// What a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The name leads elsewhere, or nowhere.
    Entry {
        /// The directory.
        directory: InodeId,
        /// The name, without the `/` of directories.
        name: Vec<u8>,
    },
    /// Attributes of an inode, not its content.
    Attributes(InodeId),
    /// Content and attributes of an inode.
    Content(InodeId),
}

/// Is told of changes.
pub trait Observer: Send + Sync {
    /// A commit is readable. Called without any lock of the engine, by the thread that committed,
    /// before the operation is acknowledged; where that waits for a sync, while it is on its way.
    fn changed(&self, changes: &[Changed]);
}

/// Declared before an operation takes its locks, so that it ends behind them.
pub(crate) struct Flight<'a> {
    bucket: &'a Bucket,
    marks: Vec<InodeId>,
    changes: Vec<Changed>,
    /// How many marks a commit was begun with; an operation may commit in steps.
    begun: usize,
    lsn: Option<Lsn>,
}

impl<'a> Flight<'a> {
    pub(crate) const fn new(bucket: &'a Bucket) -> Self {
        Self {
            bucket,
            marks: Vec::new(),
            changes: Vec::new(),
            begun: 0,
            lsn: None,
        }
    }

    pub(crate) fn entry(&mut self, directory: InodeId, name: &[u8]) {
        let name = name.strip_suffix(b"/").unwrap_or(name).to_vec();
        self.marks.push(directory);
        self.changes.push(Changed::Entry { directory, name });
    }

    pub(crate) fn attributes(&mut self, inode: InodeId) {
        self.marks.push(inode);
        self.changes.push(Changed::Attributes(inode));
    }

    pub(crate) fn content(&mut self, inode: InodeId) {
        self.marks.push(inode);
        self.changes.push(Changed::Content(inode));
    }

    pub(crate) fn begin(&mut self) {
        let new = &self.marks[self.begun..];
        self.bucket.shared.recent.begin(new);
        self.begun = self.marks.len();
        // The position of a step before says nothing of this one.
        self.lsn = None;
    }

    pub(crate) const fn end(&mut self, lsn: Lsn) {
        self.lsn = Some(lsn);
    }

    /// Ends the operation as its caller wants it acknowledged. Observers are told before that, and
    /// while the sync is on its way: it begins first. No locks are held any more.
    pub(crate) async fn acknowledge(self, lsn: Lsn, ack: Ack) -> Result<(), BucketError> {
        let bucket = self.bucket;
        let mut acknowledged = pin!(bucket.acknowledge(lsn, ack));
        if bucket.shared.observers().is_empty() {
            drop(self);
            return acknowledged.await;
        }
        let mut flight = Some(self);
        poll_fn(move |context| {
            if flight.is_none() {
                return acknowledged.as_mut().poll(context);
            }
            // This thread has something else to do.
            let begun = without_blocking(|| acknowledged.as_mut().poll(context));
            flight = None;
            begun
        })
        .await
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let begun = &self.marks[..self.begun];
        if begun.is_empty() {
            return;
        }
        let pool = &self.bucket.pool;
        let lsn = self.lsn.unwrap_or_else(|| pool.applied_lsn());
        let recent = &self.bucket.shared.recent;
        recent.end(begun, lsn, pool.durable_lsn());
        let observers: Vec<Arc<dyn Observer>> = self.bucket.shared.observers();
        for observer in observers {
            observer.changed(&self.changes);
        }
    }
}
