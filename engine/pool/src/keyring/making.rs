//! Keys and sessions that come and go: each is a record of the pool's tree.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use engine_base::DatasetId;
use engine_format::{
    BatchBuilder, BlockCipher, DataKey, Encryption, FEATURE_ENCRYPTION, SealingSession,
    data_key_key, session_key,
};

use engine_log::BatchData;

use super::{Sealer, draw};
use crate::cleanup::{finish, live_record};
use crate::{Dataset, Pool, StoreError, block_on};

/// Sessions that one batch removes: bounds what it has of mutations.
const SESSIONS_PER_BATCH: usize = 1000;

impl Pool {
    /// Adds the wrapped key of a family that begins with `id` to the batch that creates it. The
    /// caller holds the lock of the names.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if there is no master key; of the checkpoints that say that the pool
    /// has such a dataset.
    pub(crate) async fn add_key(
        &self,
        id: DatasetId,
        batch: &mut BatchBuilder,
    ) -> Result<(), StoreError> {
        let master = self.core.keyring.masters.read().first().cloned();
        let master = master.ok_or_else(|| StoreError::Invalid {
            what: "creating an encrypted dataset".to_owned(),
            why: "the pool was opened without a master key".to_owned(),
        })?;
        self.require_features(FEATURE_ENCRYPTION)?;
        let key = DataKey::new(draw(&*self.core.entropy));
        let wrapped = master.wrap(&key, id, draw(&*self.core.entropy));
        let at = data_key_key(id);
        self.make_resident(&self.core.catalog.pool, &at, &at)
            .await?;
        batch.put(DatasetId::POOL, &at, &wrapped.encode());
        Ok(())
    }

    /// Refuses a dataset whose key is not here.
    ///
    /// # Errors
    /// [`StoreError::Locked`].
    pub fn require_key(&self, dataset: &Dataset) -> Result<(), StoreError> {
        if dataset.encryption() == Encryption::Off {
            return Ok(());
        }
        self.core.keyring.key(dataset.descent().family).map(|_| ())
    }

    /// What seals the data of a dataset; `None` if it is stored as it is. The first to ask after
    /// the pool was opened commits the session: it comes before all that is sealed in it, so what
    /// survives a crash can be opened.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it was deleted, [`StoreError::Locked`], [`StoreError::NoSpace`],
    /// [`StoreError::Log`].
    pub async fn sealer(&self, dataset: &Dataset) -> Result<Option<Arc<Sealer>>, StoreError> {
        if dataset.encryption() == Encryption::Off {
            return Ok(None);
        }
        let (keyring, family) = (&self.core.keyring, dataset.descent().family);
        if let Some(sealer) = keyring.sealer(family) {
            return Ok(Some(sealer));
        }
        let key = keyring.key(family);
        // Asked after the key: that goes only once the dataset is being deleted.
        live_record(dataset)?;
        let (key, id) = (key?, keyring.reserve_session()?);
        let (at, pool) = (session_key(id), &self.core.catalog.pool);
        self.admit_release().await?;
        // Not under the lock of the names: writes that wait here may be polled in any order, and
        // none may wait for another one.
        let _pin = pool.pins().pin(vec![(at.clone(), at.clone())]);
        self.make_resident(pool, &at, &at).await?;
        // Who was first on another thread at the same moment may have made one, too: then there is
        // one more than needed.
        if let Some(sealer) = keyring.sealer(family) {
            return Ok(Some(sealer));
        }
        let salt = draw(&*self.core.entropy);
        let mut batch = BatchBuilder::new();
        let record = SealingSession { family, salt };
        batch.put(DatasetId::POOL, &at, &record.encode());
        self.commit_here(finish(batch)?)?;
        let sealer = Sealer::new(id, BlockCipher::new(&key, id, &salt));
        Ok(Some(keyring.add_sealer(family, sealer)))
    }

    /// Commits a batch of the pool's tree on this thread, for as long as a group takes to be
    /// written, also where commits wait for a plug.
    fn commit_here(&self, mutations: Vec<u8>) -> Result<(), StoreError> {
        let batch = BatchData {
            mutations,
            data: Vec::new(),
            streamed: false,
        };
        let mut commit = pin!(self.journal.commit(batch));
        let committed = block_on(poll_fn(|cx| {
            let polled = commit.as_mut().poll(cx);
            if polled.is_ready() {
                return polled;
            }
            self.journal.lead();
            commit.as_mut().poll(cx)
        }));
        Ok(committed.map(|_| ())?)
    }

    /// If a dataset that is removed is the last one of its family, adds the removal of its key and
    /// its sessions to the batch. The caller holds the lock of the names, so no other one comes.
    pub(crate) async fn remove_keys(
        &self,
        dataset: &Dataset,
        batch: &mut BatchBuilder,
    ) -> Result<(), StoreError> {
        let family = dataset.descent().family;
        let is_other =
            |other: &Arc<Dataset>| other.id() != dataset.id() && other.descent().family == family;
        if dataset.encryption() == Encryption::Off || self.core.catalog.all().iter().any(is_other) {
            return Ok(());
        }
        let pool = &self.core.catalog.pool;
        let sessions = self.core.keyring.sessions_of(family);
        let mut parts = sessions.chunks(SESSIONS_PER_BATCH).peekable();
        while let Some(part) = parts.next() {
            let mut own = BatchBuilder::new();
            let is_last = parts.peek().is_none();
            let to = if is_last { &mut *batch } else { &mut own };
            for session in part {
                let key = session_key(*session);
                self.make_resident(pool, &key, &key).await?;
                to.delete(DatasetId::POOL, &key);
            }
            if let (false, Some(last)) = (is_last, part.last()) {
                self.commit_record(&session_key(*last), own).await?;
            }
        }
        let key = data_key_key(family);
        self.make_resident(pool, &key, &key).await?;
        batch.delete(DatasetId::POOL, &key);
        Ok(())
    }
}
