//! What follows a commit, whatever becomes of its caller: the positions of what changed, and word
//! to the observers.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
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

/// Done when an observer has carried out what it was told of.
pub type Settled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Is told of changes.
pub trait Observer: Send + Sync {
    /// A commit is readable. Called by the thread that committed, while it holds the locks of its
    /// operation: takes a note and never waits.
    fn changed(&self, changes: &[Changed]);

    /// Whether it keeps the length of a file itself, so that an append by key would not be seen.
    /// Asked under the lock of the file; may let go of it, so that the next question has another
    /// answer.
    fn holds(&self, _inode: InodeId) -> bool {
        false
    }

    /// What an operation waits for before it resolves, holding no lock and while the sync is on its
    /// way: that all that was noted before is carried out. `None`: there is nothing to wait for.
    fn settled(&self) -> Option<Settled> {
        None
    }

    /// Whether nobody needs it any more, although it is still there: the bucket may be deleted.
    fn is_over(&self) -> bool {
        false
    }
}

/// Declared before an operation takes its locks, so that it ends behind them.
pub(crate) struct Flight<'a> {
    bucket: &'a Bucket,
    marks: Vec<InodeId>,
    changes: Vec<Changed>,
    /// How many marks a commit was begun with; an operation may commit in steps.
    begun: usize,
    /// How many changes the observers know.
    told: usize,
    lsn: Option<Lsn>,
}

impl<'a> Flight<'a> {
    pub(crate) const fn new(bucket: &'a Bucket) -> Self {
        Self {
            bucket,
            marks: Vec::new(),
            changes: Vec::new(),
            begun: 0,
            told: 0,
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

    pub(crate) fn end(&mut self, lsn: Lsn) {
        self.lsn = Some(lsn);
        self.tell();
    }

    fn tell(&mut self) {
        let new = &self.changes[self.told..];
        if new.is_empty() {
            return;
        }
        for observer in self.bucket.shared.observers() {
            observer.changed(new);
        }
        self.told = self.changes.len();
    }

    /// Ends the operation as its caller wants it acknowledged. What observers were told is carried
    /// out before that, and while the sync is on its way: it is begun and not waited for alone. No
    /// locks are held any more.
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

impl Bucket {
    /// Whether an observer keeps the length of the file.
    pub(crate) fn check_held(&self, inode: InodeId) -> Result<(), BucketError> {
        let observers = self.shared.observers();
        if observers.iter().any(|observer| observer.holds(inode)) {
            return Err(BucketError::Held);
        }
        Ok(())
    }

    /// What all observers have still to carry out.
    pub(crate) fn unsettled(&self) -> Vec<Settled> {
        let observers: Vec<Arc<dyn Observer>> = self.shared.observers();
        let pending = observers.iter().filter_map(|observer| observer.settled());
        pending.collect()
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
        // A commit whose end was not waited for may be readable.
        self.tell();
    }
}
