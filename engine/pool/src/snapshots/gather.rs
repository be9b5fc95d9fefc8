//! Looking for what of a bucket's snapshot, or of a bucket that came from one, others do not refer
//! to: not by the same extents, and not by others that share the same bytes.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use engine_base::{SegmentId, to_u32, to_usize};
use engine_format::{BucketKey, ExtentRef, InodeId};
use engine_tree::{ExtentError, Missing, MissingIn, Piece, Tree, extent_lookup};

use super::unshared::Stored;
use crate::apply::ApplyError;
use crate::sharing;
use crate::{Dataset, Pool, StoreError};

/// Extents that are looked at between two waits at most.
const EXTENTS_PER_LOOK: usize = 256;

/// An extent of a content.
struct Part {
    content: InodeId,
    stored: Stored,
}

impl Pool {
    /// Calls `add` for all that `dataset` refers to and none of `others` does, as ranges of
    /// segments in sixteenths of a byte; for some more than once, and for some that are older than
    /// what the dataset went on from. Pages that one of `others` has too are passed over.
    pub(super) async fn gather(
        &self,
        dataset: &Dataset,
        others: &[Arc<Dataset>],
        children: &[Arc<Dataset>],
        mut add: impl FnMut(SegmentId, Range<u64>),
    ) -> Result<(), StoreError> {
        let _pin = self.read_pin();
        let mut from = vec![BucketKey::EXTENT];
        loop {
            let leaf = self.unshared_leaf(dataset, others, &from).await?;
            let Some((low, high)) = leaf else {
                return Ok(());
            };
            let mut next = Some(low);
            while let Some(low) = next {
                let (parts, behind) = self.parts_of(dataset, &low, &high).await?;
                for part in &parts {
                    self.gather_part(part, children, &mut add).await?;
                }
                next = behind;
            }
            if high.first().is_none_or(|first| *first > BucketKey::EXTENT) {
                return Ok(());
            }
            from = high;
        }
    }

    /// Extents with keys from `low` up to `high`, and where the next ones begin.
    async fn parts_of(
        &self,
        dataset: &Dataset,
        low: &[u8],
        high: &[u8],
    ) -> Result<(Vec<Part>, Option<Vec<u8>>), StoreError> {
        let found = self.look(dataset, |tree| {
            let (mut parts, mut next, mut result) = (Vec::new(), None, Ok(()));
            let scanned = tree.scan(low, |key, value| {
                if !high.is_empty() && key >= high {
                    return ControlFlow::Break(());
                }
                let (content, start) = match BucketKey::decode(key) {
                    Ok(BucketKey::Extent(content, start)) => (content, start),
                    Ok(_) => return ControlFlow::Break(()),
                    Err(error) => {
                        result = Err(error);
                        return ControlFlow::Break(());
                    }
                };
                if parts.len() == EXTENTS_PER_LOOK {
                    next = Some(key.to_vec());
                    return ControlFlow::Break(());
                }
                match ExtentRef::decode(value) {
                    Ok(extent) => {
                        let stored = Stored::of(start, &extent);
                        parts.push(Part { content, stored });
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        result = Err(error);
                        ControlFlow::Break(())
                    }
                }
            });
            match scanned {
                Err(missing) if !high.is_empty() && *missing.low >= *high => {}
                scanned => scanned?,
            }
            Ok(result.map(|()| (parts, next)))
        });
        let broken = |error| inconsistent(dataset, &error);
        found.await?.map_err(broken)
    }

    async fn gather_part(
        &self,
        part: &Part,
        children: &[Arc<Dataset>],
        add: &mut impl FnMut(SegmentId, Range<u64>),
    ) -> Result<(), StoreError> {
        let Part { content, stored } = part;
        let all = 0..to_u32(to_usize(stored.bytes));
        let mut left: Vec<Range<u32>> = std::iter::once(all).collect();
        for child in children {
            let mut still = Vec::new();
            for bytes in std::mem::take(&mut left) {
                let look = |tree: &Tree| match without(tree, *content, stored, bytes.clone()) {
                    Err(ApplyError::NotResident(missing)) => Err(missing),
                    found => Ok(found),
                };
                let found = self.look(child, look).await?;
                still.extend(found.map_err(|error| inconsistent(child, &error))?);
            }
            left = still;
        }
        for bytes in &left {
            add(stored.at.segment, stored.at.counted(bytes));
        }
        Ok(())
    }

    /// The keys of the first leaf at or behind `from` that none of `others` has.
    pub(super) async fn unshared_leaf(
        &self,
        dataset: &Dataset,
        others: &[Arc<Dataset>],
        from: &[u8],
    ) -> Result<Option<engine_tree::KeyRange>, StoreError> {
        let mut kept = Vec::new();
        loop {
            let found = {
                let tree = dataset.tree.read();
                let guards: Vec<_> = others.iter().map(|other| other.tree.read()).collect();
                let trees: Vec<&Tree> = guards.iter().map(|guard| &**guard).collect();
                tree.unshared_leaf(from, &trees)
            };
            let MissingIn { other, missing } = match found {
                Ok(found) => return Ok(found),
                Err(missing) => *missing,
            };
            let whose = other.and_then(|index| others.get(index));
            let whose = whose.map_or(dataset, |other| &**other);
            self.fetch_and_keep(whose, missing, &mut kept).await?;
        }
    }
}

/// The parts of a range of what the content has as `stored` in another state that `tree` does not
/// refer to.
fn without(
    tree: &Tree,
    content: InodeId,
    stored: &Stored,
    range: Range<u32>,
) -> Result<Vec<Range<u32>>, ApplyError> {
    let mut left = Vec::new();
    for range in unlike(tree, content, stored, range)? {
        left.extend(sharing::uncovered(tree, &stored.at, range)?);
    }
    Ok(left)
}

/// The parts that the same content does not have at the same place.
fn unlike(
    tree: &Tree,
    content: InodeId,
    stored: &Stored,
    range: Range<u32>,
) -> Result<Vec<Range<u32>>, ExtentError<Missing>> {
    let mut found: Vec<Range<u32>> = Vec::new();
    let start = stored.start + u64::from(range.start);
    let prefix = BucketKey::extents(content);
    extent_lookup(tree, &prefix, start, range.len() as u64, |piece| {
        let (offset, length, is_same) = match piece {
            Piece::Hole { offset, bytes } => (offset, bytes, false),
            Piece::Data {
                offset,
                bytes,
                extent,
            } => {
                let same = stored.agrees(&Stored::of(offset, &extent));
                (offset, u64::from(bytes), same)
            }
        };
        if !is_same {
            let from = range.start + to_u32(to_usize(offset - start));
            found.push(from..from + to_u32(to_usize(length)));
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn inconsistent(dataset: &Dataset, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Inconsistent {
        what: format!("the extents of {}: {error}", dataset.id()),
    }
}
