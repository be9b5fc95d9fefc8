//! What of a volume others do not refer to.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use engine_base::{Sixteenths, to_u32, to_usize};
use engine_format::ExtentRef;
use engine_tree::{ExtentError, Missing, Piece, Tree, extent_lookup};

use crate::sharing::StoredAt;
use crate::{Dataset, Pool, StoreError};

/// Pieces after which a look ends: they fit a batch.
const PIECES_PER_LOOK: usize = 256;
/// Leaves that a look reads.
const LEAVES_PER_LOOK: usize = 32;

/// Bytes of an object that others do not map to the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unshared {
    /// Where the extent begins that it is a part of.
    pub(crate) extent: u64,
    /// Its first byte.
    pub(crate) offset: u64,
    /// Its length.
    pub(crate) bytes: u64,
    /// What it counts for of what is stored.
    pub(crate) weight: Sixteenths,
}

/// What a look has found.
#[derive(Debug)]
pub(crate) struct Found {
    /// In the order of offsets.
    pub(crate) pieces: Vec<Unshared>,
    /// No extent crosses this offset, and those below it were looked at; 2^64 - 1: all.
    pub(crate) to: u64,
}

/// An extent, and where its bytes lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub(super) start: u64,
    pub(super) bytes: u64,
    pub(super) at: StoredAt,
}

impl Stored {
    pub(super) fn of(start: u64, extent: &ExtentRef<'_>) -> Self {
        Self {
            start,
            bytes: extent.bytes().into(),
            at: StoredAt::of(extent),
        }
    }

    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes)
    }

    /// What a range of the object that it has counts for of what is stored.
    fn weight(&self, offset: u64, bytes: u64) -> Sixteenths {
        let from = to_u32(to_usize(offset - self.start));
        let counted = self.at.counted(&(from..from + to_u32(to_usize(bytes))));
        Sixteenths::new(counted.end - counted.start)
    }

    /// Whether the bytes of `other` lie where this one has them.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let (mine, others) = (self.at.comparable(), other.at.comparable());
        self.at.segment == other.at.segment && mine + (other.start - self.start) == others
    }
}

impl Pool {
    /// What of the extents of a volume that begin in `range` none of `others` maps to the same
    /// place. Pages that one of them has too are passed over. Ends early after a bounded number of
    /// pieces and pages.
    pub(crate) async fn unshared(
        &self,
        dataset: &Dataset,
        others: &[Arc<Dataset>],
        range: Range<u64>,
    ) -> Result<Found, StoreError> {
        let _pin = self.read_pin();
        let mut pieces = Vec::new();
        let mut from = range.start.to_be_bytes().to_vec();
        for _ in 0..LEAVES_PER_LOOK {
            let leaf = self.unshared_leaf(dataset, others, &from).await?;
            let Some((low, high)) = leaf.filter(|(low, _)| offset_of(low) < range.end) else {
                return Ok(Found {
                    pieces,
                    to: range.end,
                });
            };
            for extent in self.extents_of(dataset, &low, &high, range.end).await? {
                self.add_unshared(extent, others, &mut pieces).await?;
            }
            if high.is_empty() || offset_of(&high) >= range.end {
                return Ok(Found {
                    pieces,
                    to: range.end,
                });
            }
            from = high;
            if pieces.len() >= PIECES_PER_LOOK {
                break;
            }
        }
        let to = self.behind(dataset, offset_of(&from)).await?;
        Ok(Found { pieces, to })
    }

    /// The extents with keys from `low` up to `high` that begin before `end`.
    async fn extents_of(
        &self,
        dataset: &Dataset,
        low: &[u8],
        high: &[u8],
        end: u64,
    ) -> Result<Vec<Stored>, StoreError> {
        let found = self.look(dataset, |tree| {
            let mut found = Ok(Vec::new());
            let scanned = tree.scan(low, |key, value| {
                let start = offset_of(key);
                if (!high.is_empty() && key >= high) || start >= end {
                    return ControlFlow::Break(());
                }
                match (&mut found, ExtentRef::decode(value)) {
                    (Ok(found), Ok(extent)) => found.push(Stored::of(start, &extent)),
                    (found, Err(error)) => *found = Err(error),
                    (Err(_), Ok(_)) => {}
                }
                ControlFlow::Continue(())
            });
            match scanned {
                Err(missing) if !high.is_empty() && *missing.low >= *high => {}
                scanned => scanned?,
            }
            Ok(found)
        });
        found.await?.map_err(|error| StoreError::Inconsistent {
            what: format!("the extents of {}: {error}", dataset.id()),
        })
    }

    async fn add_unshared(
        &self,
        extent: Stored,
        others: &[Arc<Dataset>],
        pieces: &mut Vec<Unshared>,
    ) -> Result<(), StoreError> {
        let mut left = vec![(extent.start, extent.bytes)];
        for other in others {
            let mut still = Vec::new();
            for (offset, bytes) in std::mem::take(&mut left) {
                let look = |tree: &Tree| unlike(tree, &extent, offset, bytes);
                let found = self.look(other, look).await?;
                still.extend(found.map_err(|error| StoreError::Inconsistent {
                    what: format!("the extents of {}: {error}", other.id()),
                })?);
            }
            left = still;
        }
        pieces.extend(left.into_iter().map(|(offset, bytes)| Unshared {
            extent: extent.start,
            offset,
            bytes,
            weight: extent.weight(offset, bytes),
        }));
        Ok(())
    }

    /// The end of the extent that `offset` is in, or `offset`.
    async fn behind(&self, dataset: &Dataset, offset: u64) -> Result<u64, StoreError> {
        let Some(last) = offset.checked_sub(1) else {
            return Ok(offset);
        };
        let end = self.look(dataset, |tree| {
            tree.floor(&last.to_be_bytes(), |entry| {
                let (key, value) = entry?;
                let extent = ExtentRef::decode(value).ok()?;
                Some(Stored::of(offset_of(key), &extent).end())
            })
        });
        Ok(end.await?.unwrap_or(0).max(offset))
    }
}

type Ranges = Vec<(u64, u64)>;

/// The parts of a range of an extent that `tree` does not map to the same place.
fn unlike(
    tree: &Tree,
    extent: &Stored,
    offset: u64,
    bytes: u64,
) -> Result<Result<Ranges, String>, Missing> {
    let mut found: Ranges = Vec::new();
    let looked = extent_lookup(tree, &[], offset, bytes, |piece| {
        let (offset, bytes, is_same) = match piece {
            Piece::Hole { offset, bytes } => (offset, bytes, false),
            Piece::Data {
                offset,
                bytes,
                extent: other,
            } => {
                let same = extent.agrees(&Stored::of(offset, &other));
                (offset, u64::from(bytes), same)
            }
        };
        match found.last_mut() {
            _ if is_same => {}
            Some((start, length)) if *start + *length == offset => *length += bytes,
            _ => found.push((offset, bytes)),
        }
        ControlFlow::Continue(())
    });
    match looked {
        Ok(()) => Ok(Ok(found)),
        Err(ExtentError::Map(missing)) => Err(missing),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// The offset that a key or a fence stands for. Fences may be cut short; missing bytes count as
/// zero.
fn offset_of(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}
