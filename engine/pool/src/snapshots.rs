//! Snapshots: what datasets were at one moment; and datasets that go on from there.
//!
//! A snapshot is a dataset that never changes. Taking it is one batch that puts its record; apply
//! keeps the root of the tree at that place in the order of commits. What becomes of the space is
//! in `family`.

mod compare;
mod gather;
mod leaving;
mod records;
mod release;
mod release_bucket;
mod unshared;

pub(crate) use leaving::Leaving;
pub(crate) use release::{is_released, is_released_by};

use std::sync::Arc;

use engine_base::DatasetId;
use engine_format::{
    Above, BatchBuilder, DatasetKind, DatasetName, DatasetRecord, DatasetState, Descent,
    dataset_key,
};

use crate::cleanup::{live_record, not_found};
use crate::{Dataset, DatasetInfo, LockMode, Pool, StoreError};
use records::{check_label, exists, features_of, invalid, snapshot_record};

impl Pool {
    /// Takes a snapshot of all of `heads` at one moment, each with this label. Nothing is copied,
    /// and nobody who reads or writes waits for more than the moment.
    ///
    /// Durability: when it resolves, the snapshots survive a power cut, with everything that was
    /// readable when they were taken.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::NotFound`] if one was deleted,
    /// [`StoreError::Invalid`] for a label that breaks the rules, or at the limit of datasets,
    /// [`StoreError::NoSpace`], [`StoreError::Log`].
    /// Nothing was changed.
    pub async fn take_snapshot(
        &self,
        label: &str,
        heads: &[Arc<Dataset>],
    ) -> Result<Vec<DatasetInfo>, StoreError> {
        let label = check_label(label)?;
        self.throttle(&self.core.catalog.pool).await?;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        self.check_room(heads.len(), label.as_str())?;
        let mut batch = BatchBuilder::new();
        let mut taken = Vec::new();
        let mut id = self.core.catalog.next_id();
        for (index, head) in heads.iter().enumerate() {
            let mut record = live_record(head)?;
            let descent = head.descent();
            if self.find_snapshot(head, label.as_str()).is_some() {
                return Err(exists(&record, &label));
            }
            if heads
                .iter()
                .take(index)
                .any(|other| other.id() == head.id())
            {
                let name = record.name.as_str();
                return Err(invalid(&label, format!("{name:?} is named twice")));
            }
            let snapshot = DatasetRecord {
                state: DatasetState::Snapshot,
                created_unix_nanos: self.unix_nanos(),
                name: label.clone(),
                descent: Some(Descent {
                    head: Some(head.id()),
                    ..descent
                }),
                ..record.clone()
            };
            record.descent = Some(Descent {
                parent: Some(id),
                ..descent
            });
            batch.put(DatasetId::POOL, &dataset_key(id), &snapshot.encode());
            batch.put(DatasetId::POOL, &dataset_key(head.id()), &record.encode());
            taken.push(id);
            id = id.next();
        }
        let _admitted = self.admit(0).await?;
        self.require_features(features_of(heads.iter().map(|head| &**head)))?;
        let changed = heads
            .iter()
            .map(|head| head.id())
            .chain(taken.iter().copied());
        self.commit_records(changed, batch).await?;
        let taken = taken.iter().filter_map(|id| self.core.catalog.get(*id));
        let info = |dataset: Arc<Dataset>| Some(dataset.info_with(dataset.record()?));
        Ok(taken.filter_map(info).collect())
    }

    /// The snapshots of a dataset, by label.
    #[must_use]
    pub fn snapshots(&self, head: &Dataset) -> Vec<Arc<Dataset>> {
        self.core.catalog.snapshots_of(head.descent().lineage)
    }

    /// The snapshot of a dataset with this label.
    #[must_use]
    pub fn find_snapshot(&self, head: &Dataset, label: &str) -> Option<Arc<Dataset>> {
        self.core.catalog.snapshot(head.descent().lineage, label)
    }

    /// Makes a dataset with this name that begins as the snapshot is. It shares what is stored, and
    /// is as fast as any from the first moment.
    ///
    /// Durability: when it resolves, the dataset survives a power cut.
    ///
    /// # Errors
    /// As [`Pool::create_dataset`]; [`StoreError::NotFound`] if the snapshot was deleted.
    pub async fn create_from(
        &self,
        snapshot: &Dataset,
        name: DatasetName,
    ) -> Result<Arc<Dataset>, StoreError> {
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let kept = snapshot_record(snapshot)?;
        self.check_new(&kept, &name, 1)?;
        let _admitted = self.admit(0).await?;
        let id = self.core.catalog.next_id();
        let record = self.record_from(&kept, snapshot.id(), name, id);
        let mut batch = BatchBuilder::new();
        batch.put(DatasetId::POOL, &dataset_key(id), &record.encode());
        self.commit_records([id], batch).await?;
        self.found(id, &record)
    }

    /// Makes a dataset with this name that begins as `head` is at this moment: as
    /// [`Pool::create_from`] with a snapshot that nobody sees and that goes by itself.
    ///
    /// # Errors
    /// As [`Pool::take_snapshot`] and [`Pool::create_from`].
    pub async fn create_copy(
        &self,
        head: &Dataset,
        name: DatasetName,
    ) -> Result<Arc<Dataset>, StoreError> {
        self.throttle(&self.core.catalog.pool).await?;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let mut record = live_record(head)?;
        self.check_new(&record, &name, 2)?;
        let _admitted = self.admit(0).await?;
        self.require_features(features_of([head]))?;
        let kept_id = self.core.catalog.next_id();
        let (id, descent) = (kept_id.next(), head.descent());
        let kept = DatasetRecord {
            state: DatasetState::Deleting,
            descent: Some(Descent {
                head: Some(head.id()),
                ..descent
            }),
            ..record.clone()
        };
        let new = self.record_from(&kept, kept_id, name, id);
        record.descent = Some(Descent {
            parent: Some(kept_id),
            ..descent
        });
        let mut batch = BatchBuilder::new();
        batch.put(DatasetId::POOL, &dataset_key(kept_id), &kept.encode());
        batch.put(DatasetId::POOL, &dataset_key(head.id()), &record.encode());
        batch.put(DatasetId::POOL, &dataset_key(id), &new.encode());
        self.commit_records([head.id(), kept_id, id], batch).await?;
        self.found(id, &new)
    }

    /// Makes a dataset what it was at one of its snapshots. That is a new dataset under the same
    /// name: handles to the old one fail from now on. Snapshots stay, the later ones too.
    ///
    /// Durability: when it resolves, the old state does not come back after a power cut.
    ///
    /// # Errors
    /// As [`Pool::create_from`].
    pub async fn revert(
        &self,
        head: &Dataset,
        snapshot: &Dataset,
    ) -> Result<Arc<Dataset>, StoreError> {
        self.admit_release().await?;
        // Nobody takes a number of the bucket's any more.
        let gate = match head.is(DatasetKind::Bucket) {
            true => Some(head.gate(LockMode::Exclusive).await),
            false => None,
        };
        let names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let mut old = live_record(head)?;
        let kept = snapshot_record(snapshot)?;
        let lineage = head.descent().lineage;
        if snapshot.descent().lineage != lineage {
            return Err(not_found(kept.name.as_str()));
        }
        self.check_room(1, old.name.as_str())?;
        let id = self.core.catalog.next_id();
        let mut new = self.record_from(&kept, snapshot.id(), old.name.clone(), id);
        new.created_unix_nanos = old.created_unix_nanos;
        new.compression = old.compression;
        let above = match gate {
            Some(_) => self.above_numbers_of(head, &kept).await?,
            None => Above::default(),
        };
        new.descent = new.descent.map(|descent| Descent {
            lineage,
            above,
            ..descent
        });
        old.state = DatasetState::Deleting;
        let mut batch = BatchBuilder::new();
        batch.put(DatasetId::POOL, &dataset_key(head.id()), &old.encode());
        batch.put(DatasetId::POOL, &dataset_key(id), &new.encode());
        self.commit_records([head.id(), id], batch).await?;
        drop(names);
        drop(gate);
        self.clean_up_deletions().await?;
        self.found(id, &new)
    }

    /// Deletes a snapshot; its space comes back in the background. Where several datasets went on
    /// from it, that is when all but one are gone.
    ///
    /// Durability: when it resolves, the snapshot does not come back after a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Log`].
    pub async fn delete_snapshot(&self, snapshot: &Dataset) -> Result<(), StoreError> {
        self.admit_release().await?;
        {
            let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
            let mut record = snapshot_record(snapshot)?;
            record.state = DatasetState::Deleting;
            let mut batch = BatchBuilder::new();
            let key = dataset_key(snapshot.id());
            batch.put(DatasetId::POOL, &key, &record.encode());
            self.commit_records([snapshot.id()], batch).await?;
        }
        self.clean_up_deletions().await
    }

    /// Commits records, durably; the caller holds the lock of the names.
    async fn commit_records(
        &self,
        ids: impl IntoIterator<Item = DatasetId>,
        batch: BatchBuilder,
    ) -> Result<(), StoreError> {
        for id in ids {
            let key = dataset_key(id);
            self.make_resident(&self.core.catalog.pool, &key, &key)
                .await?;
        }
        let lsn = self
            .commit_record(&dataset_key(DatasetId::FIRST_USER), batch)
            .await?;
        self.durable(lsn).await
    }

    fn found(&self, id: DatasetId, record: &DatasetRecord) -> Result<Arc<Dataset>, StoreError> {
        let found = self.core.catalog.get(id);
        found.ok_or_else(|| not_found(record.name.as_str()))
    }
}
