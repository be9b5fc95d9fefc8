//! Turning compression on and off.

use engine_format::Compression;

use super::{BucketInfo, Buckets};
use crate::{BucketError, RootOwner};

impl Buckets {
    /// As [`Buckets::create_with`], not compressed.
    ///
    /// # Errors
    /// As [`Buckets::create_with`].
    pub async fn create(&self, name: &str, owner: RootOwner) -> Result<BucketInfo, BucketError> {
        self.create_with(name, owner, Compression::Off).await
    }

    /// Says how what is written from now on is compressed.
    ///
    /// Durability: when it resolves, the setting survives a power cut.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn set_compression(
        &self,
        name: &str,
        compression: Compression,
    ) -> Result<BucketInfo, BucketError> {
        let dataset = self.find(name)?;
        let record = self.pool.set_compression(&dataset, compression).await?;
        Ok(dataset.info_with(record).into())
    }
}
