//! Settings: small named values that frontends keep in the pool, as durable as data.

use std::ops::ControlFlow;

use engine_base::DatasetId;
use engine_format::{
    BatchBuilder, FEATURE_SETTINGS, SETTING_BYTES_MAX, SETTING_NAME_BYTES_MAX, setting_key,
};

use crate::{Pool, StoreError};

impl Pool {
    /// The settings whose names begin with `prefix`, by name.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn settings(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let low = setting_key(prefix);
        self.look(&self.core.catalog.pool, |tree| {
            let mut found = Vec::new();
            tree.scan(&low, |key, value| {
                if !key.starts_with(&low) {
                    return ControlFlow::Break(());
                }
                found.push((key[1..].to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })?;
            Ok(found)
        })
        .await
    }

    /// Keeps `value` under `name`; `None` removes what is there.
    ///
    /// Durability: when it returns, it survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name or value that is too long, [`StoreError::NoSpace`],
    /// [`StoreError::Log`].
    pub async fn set_setting(&self, name: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        check_bounds(name, value)?;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        self.require_features(FEATURE_SETTINGS)?;
        let key = setting_key(name);
        let mut batch = BatchBuilder::new();
        let _admitted = match value {
            Some(value) => {
                batch.put(DatasetId::POOL, &key, value);
                Some(self.admit(0).await?)
            }
            None => {
                batch.delete(DatasetId::POOL, &key);
                None
            }
        };
        let lsn = self.commit_record(&key, batch).await?;
        self.durable(lsn).await
    }
}

fn check_bounds(name: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    let why = if name.is_empty() || name.len() > SETTING_NAME_BYTES_MAX {
        format!(
            "its name has {} bytes; 1 to {SETTING_NAME_BYTES_MAX} are allowed",
            name.len()
        )
    } else if value.is_some_and(|value| value.len() > SETTING_BYTES_MAX) {
        format!("it is too large; at most {SETTING_BYTES_MAX} bytes are allowed")
    } else {
        return Ok(());
    };
    let what = format!("the setting {:?}", String::from_utf8_lossy(name));
    Err(StoreError::Invalid { what, why })
}
