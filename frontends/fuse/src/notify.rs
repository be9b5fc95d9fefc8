//! Telling the kernel what others changed.
//!
//! Threads of their own do it: the kernel may make them wait for locks that its callers hold while
//! they wait for an answer of the mount. The threads that answer never wait for these.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use engine_bucket::{Bucket, Changed, InodeId, InodeKind, Observer, Settled};
use engine_pool::block_on;
use fuser::{INodeNo, Notifier};

use crate::door::Ended;
use crate::held::{Job, Number, Table};
use crate::limits::NAME_BYTES_MAX;
use crate::metrics::{Metrics, add};
use crate::points::{Point, reach};
use crate::queue::Queue;

thread_local! {
    /// Whether this thread answers the kernel: what it changes the kernel knows.
    static ANSWERS: Cell<bool> = const { Cell::new(false) };
}

/// A name that no entry has: it is too long.
const NO_NAME: &[u8] = &[b'x'; NAME_BYTES_MAX + 1];

/// Marks the calling thread as one that answers the kernel.
pub(crate) fn answers_kernel() {
    ANSWERS.set(true);
}

/// What observes a bucket for one kernel.
pub(crate) struct Watch {
    /// The kernel keeps the lengths of files itself.
    pub(crate) write_back: bool,
    pub(crate) table: Arc<Table>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) ended: Arc<Ended>,
}

impl Watch {
    /// What the kernel has to forget of files whose length it keeps: those that it was given after
    /// [`Observer::holds`] was asked.
    fn lengths(&self, changes: &[Changed]) -> Vec<Job> {
        if !self.write_back {
            return Vec::new();
        }
        let names = changes.iter().filter_map(|change| match change {
            Changed::Content(id) => self.table.names_of(id.get()),
            Changed::Entry { .. } | Changed::Attributes(_) => None,
        });
        names.flatten().collect()
    }
}

impl Observer for Watch {
    fn changed(&self, changes: &[Changed]) {
        if !ANSWERS.get() {
            self.queue.push_with(|| {
                let mut jobs = self.table.changed(changes);
                jobs.extend(self.lengths(changes));
                jobs
            });
        }
    }

    fn holds(&self, inode: InodeId) -> bool {
        if !self.write_back || ANSWERS.get() {
            return false;
        }
        let Some(names) = self.table.names_of(inode.get()) else {
            return false;
        };
        // Without its names the kernel forgets a file that nobody has open.
        self.queue.push(names);
        true
    }

    fn settled(&self) -> Option<Settled> {
        // A thread that answers must not wait for those that notify.
        if ANSWERS.get() {
            return None;
        }
        let settle = self.queue.settled()?;
        Some(Box::pin(settle))
    }

    fn is_over(&self) -> bool {
        self.ended.is_set()
    }
}

/// What a notifying thread works with.
pub(crate) struct Teller {
    pub(crate) bucket: Bucket,
    pub(crate) table: Arc<Table>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) notifier: Notifier,
    pub(crate) metrics: Arc<Metrics>,
}

impl Teller {
    /// Carries out jobs until the kernel is gone.
    pub(crate) fn run(&self) {
        while let Some((number, job)) = self.queue.take() {
            self.tell(&job);
            self.queue.done(number);
        }
    }

    fn tell(&self, job: &Job) {
        match job {
            Job::Entry {
                directory,
                name,
                child,
            } => {
                reach(&Point::Telling, name);
                if self.is_same_directory(*directory, name, *child) {
                    self.inode(*child, false);
                } else {
                    self.entry(*directory, name);
                }
            }
            Job::Inode {
                id,
                pages,
                settling,
            } => {
                for directory in settling {
                    self.entry(*directory, NO_NAME);
                }
                self.inode(*id, *pages);
            }
        }
    }

    /// Whether a name still leads to the directory it led to: that entry stays, or it would not be
    /// a working directory any more. If it changes again, that is another job.
    fn is_same_directory(&self, directory: Number, name: &[u8], child: Number) -> bool {
        let known = self.table.node(child);
        if known.is_none_or(|node| node.kind() != InodeKind::Directory) {
            return false;
        }
        let Some(parent) = self.table.node(directory) else {
            return false;
        };
        let found = block_on(self.bucket.lookup(&parent, name));
        found.is_ok_and(|(node, _)| node.id().get() == child)
    }

    fn entry(&self, directory: Number, name: &[u8]) {
        add(&self.metrics.notifications, 1);
        let name = OsStr::from_bytes(name);
        let told = self.notifier.inval_entry(INodeNo(directory), name);
        said(told);
    }

    fn inode(&self, id: Number, pages: bool) {
        add(&self.metrics.notifications, 1);
        // A negative offset: attributes only.
        let offset = if pages { 0 } else { -1 };
        let told = self.notifier.inval_inode(INodeNo(id), offset, 0);
        said(told);
    }
}

/// The kernel refuses what it does not hold, and anything once it is gone: both are as good.
fn said(told: std::io::Result<()>) {
    if let Err(error) = told {
        tracing::debug!(%error, "the kernel holds nothing of what changed");
    }
}
