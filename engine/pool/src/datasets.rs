//! Creating and finding datasets.

use std::sync::Arc;

use engine_base::DatasetId;
use engine_base::limits::DATASETS_MAX;
use engine_format::{
    BatchBuilder, Compression, DatasetKind, DatasetRecord, Encryption, FEATURE_BUCKETS,
    FEATURE_COMPRESSION, dataset_key,
};

use crate::cleanup::not_found;
use crate::{Dataset, DatasetInfo, Pool, StoreError};

impl Pool {
    /// All live datasets of a kind, by name.
    #[must_use]
    pub fn datasets_of(&self, kind: DatasetKind) -> Vec<DatasetInfo> {
        let mut all = self.datasets();
        all.retain(|info| info.record.kind == kind);
        all
    }

    /// Creates a dataset with this record.
    ///
    /// Durability: when it returns, the dataset survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::NoSpace`], [`StoreError::Invalid`] at the limit of
    /// datasets, or if it is to be encrypted and there is no master key, [`StoreError::Log`].
    pub async fn create_dataset(&self, record: &DatasetRecord) -> Result<Arc<Dataset>, StoreError> {
        self.create_dataset_with(record, &[]).await
    }

    /// Creates a dataset with this record and these keys and values, all or nothing.
    ///
    /// # Errors
    /// As [`Pool::create_dataset`].
    pub async fn create_dataset_with(
        &self,
        record: &DatasetRecord,
        entries: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<Arc<Dataset>, StoreError> {
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        let name = record.name.as_str();
        if self.core.catalog.find(record.kind, name).is_some() {
            return Err(StoreError::Exists {
                what: "dataset",
                name: name.to_owned(),
            });
        }
        if self.core.catalog.len() >= DATASETS_MAX {
            return Err(StoreError::Invalid {
                what: format!("creating {name:?}"),
                why: format!("a pool holds at most {DATASETS_MAX} datasets; delete one"),
            });
        }
        let _admitted = self.admit(0).await?;
        let id = self.core.catalog.next_id();
        if record.kind == DatasetKind::Bucket {
            self.require_features(FEATURE_BUCKETS)?;
        }
        if record.compression != Compression::Off {
            self.require_features(FEATURE_COMPRESSION)?;
        }
        let mut batch = BatchBuilder::new();
        batch.put(DatasetId::POOL, &dataset_key(id), &record.encode());
        if record.encryption != Encryption::Off {
            self.add_key(id, &mut batch).await?;
        }
        for (key, value) in entries {
            batch.put(id, key, value);
        }
        let lsn = self.commit_record(&dataset_key(id), batch).await?;
        self.durable(lsn).await?;
        self.core.catalog.get(id).ok_or_else(|| not_found(name))
    }

    /// Says how what is written to a dataset from now on is compressed. What is stored stays as it
    /// is.
    ///
    /// Durability: when it resolves, the setting survives a power cut.
    ///
    /// # Errors
    /// As [`Pool::change_dataset`], and of the checkpoints that say that the pool has such a
    /// dataset.
    pub async fn set_compression(
        &self,
        dataset: &Dataset,
        compression: Compression,
    ) -> Result<DatasetRecord, StoreError> {
        if compression != Compression::Off {
            // Whoever comes second waits until it is said.
            let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
            self.require_features(FEATURE_COMPRESSION)?;
        }
        let set = |record: &mut DatasetRecord| {
            record.compression = compression;
            Ok(())
        };
        self.change_dataset(dataset, set).await
    }
}
