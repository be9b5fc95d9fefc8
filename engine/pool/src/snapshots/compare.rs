//! What states of a family have in common.

use std::ops::Range;
use std::sync::Arc;

use engine_base::{ByteCount, Sixteenths};
use engine_format::DatasetKind;

use super::unshared::Unshared;
use crate::{Dataset, Pool, StoreError};

impl Pool {
    /// Stored bytes that nothing but this snapshot refers to. Reads what differs from the
    /// snapshots around it.
    ///
    /// # Errors
    /// [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn exclusive_bytes(&self, snapshot: &Dataset) -> Result<ByteCount, StoreError> {
        if snapshot.is(DatasetKind::Bucket) {
            return self.exclusive_bytes_of_bucket(snapshot).await;
        }
        let (mut stored, mut from) = (Sixteenths::ZERO, 0);
        let others = self.related(snapshot);
        while from < u64::MAX {
            let found = self.unshared(snapshot, &others, from..u64::MAX).await?;
            found.pieces.iter().for_each(|piece| stored += piece.weight);
            from = found.to;
        }
        Ok(ByteCount::new(stored.bytes()))
    }

    /// The ranges of a volume that differ between two states of it, those that begin in the next
    /// part from `from` on, and where the part behind that begins; 2^64 - 1: nowhere. Ranges of a
    /// later part may reach into one before it. Holes and stored bytes differ, whatever is stored.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for datasets of different families; [`StoreError::PageDamaged`],
    /// [`StoreError::Device`].
    pub async fn differences(
        &self,
        (one, other): (&Arc<Dataset>, &Arc<Dataset>),
        from: u64,
    ) -> Result<(Vec<Range<u64>>, u64), StoreError> {
        if one.descent().family != other.descent().family {
            return Err(StoreError::Invalid {
                what: "comparing two datasets".to_owned(),
                why: "neither descends from the other; compare states of one volume".to_owned(),
            });
        }
        let (ones, others) = ([Arc::clone(one)], [Arc::clone(other)]);
        let mut first = self.unshared(one, &others, from..u64::MAX).await?;
        let mut second = self.unshared(other, &ones, from..u64::MAX).await?;
        let to = first.to.min(second.to);
        first.pieces.append(&mut second.pieces);
        first.pieces.retain(|piece| piece.extent < to);
        let range = |piece: Unshared| piece.offset..piece.offset + piece.bytes;
        Ok((first.pieces.into_iter().map(range).collect(), to))
    }

    /// The dataset that this one went on from, and those that went on from it.
    pub(super) fn related(&self, dataset: &Dataset) -> Vec<Arc<Dataset>> {
        let parent = dataset.descent().parent;
        let mut all = self.core.catalog.children_of(dataset.id());
        all.extend(parent.and_then(|id| self.core.catalog.get(id)));
        all
    }
}
