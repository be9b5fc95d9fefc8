//! Changing the master key: data keys are wrapped anew, data stays as it is.

use engine_base::DatasetId;
use engine_format::{BatchBuilder, MasterKey, data_key_key};

use super::draw;
use crate::{Pool, StoreError};

/// Wrapped keys that one batch changes: bounds what it has of mutations.
const KEYS_PER_BATCH: usize = 500;

/// What changing the master key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Families whose keys are now under the new master key and were not before.
    pub wrapped: usize,
    /// Families whose keys are under a master key that is not here: they stay locked.
    pub locked: usize,
}

impl Pool {
    /// Puts all data keys that are here under `master`, under which new ones come, too, from now
    /// on. The next opening needs that key, and no other one if none was locked.
    ///
    /// Durability: when it resolves, the change survives a power cut. CRASH: anywhere before, some
    /// are under the new key and some are not; opening with both and changing once more ends it.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`], [`StoreError::Log`], [`StoreError::PageDamaged`]; what was changed
    /// stays changed.
    pub async fn rotate_master_key(&self, master: &MasterKey) -> Result<Rotation, StoreError> {
        let keyring = &self.core.keyring;
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        {
            let mut masters = keyring.masters.write();
            masters.retain(|known| known != master);
            masters.insert(0, master.clone());
        }
        let mut rotation = Rotation {
            wrapped: 0,
            locked: 0,
        };
        let mut due = Vec::new();
        for (id, family) in &keyring.state.read().families {
            match &family.key {
                _ if family.wrapped.master == master.id() && family.key.is_some() => {}
                Some(key) => due.push((*id, key.clone())),
                None => rotation.locked += 1,
            }
        }
        let mut last = self.journal.applied_lsn();
        for part in due.chunks(KEYS_PER_BATCH) {
            let mut batch = BatchBuilder::new();
            for (family, key) in part {
                let at = data_key_key(*family);
                let wrapped = master.wrap(key, *family, draw(&*self.core.entropy));
                self.make_resident(&self.core.catalog.pool, &at, &at)
                    .await?;
                batch.put(DatasetId::POOL, &at, &wrapped.encode());
            }
            let Some((family, _)) = part.last() else {
                continue;
            };
            self.admit_release().await?;
            last = self.commit_record(&data_key_key(*family), batch).await?;
            rotation.wrapped += part.len();
        }
        self.durable(last).await?;
        Ok(rotation)
    }
}
