//! Getting compressed units back.

use engine_base::to_usize;
use engine_device::PageBuf;
use engine_format::decompress_unit;

use super::ExtentRead;
use crate::{Pool, StoreError};

impl Pool {
    /// Decompresses the unit that verified stored blocks hold into `bytes`, exactly as long as it.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] if they hold no such unit.
    pub fn decode_unit(
        &self,
        read: &ExtentRead,
        stored: &[u8],
        bytes: &mut [u8],
    ) -> Result<(), StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::Inconsistent {
            what: format!("the data at {}: {error}", read.location),
        };
        let unit = read
            .unit
            .ok_or_else(|| failed(&"it should be compressed"))?;
        decompress_unit(&unit, stored, bytes).map_err(|error| failed(&error))
    }

    /// Reads, verifies and decompresses a unit.
    ///
    /// # Errors
    /// As [`Pool::read_extent`] and [`Pool::decode_unit`].
    pub async fn read_unit(&self, read: &ExtentRead) -> Result<PageBuf, StoreError> {
        let mut stored = PageBuf::recycled(read.bytes());
        if !self.read_extent_cached(read, &mut stored)? {
            stored = self.read_extent(read).await?;
        }
        let bytes = read.unit.map_or(0, |unit| unit.bytes());
        let mut bytes = PageBuf::recycled(to_usize(bytes.into()));
        self.decode_unit(read, &stored, &mut bytes)?;
        Ok(bytes)
    }
}
