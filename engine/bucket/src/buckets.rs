//! The buckets of a pool: create, list, show, delete, open.

mod compression;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{ByteCount, DatasetId};
use engine_format::{
    BucketKey, Compression, ContentForm, DatasetKind, DatasetName, DatasetRecord, DatasetState,
    DirectoryState, Encryption, Inode, InodeFields, InodeId, InodeKind,
};
use engine_pool::{Dataset, DatasetInfo, LockMode, Pool, StoreError};
use engine_tree::Tree;

use crate::bucket::{LockKey, Shared};
use crate::look::{Look, is_empty, state};
use crate::{Bucket, BucketError};

/// The buckets of a pool.
#[derive(Debug, Clone)]
pub struct Buckets {
    pool: Arc<Pool>,
}

/// A bucket at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its id, never used again.
    pub id: DatasetId,
    /// Its name.
    pub name: String,
    /// Bytes of data in extents that it refers to.
    pub allocated: ByteCount,
    /// Bytes that are stored for them.
    pub stored: ByteCount,
    /// What becomes of what is written.
    pub compression: Compression,
    /// When it was created, in nanoseconds since 1970.
    pub created_unix_nanos: u64,
}

/// Who a new bucket's root directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootOwner {
    /// Permissions: 12 bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Default for RootOwner {
    fn default() -> Self {
        Self {
            mode: 0o755,
            uid: 0,
            gid: 0,
        }
    }
}

impl From<DatasetInfo> for BucketInfo {
    fn from(info: DatasetInfo) -> Self {
        Self {
            id: info.id,
            name: info.record.name.as_str().to_owned(),
            allocated: info.allocated,
            stored: info.stored,
            compression: info.record.compression,
            created_unix_nanos: info.record.created_unix_nanos,
        }
    }
}

impl Buckets {
    /// The buckets of `pool`.
    #[must_use]
    pub const fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Creates an empty bucket, compressed or not.
    ///
    /// Durability: when it resolves, the bucket survives a power cut.
    ///
    /// # Errors
    /// [`BucketError::Exists`]; [`BucketError::Store`] with a refused name or without space.
    pub async fn create_with(
        &self,
        name: &str,
        owner: RootOwner,
        compression: Compression,
    ) -> Result<BucketInfo, BucketError> {
        let checked = DatasetName::new(name).map_err(|source| StoreError::Name {
            name: name.to_owned(),
            source,
        })?;
        let nanos = self.pool.unix_nanos();
        let record = DatasetRecord {
            kind: DatasetKind::Bucket,
            state: DatasetState::Live,
            compression,
            encryption: Encryption::Off,
            size: ByteCount::ZERO,
            cleanup_from: None,
            created_unix_nanos: nanos,
            name: checked,
            descent: None,
        };
        let now = i64::try_from(nanos).unwrap_or(i64::MAX);
        let root = root_inode(owner, now);
        let state = DirectoryState {
            modified: now,
            changed: now,
            ..DirectoryState::default()
        };
        let entries = [
            (BucketKey::Inode(InodeId::ROOT).encode(), root.encode()),
            (
                BucketKey::Directory(InodeId::ROOT).encode(),
                state.encode().to_vec(),
            ),
        ];
        let created = self.pool.create_dataset_with(&record, &entries).await;
        let dataset = created.map_err(|error| match error {
            StoreError::Exists { .. } => BucketError::Exists { what: "bucket" },
            error => error.into(),
        })?;
        Ok(dataset.info_with(record).into())
    }

    /// All buckets, by name.
    #[must_use]
    pub fn list(&self) -> Vec<BucketInfo> {
        let all = self.pool.datasets_of(DatasetKind::Bucket);
        all.into_iter().map(BucketInfo::from).collect()
    }

    /// One bucket.
    ///
    /// # Errors
    /// [`BucketError::NotFound`].
    pub fn show(&self, name: &str) -> Result<BucketInfo, BucketError> {
        let dataset = self.find(name)?;
        let record = dataset.record().ok_or_else(|| BucketError::no("bucket"))?;
        Ok(dataset.info_with(record).into())
    }

    /// A handle to a bucket. The first one gives back what the last run of the pool left behind.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn open(&self, name: &str) -> Result<Bucket, BucketError> {
        let bucket = Bucket::new(&self.pool, self.find(name)?)?;
        if !bucket.is_open() {
            let _locks = bucket
                .lock(vec![(LockKey::Shape, LockMode::Exclusive)])
                .await?;
            if !bucket.is_open() {
                bucket.recover().await?;
                bucket.shared.is_open.store(true, Ordering::Release);
            }
        }
        Ok(bucket)
    }

    /// Deletes an empty bucket. Handles to it fail from now on.
    ///
    /// Durability: when it resolves, the bucket does not come back after a power cut.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotEmpty`], [`BucketError::HasSnapshots`],
    /// [`BucketError::InUse`], [`BucketError::Store`].
    pub async fn delete(&self, name: &str) -> Result<(), BucketError> {
        self.delete_if(name, |tree| is_empty(tree, InodeId::ROOT))
            .await
    }

    /// Deletes a bucket with everything that is in it. Handles to it fail from now on.
    ///
    /// Durability: as [`Buckets::delete`]. The space comes back in the background.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::HasSnapshots`], [`BucketError::InUse`],
    /// [`BucketError::Store`].
    pub async fn delete_with_contents(&self, name: &str) -> Result<(), BucketError> {
        self.delete_if(name, |_| Ok(true)).await
    }

    async fn delete_if(
        &self,
        name: &str,
        allowed: impl Fn(&Tree) -> Look<bool>,
    ) -> Result<(), BucketError> {
        let bucket = self.open(name).await?;
        bucket.give_back_dropped().await;
        let _locks = bucket
            .lock(vec![
                (LockKey::Shape, LockMode::Exclusive),
                (LockKey::Directory(InodeId::ROOT), LockMode::Exclusive),
            ])
            .await?;
        if !bucket.look(allowed).await? {
            return Err(BucketError::NotEmpty);
        }
        if let Some(kept) = bucket.snapshots()?.into_iter().next() {
            return Err(BucketError::HasSnapshots { label: kept.label });
        }
        let closed = bucket.close_to_observers()?;
        self.pool.delete_dataset(&bucket.dataset).await?;
        closed.for_good();
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Dataset>, BucketError> {
        let found = self.pool.find_dataset(DatasetKind::Bucket, name);
        found.ok_or_else(|| BucketError::no("bucket"))
    }
}

/// A bucket that is being deleted or reverted: nobody begins to observe it. Dropped before that is
/// done, it can be observed again: should it be gone all the same, its observers find nothing.
pub(crate) struct Closed<'a>(Option<&'a Bucket>);

impl Closed<'_> {
    pub(crate) fn for_good(mut self) {
        self.0 = None;
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.0 {
            bucket.shared.open_to_observers();
        }
    }
}

impl Bucket {
    pub(crate) fn new(pool: &Arc<Pool>, dataset: Arc<Dataset>) -> Result<Self, BucketError> {
        let shared = dataset.attached(Shared::default).ok_or_else(|| {
            BucketError::inconsistent("something else is attached to a bucket".to_owned())
        })?;
        Ok(Self {
            pool: Arc::clone(pool),
            dataset,
            shared,
        })
    }

    /// Keeps everybody from beginning to observe it; refused while somebody does.
    pub(crate) fn close_to_observers(&self) -> Result<Closed<'_>, BucketError> {
        match self.shared.close_to_observers() {
            true => Ok(Closed(Some(self))),
            false => Err(BucketError::InUse),
        }
    }

    /// Times and counts of a directory.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if it is gone.
    pub async fn directory_state(&self, id: InodeId) -> Result<DirectoryState, BucketError> {
        let found = self.look(|tree| state(tree, id)).await?;
        found.ok_or_else(|| BucketError::no("directory"))
    }
}

fn root_inode(owner: RootOwner, now: i64) -> Inode {
    Inode {
        id: InodeId::ROOT,
        kind: InodeKind::Directory,
        content: ContentForm::None,
        explicit: true,
        mode: owner.mode & 0o7777,
        uid: owner.uid,
        gid: owner.gid,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: now,
        modified: now,
        changed: now,
        created: now,
        changes: 0,
        fields: InodeFields::default(),
    }
}
