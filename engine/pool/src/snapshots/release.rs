//! Giving back what deleted snapshots, and deleted datasets that came from one, refer to alone.
//!
//! The tree of a volume is gone through once, leaf by leaf, past the pages that its parent or its
//! child has too.
//! Each step is a batch: what it found is dead, and the record says how far it came. From then on
//! the child treats what lies below that place as if its parent were the parent's parent. The last
//! batch removes the record and says so in the child's.
//!
//! CRASH: the record says from where to go on. One dataset of a family is at it at a time.
//!
//! Buckets, in which several extents may refer to the same bytes, see `release_bucket`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine_base::DatasetId;
use engine_format::{BatchBuilder, DatasetKind, DatasetRecord, DatasetState, Descent, dataset_key};
use engine_tree::extent_key_span;

use super::unshared::Found;
use crate::{Dataset, LockMode, Pool, StoreError};

impl Pool {
    /// Works off deletions here, or asks the thread that does.
    pub(super) async fn clean_up_deletions(&self) -> Result<(), StoreError> {
        if !self.has_background() {
            self.clean_up().await?;
        }
        self.request_cleanup();
        Ok(())
    }

    /// Works off what can be: a snapshot that several went on from stays.
    ///
    /// # Errors
    /// The first one; other families are worked off all the same.
    pub(crate) async fn release_deleted(&self) -> Result<(), StoreError> {
        let _alone = self.core.releasing.lock(vec![((), LockMode::Exclusive)]);
        let _alone = _alone.await;
        let (mut failed, mut result) = (HashSet::new(), Ok(()));
        while let Some(next) = self.next_to_release(&failed) {
            if let Err(error) = self.release(&next).await {
                if !error.is_damage() {
                    return Err(error);
                }
                failed.insert(next.descent().family);
                result = result.and(Err(error));
            }
        }
        result
    }

    /// One that was begun comes first.
    fn next_to_release(&self, failed: &HashSet<DatasetId>) -> Option<Arc<Dataset>> {
        let all = self.core.catalog.all();
        let mut children: HashMap<DatasetId, usize> = HashMap::new();
        for dataset in &all {
            if let Some(parent) = dataset.descent().parent {
                *children.entry(parent).or_default() += 1;
            }
        }
        let is_ready = |dataset: &&Arc<Dataset>| {
            let count = children.get(&dataset.id()).copied().unwrap_or(0);
            is_released(dataset) && count < 2 && !failed.contains(&dataset.descent().family)
        };
        let ready = all.iter().filter(is_ready);
        ready
            .max_by_key(|dataset| dataset.descent().released > 0)
            .cloned()
    }

    async fn release(&self, dataset: &Arc<Dataset>) -> Result<(), StoreError> {
        if dataset.is(DatasetKind::Bucket) {
            self.release_bucket(dataset).await?;
            return self.remove_released(dataset).await;
        }
        // Whoever still writes holds a lock taken before the deletion, or will see the state and
        // give up.
        drop(dataset.locks().lock(0..u64::MAX).await);
        while dataset.descent().released < u64::MAX {
            self.release_step(dataset).await?;
        }
        self.remove_released(dataset).await
    }

    async fn release_step(&self, dataset: &Arc<Dataset>) -> Result<(), StoreError> {
        self.admit_release().await?;
        self.throttle(dataset).await?;
        let from = dataset.descent().released;
        // The child first: a snapshot that is taken of it from here on is noticed below, whichever
        // of the two it is compared with. Were it looked up behind the others, the child could be
        // that snapshot and be left out of what is compared, and what it alone still has be given
        // back.
        let child = self.core.catalog.children_of(dataset.id()).pop();
        let others = self.related(dataset);
        // Pages are fetched before anybody is kept from writing.
        let ahead = self.unshared(dataset, &others, from..u64::MAX).await?;
        let _range = match &child {
            Some(child) => Some(child.locks().lock(from..ahead.to).await),
            None => None,
        };
        let found = self.unshared(dataset, &others, from..ahead.to).await?;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let is_child = |other: &Arc<Dataset>| Some(other.id()) == child.as_ref().map(|c| c.id());
        if !self
            .core
            .catalog
            .children_of(dataset.id())
            .iter()
            .all(is_child)
        {
            // A snapshot was taken of the child meanwhile: that is the child now.
            return Ok(());
        }
        self.commit_step(dataset, &found).await
    }

    /// The caller holds the lock of the names.
    async fn commit_step(&self, dataset: &Dataset, found: &Found) -> Result<(), StoreError> {
        let Some(mut record) = dataset.record() else {
            return Ok(());
        };
        let mut batch = BatchBuilder::new();
        let mut spans = Vec::new();
        for piece in &found.pieces {
            batch.extent_release(dataset.id(), &[], piece.offset, piece.bytes);
            let (low, high) = extent_key_span(&[], piece.offset, piece.bytes);
            spans.push((low.to_vec(), high.to_vec()));
        }
        record.descent = Some(Descent {
            released: found.to,
            ..dataset.descent()
        });
        let key = dataset_key(dataset.id());
        batch.put(DatasetId::POOL, &key, &record.encode());
        let _pin = dataset.pins().pin(spans.clone());
        for (low, high) in &spans {
            self.make_resident(dataset, low, high).await?;
        }
        self.commit_record(&key, batch).await?;
        Ok(())
    }

    async fn remove_released(&self, dataset: &Dataset) -> Result<(), StoreError> {
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let parent = dataset.descent().parent;
        let mut batch = BatchBuilder::new();
        batch.delete(DatasetId::POOL, &dataset_key(dataset.id()));
        self.remove_keys(dataset, &mut batch).await?;
        for child in self.core.catalog.children_of(dataset.id()) {
            let Some(record) = child.record() else {
                continue;
            };
            let descent = child.descent();
            let record = DatasetRecord {
                descent: Some(Descent { parent, ..descent }),
                ..record
            };
            let key = dataset_key(child.id());
            self.make_resident(&self.core.catalog.pool, &key, &key)
                .await?;
            batch.put(DatasetId::POOL, &key, &record.encode());
        }
        self.commit_record(&dataset_key(dataset.id()), batch)
            .await?;
        Ok(())
    }
}

/// Whether a dataset is deleted this way: it may share what is stored with others. Its tree does
/// not change any more.
pub(crate) fn is_released(dataset: &Dataset) -> bool {
    dataset.with_record(|record| record.is_some_and(is_released_by))
}

/// As [`is_released`], of one with this record.
pub(crate) fn is_released_by(record: &DatasetRecord) -> bool {
    let shares = |descent: Descent| descent.parent.is_some() || descent.head.is_some();
    record.state == DatasetState::Deleting && record.descent.is_some_and(shares)
}
