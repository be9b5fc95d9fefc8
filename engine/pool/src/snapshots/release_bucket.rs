//! Giving back what a deleted snapshot of a bucket, or a deleted bucket that came from one, refers
//! to alone.
//!
//! Rounds, each of which goes through the tree past the pages that its parent or its child has too,
//! and gathers what only it refers to, by segment, the lowest first. Then steps: each is a batch
//! that says how many bytes of some segments are dead, and with the record up to which segment that
//! is done. From then on the child treats what lies below it as if its parent were the parent's
//! parent. While a round is on its way, apply adds what the child lets go of; only over the batches
//! the child's writers wait.
//!
//! CRASH: the record says from which segment to go on. What the child let go of above it is found
//! by the next look, as nobody has it any more.

use std::sync::Arc;

use engine_base::{ByteCount, DatasetId, Location, Sixteenths};
use engine_format::{BatchBuilder, DatasetKind, Descent, dataset_key};

use super::leaving::{Leaving, Step};
use crate::{Dataset, LockMode, Pool, StoreError};

/// Segments whose bytes one batch gives back: some 160 KiB of mutations.
const SEGMENTS_PER_STEP: usize = 4096;

impl Pool {
    pub(super) async fn release_bucket(&self, dataset: &Arc<Dataset>) -> Result<(), StoreError> {
        // Whoever still commits has passed the gate before the deletion, or will see the state and
        // give up.
        drop(dataset.gate(LockMode::Exclusive).await);
        while dataset.descent().released < u64::MAX {
            self.release_round(dataset).await?;
        }
        Ok(())
    }

    async fn release_round(&self, dataset: &Arc<Dataset>) -> Result<(), StoreError> {
        let child = self.core.catalog.children_of(dataset.id()).pop();
        let (leaving, from) = (&self.core.leaving, dataset.descent().released);
        let gathering = leaving.begin(dataset.id(), self.moment_above(dataset), from);
        let children: Vec<_> = child.iter().cloned().collect();
        self.gather(
            dataset,
            &self.related(dataset),
            &children,
            |segment, counted| {
                leaving.add(dataset.id(), segment, counted);
            },
        )
        .await?;
        loop {
            self.admit_release().await?;
            let _gate = match &child {
                Some(child) => Some(child.gate(LockMode::Exclusive).await),
                None => None,
            };
            let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
            let now = self.core.catalog.children_of(dataset.id());
            if now
                .iter()
                .map(|now| now.id())
                .ne(children.iter().map(|child| child.id()))
            {
                // A snapshot was taken of the child meanwhile: that is the child now.
                return Ok(());
            }
            let step = gathering.take(SEGMENTS_PER_STEP);
            self.commit_round_step(dataset, &step).await?;
            if step.is_last {
                return Ok(());
            }
        }
    }

    /// The caller holds the gate of the child, and the lock of the names.
    async fn commit_round_step(&self, dataset: &Dataset, step: &Step) -> Result<(), StoreError> {
        let Some(mut record) = dataset.record() else {
            return Ok(());
        };
        let mut batch = BatchBuilder::new();
        for (segment, dead) in &step.dead {
            let (key, bytes) = (segment.get().to_be_bytes(), dead.bytes());
            let excess = Sixteenths::of_bytes(bytes).get() - dead.get();
            batch.extent_release(dataset.id(), &key, excess, bytes);
        }
        record.descent = Some(Descent {
            released: step.to,
            ..dataset.descent()
        });
        let key = dataset_key(dataset.id());
        batch.put(DatasetId::POOL, &key, &record.encode());
        self.commit_record(&key, batch).await?;
        Ok(())
    }

    /// The moment of the parent: what is older is the parent's.
    fn moment_above(&self, dataset: &Dataset) -> Option<Location> {
        let parent = self.core.catalog.get(dataset.descent().parent?)?;
        parent.kept().map(|kept| kept.data)
    }

    /// Stored bytes that nothing but this snapshot of a bucket refers to.
    pub(super) async fn exclusive_bytes_of_bucket(
        &self,
        snapshot: &Dataset,
    ) -> Result<ByteCount, StoreError> {
        debug_assert!(
            snapshot.is(DatasetKind::Bucket),
            "volumes have no shared bytes"
        );
        let (above, others) = (self.moment_above(snapshot), self.related(snapshot));
        let children = self.core.catalog.children_of(snapshot.id());
        let (mut stored, mut from) = (Sixteenths::ZERO, snapshot.descent().released);
        while from < u64::MAX {
            // One of its own: nobody is to add to it.
            let leaving = Leaving::default();
            let gathering = leaving.begin(snapshot.id(), above, from);
            self.gather(snapshot, &others, &children, |segment, range| {
                leaving.add(snapshot.id(), segment, range);
            })
            .await?;
            let step = gathering.take(usize::MAX);
            step.dead.iter().for_each(|(_, dead)| stored += *dead);
            from = step.to;
        }
        Ok(ByteCount::new(stored.bytes()))
    }
}
