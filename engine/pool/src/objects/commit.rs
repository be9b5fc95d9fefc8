//! Committing changes of keys, as long as their dataset is there.

use engine_base::Lsn;
use engine_format::{BatchBuilder, DatasetState};
use engine_log::BatchData;

use crate::cleanup::{finish, not_found};
use crate::pins::Span;
use crate::{Dataset, LockMode, Pool, StoreError};

/// Who gives contents back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cleaner {
    /// Beside others who commit, in a bucket that is live.
    Beside,
    /// Who removes the bucket, and holds its gate alone.
    Alone,
}

impl Pool {
    /// Commits a batch of `dataset` that touches keys of `spans` (first and last, both included).
    /// Their leaves are brought into memory and stay there until it is applied. The caller holds
    /// locks on what the keys are about.
    ///
    /// Resolves when it is readable and survives the death of the process, to an LSN at or above
    /// its own.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the dataset was deleted, [`StoreError::PageDamaged`],
    /// [`StoreError::Device`]: nothing changed. [`StoreError::Log`]: nothing changed, or, if
    /// poisoned, what is durable after a restart decides.
    pub async fn commit_keys(
        &self,
        dataset: &Dataset,
        spans: Vec<(Vec<u8>, Vec<u8>)>,
        batch: BatchData,
    ) -> Result<Lsn, StoreError> {
        check_live(dataset)?;
        // Whoever removes the record waits until this is applied; a batch behind that could not be.
        let _gate = dataset.gate(LockMode::Shared).await;
        check_live(dataset)?;
        self.commit_inside(dataset, spans, batch).await
    }

    /// The caller has passed the gate of the dataset.
    async fn commit_inside(
        &self,
        dataset: &Dataset,
        spans: Vec<Span>,
        batch: BatchData,
    ) -> Result<Lsn, StoreError> {
        let mut spans = spans;
        let shared = self.spans_of_shared(dataset, &batch.mutations).await?;
        spans.extend(shared);
        let _pin = dataset.pins().pin(spans.clone());
        for (low, high) in &spans {
            self.make_resident(dataset, low, high).await?;
        }
        self.commit(batch).await
    }

    /// Commits a batch of one who gives space back.
    pub(super) async fn commit_release(
        &self,
        cleaner: Cleaner,
        dataset: &Dataset,
        spans: Vec<Span>,
        batch: BatchBuilder,
    ) -> Result<Lsn, StoreError> {
        let mutations = finish(batch)?;
        let batch = BatchData {
            mutations,
            data: Vec::new(),
            streamed: false,
        };
        match cleaner {
            Cleaner::Beside => self.commit_keys(dataset, spans, batch).await,
            Cleaner::Alone => self.commit_inside(dataset, spans, batch).await,
        }
    }
}

fn check_live(dataset: &Dataset) -> Result<(), StoreError> {
    dataset.with_record(|record| match record {
        Some(record) if record.state == DatasetState::Live => Ok(()),
        Some(record) => Err(not_found(record.name.as_str())),
        None => Err(not_found("(pool)")),
    })
}
