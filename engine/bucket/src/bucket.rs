//! A handle to a bucket, and what all its handles share in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_base::{ByteCount, Lsn};
use engine_format::{BucketKey, DatasetState, InodeId, InodeNumbers};
use engine_pool::{Dataset, KeyLock, KeyLocks, LockMode, Pool, StoreError};
use parking_lot::Mutex;

use crate::change::Change;
use crate::flight::Flight;
use crate::look::value;
use crate::node::{Node, NodeTable, Place};
use crate::observers::Observers;
use crate::quota::Projects;
use crate::recent::Recent;
use crate::{Ack, BucketError};

/// Inode numbers reserved at once.
const NUMBERS_AT_ONCE: u64 = 1024;
/// The first number given to anything but the root.
pub(crate) const FIRST_NUMBER: u64 = 16;

/// What operations lock, in the order in which they do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum LockKey {
    /// Setting a quota.
    Quotas,
    /// A multipart upload.
    Upload([u8; 16]),
    /// Which directory is below which: shared by whoever goes by whole keys, alone by whoever moves
    /// a directory.
    Shape,
    /// That a directory stays: shared by whoever makes or removes entries in it, alone by whoever
    /// removes it.
    Directory(InodeId),
    /// A name in a directory, without the `/` of directories.
    Name(InodeId, Vec<u8>),
    /// An inode: its record, wherever it is, and its content.
    Inode(InodeId),
    /// Reserving inode numbers.
    Numbers,
    /// That changes add to a project: shared by those that do, alone by whoever has to know that
    /// none is on its way.
    Project(InodeId),
}

pub(crate) type Locks<'a> = KeyLock<'a, LockKey>;

/// What memory keeps of a bucket.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) locks: KeyLocks<LockKey>,
    pub(crate) nodes: Arc<NodeTable>,
    pub(crate) recent: Recent,
    /// Keys of directories that are being removed one by one, by directory.
    pub(crate) removing: Mutex<HashMap<InodeId, u32>>,
    /// Contents of uploads, and files without a name, that were dropped without a word.
    pub(crate) dropped: Mutex<Vec<Dropped>>,
    pub(crate) is_open: AtomicBool,
    pub(crate) projects: Projects,
    numbers: Mutex<Numbers>,
    pub(crate) observers: Mutex<Observers>,
}

/// Something to give back at the next opportunity.
pub(crate) enum Dropped {
    /// Staged content.
    Staged(InodeId),
    /// An open file.
    Open(Node),
}

#[derive(Default)]
struct Numbers {
    next: u64,
    end: u64,
}

impl Shared {
    fn take_number(&self) -> Option<InodeId> {
        let mut numbers = self.numbers.lock();
        if numbers.next == numbers.end {
            return None;
        }
        let number = InodeId::new(numbers.next);
        numbers.next += 1;
        number
    }
}

/// A handle to a bucket; clones are the same handle.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) pool: Arc<Pool>,
    pub(crate) dataset: Arc<Dataset>,
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bucket({})", self.dataset.id())
    }
}

impl Bucket {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.dataset
            .with_record(|record| record.map_or_else(String::new, |r| r.name.as_str().to_owned()))
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Node {
        let kind = engine_format::InodeKind::Directory;
        self.shared.nodes.intern(InodeId::ROOT, kind, Place::Own)
    }

    /// Makes everything that has resolved before, on any handle of the pool, survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Log`] if the sync failed: the pool is read-only from then on.
    pub async fn sync(&self) -> Result<(), BucketError> {
        Ok(self.pool.flush().await?)
    }

    /// Makes what was changed of an inode before survive a power cut, with everything before it.
    ///
    /// # Errors
    /// As [`Bucket::sync`].
    pub async fn sync_node(&self, node: &Node) -> Result<(), BucketError> {
        self.durable(self.seen([node.id()])).await
    }

    /// Bytes of the pool, those that are free, and those that may still be written.
    #[must_use]
    pub fn space(&self) -> (ByteCount, ByteCount, ByteCount) {
        let status = self.pool.status();
        (status.capacity, status.free, status.available)
    }

    /// Waits until everything up to `lsn` is on stable storage: before what was read at that
    /// position is shown to somebody who may rely on it.
    ///
    /// # Errors
    /// As [`Bucket::sync`].
    pub async fn durable(&self, lsn: Lsn) -> Result<(), BucketError> {
        if lsn <= self.pool.durable_lsn() {
            return Ok(());
        }
        Ok(self.pool.durable(lsn).await?)
    }

    /// Up to where the log must be durable before what was seen of `inodes` may be shown. Call it
    /// after looking.
    pub(crate) fn seen(&self, inodes: impl IntoIterator<Item = InodeId>) -> Lsn {
        let mut last = Lsn::ZERO;
        for inode in inodes {
            match self.shared.recent.last(inode) {
                Some(lsn) => last = last.max(lsn),
                // A group can be read before it is announced as applied.
                None => return self.pool.written_lsn(),
            }
        }
        last
    }

    /// Ends an operation as its caller wants it acknowledged, and not before observers have carried
    /// out what it told them. The caller holds no lock: an observer may wait for somebody who wants
    /// one.
    pub(crate) async fn acknowledge(&self, lsn: Lsn, ack: Ack) -> Result<(), BucketError> {
        let pending = self.unsettled();
        match ack {
            Ack::Written => {}
            Ack::Durable => self.durable(lsn).await?,
        }
        for settled in pending {
            settled.await;
        }
        Ok(())
    }

    pub(crate) fn now(&self) -> i64 {
        i64::try_from(self.pool.unix_nanos()).unwrap_or(i64::MAX)
    }

    /// Whether the bucket is still there.
    pub(crate) fn check(&self) -> Result<(), BucketError> {
        let is_live = self
            .dataset
            .with_record(|record| record.is_some_and(|record| record.state == DatasetState::Live));
        if is_live {
            return Ok(());
        }
        match self.is_snapshot() {
            true => self.check_kept(),
            false => Err(BucketError::no("bucket")),
        }
    }

    /// Locks `keys`.
    pub(crate) async fn lock(
        &self,
        keys: Vec<(LockKey, LockMode)>,
    ) -> Result<Locks<'_>, BucketError> {
        let locks = self.shared.locks.lock(keys).await;
        self.check()?;
        Ok(locks)
    }

    /// Locks inodes, alone.
    pub(crate) async fn lock_inodes(
        &self,
        inodes: impl IntoIterator<Item = InodeId>,
    ) -> Result<Locks<'_>, BucketError> {
        let alone = |inode| (LockKey::Inode(inode), LockMode::Exclusive);
        self.lock(inodes.into_iter().map(alone).collect()).await
    }

    /// A number that nothing in this bucket ever had. May be called under any locks.
    pub(crate) async fn number(&self) -> Result<InodeId, BucketError> {
        loop {
            if let Some(number) = self.shared.take_number() {
                return Ok(number);
            }
            let locks = self
                .shared
                .locks
                .lock(vec![(LockKey::Numbers, LockMode::Exclusive)]);
            let _locks = locks.await;
            if let Some(number) = self.shared.take_number() {
                return Ok(number);
            }
            self.reserve_numbers().await?;
        }
    }

    /// How many changes a content counts after one more. Together with its inode's number the count
    /// never comes again, whatever the bucket was reverted to.
    pub(crate) fn next_change(&self, before: u64) -> u64 {
        (before + 1).max(self.dataset.descent().above.changes)
    }

    /// Reserves numbers by a batch of its own: whatever uses one of them comes later in the log.
    async fn reserve_numbers(&self) -> Result<(), BucketError> {
        let key = BucketKey::NextInode;
        let known = self
            .look(|tree| value(tree, &key, InodeNumbers::decode))
            .await?;
        let next = known.map_or(FIRST_NUMBER, |numbers| numbers.next);
        let next = next.max(self.dataset.descent().above.inode);
        let numbers = InodeNumbers {
            next: next + NUMBERS_AT_ONCE,
        };
        let mut change = Change::new(self);
        change.put(&key, &numbers.encode());
        let mut flight = Flight::new(self);
        change.commit(self, &mut flight).await?;
        *self.shared.numbers.lock() = Numbers {
            next,
            end: numbers.next,
        };
        Ok(())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.shared.is_open.load(Ordering::Acquire)
    }

    /// Room for a batch with `bytes` of data; for metadata 0.
    pub(crate) async fn admit(
        &self,
        bytes: usize,
    ) -> Result<engine_pool::Admitted<'_>, BucketError> {
        self.check_writable()?;
        self.give_back_dropped().await;
        let admitted = self.pool.admit(bytes as u64).await?;
        self.pool.throttle(&self.dataset).await?;
        Ok(admitted)
    }

    /// Lets a batch that gives space back pass.
    pub(crate) async fn admit_release(&self) -> Result<(), StoreError> {
        self.pool.admit_release().await?;
        self.pool.throttle(&self.dataset).await
    }
}
