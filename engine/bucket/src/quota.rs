//! Quotas: what a directory and all below it may take.
//!
//! A quota makes its directory a project. Inodes carry the number of their project: they get it
//! from the directory that they are made in, so a directory below another one's quota counts for
//! the nearest only. What a batch adds is the difference of what the records that it changes count
//! before and after it, and is merged into the usage of the project at apply: the usage is the sum
//! over the tree at every moment, and exact after a crash.
//!
//! A limit is never passed: who adds something claims it first, and the claims of those who are on
//! their way count as used until what they add does. For the moment in which both count, nobody is
//! refused: who would be waits until those who are on their way are through, and looks again.

mod begin;
mod charge;
mod reassign;
mod room;
mod set;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_format::{BucketKey, Inode, InodeId, InodeKind, Quota, Usage};
use engine_pool::LockMode;
use parking_lot::{Mutex, RwLock};

use crate::bucket::LockKey;
use crate::look::value;
use crate::{Bucket, BucketError};

pub(crate) use charge::{Claimed, Counts};
pub(crate) use room::Destination;
pub use room::Space;
pub use set::{QuotaInfo, QuotaLimits};

/// The projects of a bucket.
#[derive(Default)]
pub(crate) struct Projects {
    any: AtomicBool,
    known: RwLock<HashMap<InodeId, Arc<Project>>>,
}

/// A project in memory.
pub(crate) struct Project {
    id: InodeId,
    directory: InodeId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: Option<u64>,
    inodes: Option<u64>,
    /// What is claimed and does not count as used yet.
    claimed: Usage,
}

/// What somebody is about to add to a project. Dropping it lets go of it.
pub(crate) struct Claim {
    project: Arc<Project>,
    amount: Mutex<Usage>,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claim({:?})", self.amount.lock())
    }
}

impl Projects {
    /// Whether anything is counted at all.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    fn get(&self, id: InodeId) -> Option<Arc<Project>> {
        self.known.read().get(&id).cloned()
    }

    fn put(&self, id: InodeId, quota: &Quota) {
        let mut known = self.known.write();
        let project = known.entry(id).or_insert_with(|| {
            Arc::new(Project {
                id,
                directory: quota.directory,
                state: Mutex::default(),
            })
        });
        let mut state = project.state.lock();
        (state.bytes, state.inodes) = (quota.bytes, quota.inodes);
        drop(state);
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn forget(&self, id: InodeId) {
        let mut known = self.known.write();
        known.remove(&id);
        self.any.store(!known.is_empty(), Ordering::Release);
    }
}

impl State {
    /// Which limit `all` passes, where `more` of it is new.
    fn check(&self, all: Usage, more: Usage) -> Result<(), BucketError> {
        let limits = [
            ("bytes", self.bytes, all.bytes, more.bytes),
            ("inodes", self.inodes, all.inodes, more.inodes),
        ];
        for (what, max, all, more) in limits {
            if let Some(max) = max.filter(|max| more > 0 && all > *max) {
                return Err(BucketError::Quota { what, max });
            }
        }
        Ok(())
    }
}

impl Claim {
    fn new(project: &Arc<Project>, amount: Usage) -> Self {
        Self {
            project: Arc::clone(project),
            amount: Mutex::new(amount),
        }
    }

    /// Takes up to `most` over.
    fn split(&self, most: Usage) -> Self {
        let mut amount = self.amount.lock();
        let part = Usage {
            bytes: amount.bytes.min(most.bytes),
            inodes: amount.inodes.min(most.inodes),
        };
        amount.bytes -= part.bytes;
        amount.inodes -= part.inodes;
        Self::new(&self.project, part)
    }

    /// Takes over what another one has.
    fn merge(&self, other: &Self) {
        let other = std::mem::take(&mut *other.amount.lock());
        let mut amount = self.amount.lock();
        amount.bytes += other.bytes;
        amount.inodes += other.inodes;
    }

    fn amount(&self) -> Usage {
        *self.amount.lock()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let amount = self.amount();
        let mut state = self.project.state.lock();
        state.claimed.bytes -= amount.bytes;
        state.claimed.inodes -= amount.inodes;
    }
}

/// Files take on the project of the directory that they come to.
pub(crate) fn adopt(inode: &mut Inode, directory: &Inode) {
    if inode.kind != InodeKind::Directory {
        inode.fields.project = directory.fields.project;
    }
}

impl Bucket {
    /// The project that an inode counts for; one whose quota has ended counts for none.
    fn project_of(&self, inode: &Inode) -> Option<Arc<Project>> {
        self.shared.projects.get(inode.fields.project?)
    }

    /// The project of an inode, if it is its top.
    pub(crate) fn project_at(&self, inode: &Inode) -> Option<InodeId> {
        let project = self.project_of(inode)?;
        (project.directory == inode.id).then_some(project.id)
    }

    /// Refuses to move an inode from a directory of one project into that of another one, and to
    /// move directories that are being taken over between what was and what was not yet. The
    /// directories are locked.
    pub(crate) fn check_move(
        &self,
        (from, to): (&Inode, &Inode),
        moved: &Inode,
    ) -> Result<(), BucketError> {
        let of = |inode: &Inode| self.project_of(inode).map(|project| project.id);
        let is_as_there = moved.kind != InodeKind::Directory
            || of(moved) == of(to)
            || self.project_at(moved).is_some();
        if of(from) == of(to) && is_as_there {
            return Ok(());
        }
        Err(BucketError::OtherProject)
    }

    /// Refuses to give an inode a name in a directory of another project.
    pub(crate) fn check_link(&self, inode: &Inode, to: &Inode) -> Result<(), BucketError> {
        let of = |inode: &Inode| self.project_of(inode).map(|project| project.id);
        if of(inode) == of(to) {
            return Ok(());
        }
        Err(BucketError::OtherProject)
    }

    /// Claims `more` of a project, unless its limits are in the way for certain.
    pub(crate) async fn claim(
        &self,
        project: &Arc<Project>,
        more: Usage,
    ) -> Result<Claim, BucketError> {
        match self.try_claim(project, more).await {
            Err(BucketError::Quota { .. }) => {}
            claimed => return claimed,
        }
        let alone = vec![(LockKey::Project(project.id), LockMode::Exclusive)];
        let _alone = self.shared.locks.lock(alone).await;
        self.try_claim(project, more).await
    }

    /// As [`Bucket::claim`], but what others are adding right now may count twice. In one turn at
    /// the tree: what is applied later is claimed still.
    async fn try_claim(&self, project: &Arc<Project>, more: Usage) -> Result<Claim, BucketError> {
        let key = BucketKey::Usage(project.id);
        self.look(|tree| {
            let used = value(tree, &key, Usage::decode)?.unwrap_or_default();
            let mut state = project.state.lock();
            let all = Usage {
                bytes: used
                    .bytes
                    .saturating_add(state.claimed.bytes)
                    .saturating_add(more.bytes),
                inodes: used.inodes + state.claimed.inodes + more.inodes,
            };
            state.check(all, more)?;
            state.claimed.bytes += more.bytes;
            state.claimed.inodes += more.inodes;
            drop(state);
            Ok(Claim::new(project, more))
        })
        .await
    }
}
