//! Snapshots of buckets: take, list, show, delete, read; buckets that go on from them, and reverts.
//!
//! A snapshot is a [`Bucket`] that nothing changes: what would change something is refused with
//! [`BucketError::ReadOnly`]. What was on its way at its moment, uploads, files without a name,
//! space to give back, stays in it as it was. A bucket that goes on from it gives back what nobody
//! can finish there, as after a crash; parts of multipart uploads stay, as they do after one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{ByteCount, DatasetId};
use engine_format::{DatasetName, DatasetState};
use engine_pool::{Dataset, DatasetInfo, Pool, StoreError};

use crate::{Bucket, BucketError, BucketInfo, Buckets};

/// A snapshot of a bucket at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its id, never used again.
    pub id: DatasetId,
    /// The bucket.
    pub bucket: String,
    /// Its label.
    pub label: String,
    /// Bytes of data in extents that it refers to, shared or not.
    pub allocated: ByteCount,
    /// When it was taken, in nanoseconds since 1970.
    pub created_unix_nanos: u64,
}

impl SnapshotInfo {
    fn new(bucket: &str, info: DatasetInfo) -> Self {
        Self {
            id: info.id,
            bucket: bucket.to_owned(),
            label: info.record.name.as_str().to_owned(),
            allocated: info.allocated,
            created_unix_nanos: info.record.created_unix_nanos,
        }
    }
}

impl Buckets {
    /// Takes a snapshot of all these buckets at one moment. It has everything that resolved before.
    ///
    /// Durability: when it resolves, the snapshots survive a power cut.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Exists`]; [`BucketError::Store`] for a label that
    /// is refused, or without space. Nothing was changed.
    pub async fn take_snapshot(
        &self,
        label: &str,
        names: &[&str],
    ) -> Result<Vec<SnapshotInfo>, BucketError> {
        let heads: Result<Vec<_>, _> = names.iter().map(|name| self.find(name)).collect();
        let taken = self.pool().take_snapshot(label, &heads?).await;
        let taken = taken.map_err(|error| known(error, "snapshot"))?;
        let names = names.iter();
        Ok(names
            .zip(taken)
            .map(|(name, info)| SnapshotInfo::new(name, info))
            .collect())
    }

    /// The snapshots of a bucket, the oldest first.
    ///
    /// # Errors
    /// [`BucketError::NotFound`].
    pub fn snapshots(&self, name: &str) -> Result<Vec<SnapshotInfo>, BucketError> {
        Ok(all_of(self.pool(), &*self.find(name)?))
    }

    /// Bytes of data that nothing but this snapshot refers to.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn exclusive_bytes(&self, name: &str, label: &str) -> Result<ByteCount, BucketError> {
        let snapshot = self.find_snapshot(name, label)?;
        Ok(self.pool().exclusive_bytes(&snapshot).await?)
    }

    /// A handle to a bucket as it was, valid until the snapshot is deleted. What would change
    /// something is refused.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn open_snapshot(&self, name: &str, label: &str) -> Result<Bucket, BucketError> {
        let kept = self.find_snapshot(name, label)?;
        open_kept(self.pool(), kept).await
    }

    /// Deletes a snapshot. Handles to it fail from now on; its space comes back in the background,
    /// where several buckets went on from it once all but one are gone.
    ///
    /// Durability: when it resolves, the snapshot does not come back after a power cut.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn delete_snapshot(&self, name: &str, label: &str) -> Result<(), BucketError> {
        let snapshot = self.find_snapshot(name, label)?;
        let deleted = self.pool().delete_snapshot(&snapshot).await;
        deleted.map_err(|error| known(error, "snapshot"))
    }

    /// Creates a bucket that begins as another one is, or was at the snapshot with this label. It
    /// shares what is stored with it, and goes on for itself.
    ///
    /// Durability: when it resolves, the bucket survives a power cut.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Exists`]; [`BucketError::Store`] with a refused
    /// name or without space.
    pub async fn create_from(
        &self,
        name: &str,
        (source, label): (&str, Option<&str>),
    ) -> Result<BucketInfo, BucketError> {
        let checked = DatasetName::new(name).map_err(|source| StoreError::Name {
            name: name.to_owned(),
            source,
        })?;
        let created = match label {
            Some(label) => {
                let snapshot = self.find_snapshot(source, label)?;
                self.pool().create_from(&snapshot, checked).await
            }
            None => {
                let head = self.find(source)?;
                self.pool().create_copy(&head, checked).await
            }
        };
        let created = created.map_err(|error| known(error, "bucket"))?;
        let record = created.record().ok_or_else(|| BucketError::no("bucket"))?;
        Ok(created.info_with(record).into())
    }

    /// Makes a bucket what it was at one of its snapshots. Handles to it fail from now on: open it
    /// again. Its snapshots stay, the later ones too. Inode numbers that were in use do not come
    /// again for others, nor do numbers of changes.
    ///
    /// Durability: when it resolves, the bucket survives a power cut as it was.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::InUse`] while it is mounted,
    /// [`BucketError::Store`].
    pub async fn revert(&self, name: &str, label: &str) -> Result<BucketInfo, BucketError> {
        let (head, snapshot) = (self.find(name)?, self.find_snapshot(name, label)?);
        let bucket = Bucket::new(self.pool(), head)?;
        let closed = bucket.close_to_observers()?;
        let reverted = self.pool().revert(&bucket.dataset, &snapshot).await;
        let reverted = reverted.map_err(|error| known(error, "bucket"))?;
        closed.for_good();
        let record = reverted.record().ok_or_else(|| BucketError::no("bucket"))?;
        Ok(reverted.info_with(record).into())
    }

    fn find_snapshot(&self, name: &str, label: &str) -> Result<Arc<Dataset>, BucketError> {
        let found = self.pool().find_snapshot(&*self.find(name)?, label);
        found.ok_or_else(|| BucketError::no("snapshot"))
    }
}

/// The snapshots of a bucket, the oldest first.
fn all_of(pool: &Pool, head: &Dataset) -> Vec<SnapshotInfo> {
    let name = head.record().map(|record| record.name);
    let name = name.as_ref().map_or("", DatasetName::as_str);
    let info = |dataset: Arc<Dataset>| Some(dataset.info_with(dataset.record()?));
    let all = pool.snapshots(head).into_iter().filter_map(info);
    let mut all: Vec<SnapshotInfo> = all.map(|info| SnapshotInfo::new(name, info)).collect();
    all.sort_by_key(|info| info.id);
    all
}

async fn open_kept(pool: &Arc<Pool>, kept: Arc<Dataset>) -> Result<Bucket, BucketError> {
    let bucket = Bucket::new(pool, kept)?;
    if !bucket.is_open() {
        // Whoever is shown it may rely on it.
        pool.durable(pool.written_lsn()).await?;
        bucket.load_quotas().await?;
        bucket.shared.is_open.store(true, Ordering::Release);
    }
    Ok(bucket)
}

impl Bucket {
    /// Its snapshots, the oldest first.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if it is gone.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, BucketError> {
        self.check()?;
        Ok(all_of(&self.pool, &self.dataset))
    }

    /// As [`Buckets::open_snapshot`], of this bucket.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn snapshot(&self, label: &str) -> Result<Self, BucketError> {
        self.check()?;
        let kept = self.pool.find_snapshot(&self.dataset, label);
        open_kept(&self.pool, kept.ok_or_else(|| BucketError::no("snapshot"))?).await
    }

    /// Whether it is a snapshot: what would change something is refused.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.dataset.is_snapshot()
    }

    /// The id of its dataset, never used again.
    #[must_use]
    pub fn id(&self) -> DatasetId {
        self.dataset.id()
    }

    /// Refuses to change a snapshot.
    pub(crate) fn check_writable(&self) -> Result<(), BucketError> {
        match self.is_snapshot() {
            true => Err(BucketError::ReadOnly),
            false => Ok(()),
        }
    }

    /// Refuses to read a snapshot that was deleted: what it referred to may be given back. Whoever
    /// reads holds a read pin from before.
    pub(crate) fn check_kept(&self) -> Result<(), BucketError> {
        let is_kept = |state| state == DatasetState::Snapshot;
        let record = |record: Option<&_>| {
            record.is_some_and(|r: &engine_format::DatasetRecord| is_kept(r.state))
        };
        if !self.is_snapshot() || self.dataset.with_record(record) {
            return Ok(());
        }
        Err(BucketError::no("snapshot"))
    }
}

fn known(error: StoreError, what: &'static str) -> BucketError {
    match error {
        StoreError::Exists { .. } => BucketError::Exists { what },
        StoreError::NotFound { .. } => BucketError::no(what),
        error => error.into(),
    }
}
