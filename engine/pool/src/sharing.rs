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
//! Extents are marked and recorded by the one mutation that shares them, before that they are not.
//! A mark stays when the other references have gone: then its record is the only one.

mod spans;

use std::ops::ControlFlow;

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{SegmentId, to_u32, to_usize};
use engine_format::{
    BucketKey, ExtentBuf, ExtentRef, ExtentShareRef, InodeId, SharedKey, SharedRecord,
};
use engine_tree::{
    ExtentKey, FreedExtent, Missing, Piece, SharedExtent, Tree, extent_key_span, extent_lookup,
};

use crate::apply::ApplyError;

pub(crate) use spans::record_spans;

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

/// The first byte of an extent in its segment.
fn position(extent: &ExtentRef<'_>) -> u32 {
    extent.location().offset + u32::from(extent.skip())
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

/// Takes a part of a marked extent out of the records; the ranges of the segment, from and to, that
/// nothing refers to any more.
pub(crate) fn release(
    tree: &mut Tree,
    prefix: &[u8],
    freed: &FreedExtent,
    whole: &SharedExtent,
) -> Result<Vec<(u32, u32)>, ApplyError> {
    let (content, segment) = (content_of(prefix)?, freed.location.segment);
    let record = |bytes| SharedRecord { bytes }.encode();
    let first = key_of(segment, whole.position, content, whole.start);
    if whole.from == 0 {
        tree.delete(&first)?;
    } else {
        tree.put(&first, &record(whole.from))?;
    }
    let behind = whole.from + freed.bytes;
    if behind < whole.bytes {
        let (at, start) = (whole.position + behind, whole.start + u64::from(behind));
        let rest = key_of(segment, at, content, start);
        tree.put(&rest, &record(whole.bytes - behind))?;
    }
    let from = whole.position + whole.from;
    uncovered(tree, segment, from, from + freed.bytes)
}

/// The parts of a range of a segment that no record covers.
pub(crate) fn uncovered(
    tree: &Tree,
    segment: SegmentId,
    from: u32,
    to: u32,
) -> Result<Vec<(u32, u32)>, ApplyError> {
    let reach = to_u32(to_usize(EXTENT_BYTES_MAX));
    let low = key_of(segment, from.saturating_sub(reach), InodeId::ROOT, 0);
    let high = key_of(segment, to, InodeId::ROOT, 0);
    let (mut dead, mut covered, mut result) = (Vec::new(), from, Ok(()));
    scan_within(tree, &low, &high, |key, value| {
        let (key, value) = (BucketKey::decode(key), SharedRecord::decode(value));
        let (Ok(BucketKey::Shared(key)), Ok(value)) = (key, value) else {
            result = Err(ApplyError::BadKey);
            return ControlFlow::Break(());
        };
        let end = key.position + value.bytes;
        if end > covered {
            if key.position > covered {
                dead.push((covered, key.position.min(to)));
            }
            covered = end;
        }
        match covered < to {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    result?;
    if covered < to {
        dead.push((covered, to));
    }
    Ok(dead)
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
        record(tree, content, start, &extent)?;
    }
    Ok(cut)
}

/// Records a marked extent.
fn record(
    tree: &mut Tree,
    content: InodeId,
    start: u64,
    extent: &ExtentRef<'_>,
) -> Result<(), ApplyError> {
    let segment = extent.location().segment;
    let key = key_of(segment, position(extent), content, start);
    let bytes = extent.bytes();
    Ok(tree.put(&key, &SharedRecord { bytes }.encode())?)
}

/// Puts marked extents where there is nothing; their bytes.
pub(crate) fn put_marked(
    tree: &mut Tree,
    prefix: &[u8],
    extents: &Extents,
) -> Result<u64, ApplyError> {
    let content = content_of(prefix)?;
    let mut bytes = 0;
    for (start, extent) in extents {
        tree.put(&ExtentKey::new(prefix, *start), extent.as_bytes())?;
        record(tree, content, *start, &extent.extent())?;
        bytes += u64::from(extent.extent().bytes());
    }
    Ok(bytes)
}
