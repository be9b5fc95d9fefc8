//! What models over keys need: committing under pins, and giving the contents of buckets back.
//!
//! A cleanup record says that content is dead. Its extents are cleared in bounded batches, each of
//! which gives space back; the record goes with the last of them, so that an opening after a crash
//! goes on. Clearing what is clear already changes nothing, so it does not matter who else is at
//! it.

mod commit;
mod find;

use commit::Cleaner;
pub(crate) use find::next_extents;
use find::{first_content, first_piece};

use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

use engine_base::Lsn;
use engine_format::{
    BatchBuilder, BucketKey, Cleanup, DatasetKind, DatasetState, ExtentRef, FEATURE_QUOTAS,
    InodeId, PieceRecord,
};
use engine_tree::{Missing, Tree, extent_key_span};

use crate::cleanup::EXTENTS_PER_STEP;
use crate::pins::KeyPin;
use crate::{Dataset, Pool, StoreError};

/// Cleanup records read at once.
const RECORDS_PER_LOOK: usize = 64;

impl Pool {
    /// Looks at the tree of `dataset`, reading what is missing, until `look` gets through.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn look<R>(
        &self,
        dataset: &Dataset,
        mut look: impl FnMut(&Tree) -> Result<R, Missing>,
    ) -> Result<R, StoreError> {
        let _pin = self.read_pin();
        let mut kept = Vec::new();
        loop {
            let missing = match dataset.with_tree(&mut look) {
                Ok(found) => return Ok(found),
                Err(missing) => missing,
            };
            self.fetch_and_keep(dataset, missing, &mut kept).await?;
        }
    }

    /// As [`Pool::fetch`]; the page stays in memory for as long as `kept` lives. So a look that
    /// needs several pages at once gets through however little memory there is.
    ///
    /// # Errors
    /// As [`Pool::fetch`].
    pub async fn fetch_and_keep<'a>(
        &self,
        dataset: &'a Dataset,
        missing: Missing,
        kept: &mut Vec<KeyPin<'a>>,
    ) -> Result<(), StoreError> {
        let low = missing.low.to_vec();
        kept.push(dataset.pins().pin(vec![(low.clone(), low)]));
        let most = &self.core.counters.look_pages_max;
        most.fetch_max(kept.len() as u64, Ordering::Relaxed);
        self.fetch(dataset, missing).await
    }

    /// Makes `range` of a content of a bucket a hole, in bounded batches that give space back.
    ///
    /// # Errors
    /// Any [`StoreError`]; what was cleared stays cleared.
    pub async fn clear_content(
        &self,
        dataset: &Dataset,
        content: InodeId,
        range: Range<u64>,
    ) -> Result<(), StoreError> {
        self.clear_content_by(Cleaner::Beside, dataset, content, range)
            .await
    }

    async fn clear_content_by(
        &self,
        cleaner: Cleaner,
        dataset: &Dataset,
        content: InodeId,
        range: Range<u64>,
    ) -> Result<(), StoreError> {
        let prefix = BucketKey::extents(content);
        let mut from = range.start;
        while from < range.end {
            self.admit_release().await?;
            self.throttle(dataset).await?;
            let find = |tree: &Tree| next_extents(tree, &prefix, from, range.end);
            let Some(step) = self.look(dataset, find).await? else {
                break;
            };
            let (low, high) = extent_key_span(&prefix, step.start, step.end - step.start);
            let mut batch = BatchBuilder::new();
            batch.extent_clear(dataset.id(), &prefix, step.start, step.end - step.start);
            let spans = vec![(low.to_vec(), high.to_vec())];
            self.commit_release(cleaner, dataset, spans, batch).await?;
            from = step.end;
        }
        Ok(())
    }

    /// Works off the dead contents of a bucket. Tails of files are left to whoever locks the files.
    ///
    /// What cannot be cleared because a page is damaged is passed over.
    ///
    /// # Errors
    /// Any [`StoreError`]; what is left stays on record.
    pub async fn clean_up_contents(&self, dataset: &Dataset) -> Result<(), StoreError> {
        let mut after = Vec::new();
        loop {
            let records = self.cleanup_records(dataset, &after).await?;
            let Some((last, _)) = records.last() else {
                return Ok(());
            };
            after = [&BucketKey::Cleanup(*last).encode()[..], &[0]].concat();
            for (content, record) in records {
                match self.clean_up_content(dataset, content, record).await {
                    Err(error) if error.is_damage() => {
                        let dataset = dataset.id();
                        tracing::warn!(%dataset, %content, %error, "a dead content stays");
                    }
                    result => result?,
                }
            }
        }
    }

    async fn clean_up_content(
        &self,
        dataset: &Dataset,
        content: InodeId,
        record: Cleanup,
    ) -> Result<(), StoreError> {
        match record {
            Cleanup::Tail(_) => return Ok(()),
            Cleanup::All => self.clear_content(dataset, content, 0..u64::MAX).await?,
            Cleanup::Pieces => self.clear_pieces(dataset, content).await?,
        }
        let key = BucketKey::Cleanup(content).encode();
        let mut batch = BatchBuilder::new();
        batch.delete(dataset.id(), &key);
        let spans = vec![(key.clone(), key)];
        self.commit_release(Cleaner::Beside, dataset, spans, batch)
            .await?;
        Ok(())
    }

    /// Gives back all contents of a bucket that is being deleted. The caller holds its gate alone.
    pub(crate) async fn clear_bucket(&self, dataset: &Dataset) -> Result<(), StoreError> {
        let mut from = vec![BucketKey::EXTENT];
        loop {
            let find = |tree: &Tree| first_content(tree, &from);
            let Some(content) = self.look(dataset, find).await? else {
                return Ok(());
            };
            self.clear_content_by(Cleaner::Alone, dataset, content, 0..u64::MAX)
                .await?;
            from = [&BucketKey::extents(content)[..], &[0xff; 9]].concat();
        }
    }

    /// As [`Pool::clean_up_contents`]; a bucket that is deleted meanwhile is left to that.
    pub(crate) async fn clean_up_live(&self, dataset: &Dataset) -> Result<(), StoreError> {
        match self.clean_up_contents(dataset).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            result => result,
        }
    }

    async fn clear_pieces(&self, dataset: &Dataset, of: InodeId) -> Result<(), StoreError> {
        loop {
            let find = |tree: &Tree| first_piece(tree, of);
            let Some((key, value)) = self.look(dataset, find).await? else {
                return Ok(());
            };
            let piece = PieceRecord::decode(&value).map_err(|error| StoreError::Inconsistent {
                what: format!("a piece of {of} in {}: {error}", dataset.id()),
            })?;
            self.clear_content(dataset, piece.content, 0..u64::MAX)
                .await?;
            let mut batch = BatchBuilder::new();
            batch.delete(dataset.id(), &key);
            let spans = vec![(key.clone(), key)];
            self.commit_release(Cleaner::Beside, dataset, spans, batch)
                .await?;
        }
    }

    async fn cleanup_records(
        &self,
        dataset: &Dataset,
        after: &[u8],
    ) -> Result<Vec<(InodeId, Cleanup)>, StoreError> {
        let mut found = Vec::new();
        let read = |tree: &Tree| {
            found.clear();
            tree.scan(after.max(&[BucketKey::CLEANUP]), |key, value| {
                match BucketKey::decode(key) {
                    Ok(BucketKey::Cleanup(content)) => {
                        found.push((content, Cleanup::decode(value)));
                    }
                    _ => return ControlFlow::Break(()),
                }
                if found.len() == RECORDS_PER_LOOK {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })
        };
        self.look(dataset, read).await?;
        let broken = |error| StoreError::Inconsistent {
            what: format!("a cleanup record of {}: {error}", dataset.id()),
        };
        found
            .into_iter()
            .map(|(content, record)| Ok((content, record.map_err(broken)?)))
            .collect()
    }

    /// Everything up to here is readable.
    #[must_use]
    pub fn applied_lsn(&self) -> Lsn {
        self.journal.applied_lsn()
    }

    /// Nothing above this is readable; what is being made readable at this moment is not above it.
    #[must_use]
    pub fn written_lsn(&self) -> Lsn {
        self.journal.written_lsn()
    }

    /// Everything up to here is on stable storage.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.journal.durable_lsn()
    }

    /// Cleans up on the thread that does that, or here if there is none.
    ///
    /// # Errors
    /// Of the cleanup, if it is done here.
    pub async fn clean_up_soon(&self, dataset: &Dataset) -> Result<(), StoreError> {
        if self.has_background() {
            self.request_cleanup();
            return Ok(());
        }
        let live = dataset.with_record(|record| {
            record.is_some_and(|record| {
                record.kind == DatasetKind::Bucket && record.state == DatasetState::Live
            })
        });
        if live {
            self.clean_up_live(dataset).await?;
        }
        Ok(())
    }

    /// To be called before the first quota of a pool: builds that do not know of quotas refuse the
    /// pool from then on.
    ///
    /// # Errors
    /// Of the checkpoints that say so.
    pub async fn allow_quotas(&self) -> Result<(), StoreError> {
        // Whoever comes second waits until it is said.
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        self.require_features(FEATURE_QUOTAS)
    }

    /// Has checkpoints name `features` as incompatible; when it returns, both superblocks do.
    pub(crate) fn require_features(&self, features: u64) -> Result<(), StoreError> {
        let before = self.core.features.fetch_or(features, Ordering::AcqRel);
        if before & features == features {
            return Ok(());
        }
        let done = self.checkpoint().and_then(|_| self.checkpoint());
        if let Err(error) = done {
            self.core
                .features
                .fetch_and(!features | before, Ordering::AcqRel);
            return Err(error);
        }
        Ok(())
    }
}
