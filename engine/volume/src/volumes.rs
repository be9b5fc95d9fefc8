//! The volumes of a pool: create, list, show, resize, delete, open.

use std::sync::Arc;

use engine_base::limits::BLOCK;
use engine_base::{ByteCount, VolumeOffset};
use engine_format::{Compression, DatasetKind, DatasetRecord, DatasetState, Encryption};
use engine_pool::{Dataset, DatasetInfo, Pool, RangeLock, StoreError};

use crate::info::{check_name, check_size};
use crate::{Volume, VolumeInfo};

/// How what is written to a volume is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Storage {
    /// Whether it is compressed; can be changed.
    pub compression: Compression,
    /// Whether it is encrypted; for good.
    pub encryption: Encryption,
}

/// The volumes of a pool.
#[derive(Debug, Clone)]
pub struct Volumes {
    pool: Arc<Pool>,
}

impl Volumes {
    /// The volumes of `pool`.
    #[must_use]
    pub const fn new(pool: Arc<Pool>) -> Self {
        Self { pool }
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Creates a volume that reads as zeroes and takes no space.
    ///
    /// Durability: when it resolves, the volume survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Name`], [`StoreError::Invalid`] for the size, [`StoreError::Exists`],
    /// [`StoreError::NoSpace`], [`StoreError::Log`].
    pub async fn create(&self, name: &str, size: ByteCount) -> Result<VolumeInfo, StoreError> {
        self.create_as(name, size, Storage::default()).await
    }

    /// As [`Volumes::create`], compressed or not.
    ///
    /// # Errors
    /// As [`Volumes::create`].
    pub async fn create_with(
        &self,
        name: &str,
        size: ByteCount,
        compression: Compression,
    ) -> Result<VolumeInfo, StoreError> {
        let storage = Storage {
            compression,
            ..Storage::default()
        };
        self.create_as(name, size, storage).await
    }

    /// As [`Volumes::create`], stored in this way.
    ///
    /// # Errors
    /// As [`Volumes::create`]; also [`StoreError::Invalid`] if it is to be encrypted and the pool
    /// has no master key.
    pub async fn create_as(
        &self,
        name: &str,
        size: ByteCount,
        storage: Storage,
    ) -> Result<VolumeInfo, StoreError> {
        let checked = check_name(name)?;
        check_size(name, size)?;
        let record = DatasetRecord {
            kind: DatasetKind::Volume,
            state: DatasetState::Live,
            compression: storage.compression,
            encryption: storage.encryption,
            size,
            cleanup_from: None,
            created_unix_nanos: self.pool.unix_nanos(),
            name: checked,
            descent: None,
        };
        let dataset = self
            .pool
            .create_dataset(&record)
            .await
            .map_err(|error| match error {
                StoreError::Exists { name, .. } => StoreError::Exists {
                    what: "volume",
                    name,
                },
                error => error,
            })?;
        Ok(self.info(dataset.info_with(record)))
    }

    /// All volumes, by name.
    #[must_use]
    pub fn list(&self) -> Vec<VolumeInfo> {
        let all = self.pool.datasets_of(DatasetKind::Volume);
        all.into_iter().map(|info| self.info(info)).collect()
    }

    /// One volume.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn show(&self, name: &str) -> Result<VolumeInfo, StoreError> {
        let dataset = self.find(name)?;
        let record = dataset.record().ok_or_else(|| not_found(name))?;
        Ok(self.info(dataset.info_with(record)))
    }

    pub(crate) fn info(&self, info: DatasetInfo) -> VolumeInfo {
        let locked_by = self.pool.missing_key(&info);
        VolumeInfo::new(info, locked_by)
    }

    /// A handle to a volume, valid until the volume is deleted.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Locked`] if it is encrypted and its key is not here.
    pub fn open(&self, name: &str) -> Result<Volume, StoreError> {
        let dataset = self.find(name)?;
        self.pool.require_key(&dataset)?;
        Ok(Volume::new(Arc::clone(&self.pool), dataset))
    }

    /// Changes the size. What lies behind a smaller size is gone for good; behind a larger one
    /// there are zeroes.
    ///
    /// Durability: when it resolves, the new size survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`], [`StoreError::NoSpace`],
    /// [`StoreError::Log`].
    pub async fn resize(&self, name: &str, size: ByteCount) -> Result<VolumeInfo, StoreError> {
        check_size(name, size)?;
        let dataset = self.find(name)?;
        let record = {
            let volume = Volume::new(Arc::clone(&self.pool), Arc::clone(&dataset));
            let _everything = volume.lock_without_leftovers().await?;
            volume.blank_cut_block(size).await?;
            self.pool
                .change_dataset(&dataset, |record| {
                    if size < record.size {
                        record.cleanup_from = Some(size.get().next_multiple_of(BLOCK));
                    }
                    record.size = size;
                    Ok(())
                })
                .await?
        };
        if let Some(from) = record.cleanup_from {
            self.pool.clean_up_tail(&dataset, from).await?;
        }
        Ok(self.info(dataset.info_with(record)))
    }

    /// Says how what is written from now on is compressed.
    ///
    /// Durability: when it resolves, the setting survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoSpace`], [`StoreError::Log`].
    pub async fn set_compression(
        &self,
        name: &str,
        compression: Compression,
    ) -> Result<VolumeInfo, StoreError> {
        let dataset = self.find(name)?;
        let record = self.pool.set_compression(&dataset, compression).await?;
        Ok(self.info(dataset.info_with(record)))
    }

    /// Deletes a volume. Handles to it fail from now on; its space comes back in the background.
    ///
    /// Durability: when it resolves, the volume does not come back after a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Log`].
    pub async fn delete(&self, name: &str) -> Result<(), StoreError> {
        let dataset = self.find(name)?;
        self.pool.delete_dataset(&dataset).await
    }

    pub(crate) fn find(&self, name: &str) -> Result<Arc<Dataset>, StoreError> {
        let found = self.pool.find_dataset(DatasetKind::Volume, name);
        found.ok_or_else(|| not_found(name))
    }
}

impl Volume {
    /// Locks all of a volume behind whose end nothing is left of a larger size: it would show again
    /// if the volume grew.
    async fn lock_without_leftovers(&self) -> Result<RangeLock<'_>, StoreError> {
        loop {
            let everything = self.dataset.locks().lock(0..u64::MAX).await;
            self.check(VolumeOffset::new(0), 0)?;
            let left = |record: Option<&DatasetRecord>| record.and_then(|r| r.cleanup_from);
            let Some(from) = self.dataset.with_record(left) else {
                return Ok(everything);
            };
            drop(everything);
            self.pool.clean_up_tail(&self.dataset, from).await?;
        }
    }

    /// Before growing: what a larger size of the past left in the block that the end cuts must not
    /// show. The caller holds the lock of everything.
    async fn blank_cut_block(&self, new: ByteCount) -> Result<(), StoreError> {
        let old = self.size();
        if new > old && !old.get().is_multiple_of(BLOCK) {
            self.zero_tail(old.get()).await?;
        }
        Ok(())
    }
}

pub(crate) fn not_found(name: &str) -> StoreError {
    StoreError::NotFound {
        what: "volume",
        name: name.to_owned(),
    }
}
