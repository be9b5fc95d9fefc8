//! Datasets of the catalog: changing and deleting them, and giving back what deleted and
//! shrunk ones leave behind.
//!
//! The visible change is one small batch. What is behind it is worked off in bounded batches; the
//! record says until the last of them that there is something left (state deleting, or
//! `cleanup_from`), so a crash anywhere resumes it.

use engine_base::{DatasetId, Lsn};
use engine_format::{BatchBuilder, DatasetKind, DatasetRecord, DatasetState, dataset_key};
use engine_log::BatchData;

use crate::objects::next_extents;
use crate::snapshots::{is_released, is_released_by};
use crate::{Dataset, LockMode, Pool, StoreError};

/// Extents cleared by one batch: bounds the time of one apply.
pub(crate) const EXTENTS_PER_STEP: usize = 256;

impl Pool {
    /// Changes the record of a dataset; `change` gets the record as it is. The name must stay.
    ///
    /// Durability: when it returns, the change survives a power cut.
    ///
    /// # Errors
    /// What `change` returns; [`StoreError::NotFound`] if the dataset is not live any more;
    /// [`StoreError::Log`].
    pub async fn change_dataset(
        &self,
        dataset: &Dataset,
        change: impl FnOnce(&mut DatasetRecord) -> Result<(), StoreError>,
    ) -> Result<DatasetRecord, StoreError> {
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let mut record = live_record(dataset)?;
        change(&mut record)?;
        self.admit_release().await?;
        let lsn = self.put_record(dataset.id(), &record).await?;
        self.durable(lsn).await?;
        Ok(record)
    }

    /// Makes a dataset invisible, for good; its space comes back in the background.
    ///
    /// # Errors
    /// As [`Pool::change_dataset`].
    pub async fn delete_dataset(&self, dataset: &Dataset) -> Result<(), StoreError> {
        let deleting = |record: &mut DatasetRecord| {
            if let Some(snapshot) = self.snapshots(dataset).first() {
                let label = snapshot.record().map_or_else(String::new, label_of);
                return Err(StoreError::Invalid {
                    what: format!("deleting {:?}", record.name.as_str()),
                    why: format!("it has snapshots ({label:?}); delete those first"),
                });
            }
            record.state = DatasetState::Deleting;
            Ok(())
        };
        self.change_dataset(dataset, deleting).await?;
        if !self.has_background() {
            self.clean_up().await?;
        }
        self.request_cleanup();
        Ok(())
    }

    /// Works off everything that deleted and shrunk datasets left behind.
    ///
    /// # Errors
    /// Any [`StoreError`]; what is left stays on record.
    pub async fn clean_up(&self) -> Result<(), StoreError> {
        for dataset in self.core.catalog.all() {
            let Some(record) = dataset.record() else {
                continue;
            };
            match record.state {
                DatasetState::Deleting if is_released(&dataset) => {}
                DatasetState::Deleting => self.clean_up_deleted(&dataset).await?,
                DatasetState::Snapshot => {}
                DatasetState::Live => {
                    if let Some(from) = record.cleanup_from {
                        self.clean_up_tail(&dataset, from).await?;
                    }
                    if record.kind == DatasetKind::Bucket {
                        self.clean_up_live(&dataset).await?;
                    }
                }
            }
        }
        self.release_deleted().await
    }

    /// Finishes giving back what lies behind the size that the dataset was shrunk to. Until then it
    /// must not grow.
    ///
    /// # Errors
    /// Any [`StoreError`]; what is left stays on record.
    pub async fn clean_up_tail(&self, dataset: &Dataset, from: u64) -> Result<(), StoreError> {
        // Once somebody else has finished, the dataset may have grown again and hold data there.
        let is_left = |record: &DatasetRecord| record.cleanup_from == Some(from);
        self.clear_extents(dataset, from..u64::MAX, is_left).await?;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let Ok(mut record) = live_record(dataset) else {
            return Ok(());
        };
        if record.cleanup_from == Some(from) {
            record.cleanup_from = None;
            self.put_record(dataset.id(), &record).await?;
        }
        Ok(())
    }

    async fn clean_up_deleted(&self, dataset: &Dataset) -> Result<(), StoreError> {
        if dataset.is(DatasetKind::Bucket) {
            // Whoever still commits has passed the gate before the deletion, or will see the state
            // and give up.
            let _alone = dataset.gate(LockMode::Exclusive).await;
            self.clear_bucket(dataset).await?;
            return self.remove_record(dataset).await;
        }
        let _everything = loop {
            self.clear_extents(dataset, 0..u64::MAX, |_| true).await?;
            // Whoever still writes holds a lock taken before the deletion, or will see the state
            // and give up.
            let everything = dataset.locks().lock(0..u64::MAX).await;
            if self.next_extents(dataset, 0, u64::MAX).await?.is_none() {
                break everything;
            }
        };
        self.remove_record(dataset).await
    }

    /// Removes the record of a dataset that holds nothing any more and that nobody changes.
    async fn remove_record(&self, dataset: &Dataset) -> Result<(), StoreError> {
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        if self.core.catalog.get(dataset.id()).is_none() {
            return Ok(());
        }
        let mut batch = BatchBuilder::new();
        batch.delete(DatasetId::POOL, &dataset_key(dataset.id()));
        self.remove_keys(dataset, &mut batch).await?;
        self.commit_record(&dataset_key(dataset.id()), batch)
            .await?;
        Ok(())
    }

    /// Makes `range` a hole, in bounded batches that give space back. Stops early where `go_on`
    /// refuses the record that is valid while the rest of the range is locked.
    ///
    /// # Errors
    /// Any [`StoreError`]; what was cleared stays cleared.
    pub async fn clear_extents(
        &self,
        dataset: &Dataset,
        range: std::ops::Range<u64>,
        go_on: impl Fn(&DatasetRecord) -> bool,
    ) -> Result<Lsn, StoreError> {
        let std::ops::Range {
            start: mut at,
            end: to,
        } = range;
        let mut lsn = self.journal.applied_lsn();
        while at < to {
            self.admit_release().await?;
            self.throttle(dataset).await?;
            let _range = dataset.locks().lock(at..to).await;
            let goes_on = |record: &DatasetRecord| go_on(record) && !is_released_by(record);
            if !dataset.with_record(|record| record.is_some_and(goes_on)) {
                break;
            }
            let Some(step) = self.next_extents(dataset, at, to).await? else {
                break;
            };
            let low = step
                .start
                .saturating_sub(engine_base::limits::EXTENT_BYTES_MAX);
            self.make_resident(dataset, &low.to_be_bytes(), &step.end.to_be_bytes())
                .await?;
            let mut batch = BatchBuilder::new();
            batch.extent_clear(dataset.id(), &[], step.start, step.end - step.start);
            let mutations = finish(batch)?;
            lsn = self
                .commit(BatchData {
                    mutations,
                    data: Vec::new(),
                    streamed: false,
                })
                .await?;
            at = step.end;
        }
        Ok(lsn)
    }

    /// The range from the first extent that reaches into `from..to` over the next few; `None` if
    /// there is none.
    async fn next_extents(
        &self,
        dataset: &Dataset,
        from: u64,
        to: u64,
    ) -> Result<Option<std::ops::Range<u64>>, StoreError> {
        self.look(dataset, |tree| next_extents(tree, &[], from, to))
            .await
    }

    async fn put_record(&self, id: DatasetId, record: &DatasetRecord) -> Result<Lsn, StoreError> {
        let mut batch = BatchBuilder::new();
        batch.put(DatasetId::POOL, &dataset_key(id), &record.encode());
        self.commit_record(&dataset_key(id), batch).await
    }

    /// Commits a change of the pool's own tree; the caller holds the lock of the names.
    pub(crate) async fn commit_record(
        &self,
        key: &[u8],
        batch: BatchBuilder,
    ) -> Result<Lsn, StoreError> {
        let mutations = finish(batch)?;
        self.make_resident(&self.core.catalog.pool, key, key)
            .await?;
        self.commit(BatchData {
            mutations,
            data: Vec::new(),
            streamed: false,
        })
        .await
    }
}

pub(crate) fn finish(batch: BatchBuilder) -> Result<Vec<u8>, StoreError> {
    batch.finish().map_err(|error| StoreError::Invalid {
        what: "a batch".to_owned(),
        why: error.to_string(),
    })
}

fn label_of(record: DatasetRecord) -> String {
    record.name.as_str().to_owned()
}

pub(crate) fn live_record(dataset: &Dataset) -> Result<DatasetRecord, StoreError> {
    let record = dataset.record().ok_or_else(|| not_found("(pool)"))?;
    if record.state != DatasetState::Live {
        return Err(not_found(record.name.as_str()));
    }
    Ok(record)
}

pub(crate) fn not_found(name: &str) -> StoreError {
    StoreError::NotFound {
        what: "dataset",
        name: name.to_owned(),
    }
}
