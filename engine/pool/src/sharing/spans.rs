//! What has to be in memory before something that is shared is changed.

use std::ops::ControlFlow;

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{to_u32, to_usize};
use engine_format::{
    BucketKey, ExtentRef, FEATURE_SHARING, InodeId, MutationRef, SharedKey, batches,
};
use engine_tree::{Missing, Tree};

use super::{StoredAt, extents_in};
use crate::apply::ApplyError;
use crate::pins::Span;
use crate::{Dataset, Pool, StoreError};

/// The keys of the records that freeing a part of an extent looks at, or changes.
fn span_of(extent: &ExtentRef<'_>) -> Span {
    let StoredAt {
        segment, position, ..
    } = StoredAt::of(extent);
    let low = position.saturating_sub(to_u32(to_usize(EXTENT_BYTES_MAX)));
    let high = position + extent.bytes();
    let key = |position| {
        let shared = SharedKey {
            segment,
            position,
            content: InodeId::ROOT,
            offset: 0,
        };
        BucketKey::Shared(shared).encode()
    };
    (key(low), key(high + 1))
}

/// The keys of all records that applying a mutation may look at.
pub(crate) fn record_spans(
    tree: &Tree,
    mutation: &MutationRef<'_>,
) -> Result<Vec<Span>, ApplyError> {
    let mut spans = Vec::new();
    let mut add = |prefix: &[u8], offset, bytes, all| -> Result<(), ApplyError> {
        for (_, extent) in extents_in(tree, prefix, offset, bytes)? {
            let extent = extent.extent();
            if all || extent.is_shared() {
                spans.push(span_of(&extent));
            }
        }
        Ok(())
    };
    match *mutation {
        MutationRef::ExtentPut { key, extent, .. } => {
            add(key, extent.offset, extent.bytes.into(), false)?;
        }
        MutationRef::ExtentClear {
            key, offset, bytes, ..
        } => add(key, offset, bytes, false)?,
        MutationRef::ExtentShare { key, share, .. } => {
            // What is overwritten may be marked by this very mutation.
            add(key, share.offset, share.bytes, true)?;
            add(share.source, share.from, share.bytes, true)?;
        }
        MutationRef::Put { .. }
        | MutationRef::Delete { .. }
        | MutationRef::ExtentRelease { .. }
        | MutationRef::Touch { .. }
        | MutationRef::Charge { .. } => {}
    }
    Ok(spans)
}

/// Whether anything of a dataset is shared.
fn is_sharing(tree: &Tree) -> Result<bool, Missing> {
    let mut any = false;
    tree.scan(&[BucketKey::SHARED], |_, _| {
        any = true;
        ControlFlow::Break(())
    })?;
    Ok(any)
}

/// The mutations of a batch that is about to be committed, in memory: an iterator of them that is
/// kept over an await would bind its future to one lifetime.
fn all(mutations: &[u8]) -> Vec<MutationRef<'_>> {
    let batches = batches(mutations).flatten();
    batches
        .flat_map(|batch| batch.mutations())
        .flatten()
        .collect()
}

fn has_share(mutations: &[u8]) -> bool {
    let shares = |mutation| matches!(mutation, MutationRef::ExtentShare { .. });
    let batches = batches(mutations).flatten();
    batches
        .flat_map(|batch| batch.mutations())
        .flatten()
        .any(shares)
}

impl Pool {
    /// To be called before the first share of a pool: builds that do not know of sharing refuse
    /// the pool from then on.
    ///
    /// # Errors
    /// Of the checkpoints that say so.
    pub async fn allow_sharing(&self) -> Result<(), StoreError> {
        // Whoever comes second waits until it is said.
        let _names = self.core.catalog.pool.locks().lock(0..u64::MAX).await;
        self.require_features(FEATURE_SHARING)
    }

    /// The keys of records that a batch of a dataset may look at besides those that it names. The
    /// caller holds locks on what the batch is about.
    pub(crate) async fn spans_of_shared(
        &self,
        dataset: &Dataset,
        mutations: &[u8],
    ) -> Result<Vec<Span>, StoreError> {
        if !has_share(mutations) && !self.look(dataset, is_sharing).await? {
            return Ok(Vec::new());
        }
        let mut spans = Vec::new();
        for mutation in all(mutations) {
            let found = self.look(dataset, |tree| match record_spans(tree, &mutation) {
                Err(ApplyError::NotResident(missing)) => Err(missing),
                found => Ok(found),
            });
            let found = found.await?.map_err(|error| StoreError::Inconsistent {
                what: format!("the extents of {}: {error}", dataset.id()),
            })?;
            spans.extend(found);
        }
        Ok(spans)
    }
}
