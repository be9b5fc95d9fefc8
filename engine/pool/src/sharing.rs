//! Stored bytes that several extents of a bucket refer to.
//!
//! The invariant. An extent is marked as shared if and only if the tree of its dataset records it
//! under the bytes that it refers to: [`BucketKey::Shared`] with the segment, the position of its
//! first byte, its content and its offset there, and its length. Bytes that marked extents refer to
//! are referred to by no others. So:
//!
//! * live bytes of a segment are those of its extents that are not marked, and the union of what
//!   is recorded for it;
//! * a part of a marked extent that goes is dead as far as no record covers it any more;
//! * a marked extent that is cut in two has two records from then on.
//!
//! A part of a unit is recorded under the first byte of the unit, with what part of it that is: of
//! a unit is dead what no record of it covers.
//!
//! Extents are marked and recorded by the one mutation that shares them, before that they are not.
//! A mark stays when the other references have gone: then its record is the only one.

mod spans;
mod stored;

use std::ops::{ControlFlow, Range};

use engine_base::SegmentId;
use engine_format::{
    BucketKey, ExtentBuf, ExtentRef, ExtentShareRef, InodeId, SharedKey, SharedRecord,
};
use engine_tree::{
    ExtentKey, FreedExtent, Missing, Piece, SharedExtent, Tree, extent_key_span, extent_lookup,
};

use crate::apply::ApplyError;
use crate::dataset::Allocated;

pub(crate) use spans::record_spans;
pub(crate) use stored::{StoredAt, uncovered, without};

type Extents = Vec<(u64, ExtentBuf)>;

/// Scans keys from `low` to `high`, both included, without asking for a page behind them.
fn scan_within(
    tree: &Tree,
    low: &[u8],
    high: &[u8],
    mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
) -> Result<(), Missing> {
    let scanned = tree.scan(low, |key, value| {
        if key > high {
            return ControlFlow::Break(());
        }
        visit(key, value)
    });
    match scanned {
        Err(missing) if *missing.low > *high => Ok(()),
        scanned => scanned,
    }
}

/// The extents that reach into a range of an object, whole, with their first bytes.
fn extents_in(tree: &Tree, prefix: &[u8], offset: u64, bytes: u64) -> Result<Extents, ApplyError> {
    let (low, _) = extent_key_span(prefix, offset, bytes);
    let high = ExtentKey::new(prefix, offset + (bytes - 1));
    let mut found = Extents::new();
    let mut result = Ok(());
    scan_within(tree, &low, &high, |key, value| {
        let start = key.strip_prefix(prefix).map(<[u8; 8]>::try_from);
        let (Some(Ok(start)), extent) = (start, ExtentRef::decode(value)) else {
            result = Err(ApplyError::BadKey);
            return ControlFlow::Break(());
        };
        let start = u64::from_be_bytes(start);
        match extent {
            Ok(extent) if start.saturating_add(extent.bytes().into()) > offset => {
                found.push((start, ExtentBuf::new(&extent)));
            }
            Ok(_) => {}
            Err(error) => {
                result = Err(error.into());
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    result.map(|()| found)
}

fn content_of(prefix: &[u8]) -> Result<InodeId, ApplyError> {
    let key = [prefix, &[0; 8]].concat();
    match BucketKey::decode(&key) {
        Ok(BucketKey::Extent(content, _)) => Ok(content),
        _ => Err(ApplyError::BadKey),
    }
}

fn key_of(segment: SegmentId, position: u32, content: InodeId, offset: u64) -> Vec<u8> {
    BucketKey::Shared(SharedKey {
        segment,
        position,
        content,
        offset,
    })
    .encode()
}

/// Takes a part of a marked extent out of the records; what of it nothing refers to any more, as
/// ranges of the segment in sixteenths of a byte.
pub(crate) fn release(
    tree: &mut Tree,
    prefix: &[u8],
    freed: &FreedExtent,
    whole: &SharedExtent,
) -> Result<Vec<Range<u64>>, ApplyError> {
    let content = content_of(prefix)?;
    let at = StoredAt::of_freed(freed.location.segment, whole);
    let range = whole.from..whole.from + freed.bytes;
    if range.start == 0 {
        tree.delete(&key_of(at.segment, at.position, content, whole.start))?;
    } else {
        record(tree, content, whole.start, &at, range.start)?;
    }
    if range.end < whole.bytes {
        let start = whole.start + u64::from(range.end);
        let (rest, bytes) = (at.behind(range.end), whole.bytes - range.end);
        record(tree, content, start, &rest, bytes)?;
    }
    let dead = uncovered(tree, &at, range)?;
    Ok(dead.iter().map(|range| at.counted(range)).collect())
}

/// The extents of a range, cut to it, marked, with their places in the range that takes them; and
/// marks and records those that they are cut from.
pub(crate) fn mark(tree: &mut Tree, share: &ExtentShareRef<'_>) -> Result<Extents, ApplyError> {
    let content = content_of(share.source)?;
    let mut cut = Extents::new();
    let mut add = |piece: Piece<'_>| {
        if let Piece::Data { offset, extent, .. } = piece {
            let at = share.offset + (offset - share.from);
            cut.push((at, ExtentBuf::new(&extent.shared())));
        }
        ControlFlow::Continue(())
    };
    extent_lookup(tree, share.source, share.from, share.bytes, &mut add)?;
    for (start, extent) in extents_in(tree, share.source, share.from, share.bytes)? {
        let extent = extent.extent();
        if extent.is_shared() {
            continue;
        }
        let key = ExtentKey::new(share.source, start);
        tree.put(&key, ExtentBuf::new(&extent.shared()).as_bytes())?;
        record(tree, content, start, &StoredAt::of(&extent), extent.bytes())?;
    }
    Ok(cut)
}

/// Records a marked extent.
fn record(
    tree: &mut Tree,
    content: InodeId,
    start: u64,
    at: &StoredAt,
    bytes: u32,
) -> Result<(), ApplyError> {
    let key = key_of(at.segment, at.position, content, start);
    let part = at.part;
    Ok(tree.put(&key, &SharedRecord { bytes, part }.encode())?)
}

/// Puts marked extents where there is nothing; what they refer to.
pub(crate) fn put_marked(
    tree: &mut Tree,
    prefix: &[u8],
    extents: &Extents,
) -> Result<Allocated, ApplyError> {
    let content = content_of(prefix)?;
    let mut all = Allocated::default();
    for (start, extent) in extents {
        tree.put(&ExtentKey::new(prefix, *start), extent.as_bytes())?;
        let extent = extent.extent();
        record(
            tree,
            content,
            *start,
            &StoredAt::of(&extent),
            extent.bytes(),
        )?;
        all.add(extent.bytes(), extent.weight());
    }
    Ok(all)
}
