//! Looking for what is to be given back.

use super::*;

/// The range from the first extent of an object that reaches into `from..to` over the next few.
pub(crate) fn next_extents(
    tree: &Tree,
    prefix: &[u8],
    from: u64,
    to: u64,
) -> Result<Option<Range<u64>>, Missing> {
    let mut range: Option<Range<u64>> = None;
    let mut count = 0;
    let (low, _) = extent_key_span(prefix, from, 1);
    tree.scan(&low, |key, value| {
        let offset = key.strip_prefix(prefix).map(<[u8; 8]>::try_from);
        let Some(Ok(offset)) = offset else {
            return ControlFlow::Break(());
        };
        let start = u64::from_be_bytes(offset);
        let Ok(extent) = ExtentRef::decode(value) else {
            return ControlFlow::Continue(());
        };
        if start >= to {
            return ControlFlow::Break(());
        }
        let end = start.saturating_add(extent.bytes().into());
        if end <= from {
            return ControlFlow::Continue(());
        }
        let begin = range.as_ref().map_or(start.max(from), |known| known.start);
        range = Some(begin..end.min(to));
        count += 1;
        if count >= EXTENTS_PER_STEP {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(range)
}

pub(super) fn first_content(tree: &Tree, from: &[u8]) -> Result<Option<InodeId>, Missing> {
    let mut found = None;
    tree.scan(from, |key, _| {
        if let Ok(BucketKey::Extent(content, _)) = BucketKey::decode(key) {
            found = Some(content);
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}

pub(super) fn first_piece(tree: &Tree, of: InodeId) -> Result<Option<Entry>, Missing> {
    let mut found = None;
    tree.scan(&BucketKey::Piece(of, 0).encode(), |key, value| {
        if matches!(BucketKey::decode(key), Ok(BucketKey::Piece(owner, _)) if owner == of) {
            found = Some((key.to_vec(), value.to_vec()));
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}

pub(super) type Entry = (Vec<u8>, Vec<u8>);
