//! Where the bytes of a content lie, and reading them.

mod read;

use std::ops::{ControlFlow, Range};

use engine_base::to_usize;
use engine_format::{BucketKey, ContentForm, Inode, InodeId, PieceRecord};
use engine_pool::ExtentRead;
use engine_tree::{Piece, Tree, extent_lookup};

use crate::look::{Look, value};

/// Parts of a content, or of its map of pieces, that one look takes.
pub(crate) const FOUND_AT_ONCE: usize = 256;

/// Bytes of one content that are a part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) content: InodeId,
    /// First byte in the content.
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    /// First byte in the file.
    pub(crate) file_at: u64,
}

/// Bytes of a file and where they are stored.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// First byte in the file.
    pub(crate) at: u64,
    pub(crate) bytes: u64,
    /// `None`: a hole.
    pub(crate) stored: Option<Stored>,
}

/// Stored blocks, and how many bytes of what they hold come before those that are meant.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) read: ExtentRead,
    pub(crate) skip: usize,
}

/// The spans of a range of a file whose content lies in extents, in order and without gaps.
pub(crate) fn spans(tree: &Tree, inode: &Inode, range: Range<u64>) -> Look<Vec<Span>> {
    some_spans(tree, inode, range, usize::MAX)
}

/// As [`spans`], but no more than `max`: then they end before the range does.
pub(crate) fn some_spans(
    tree: &Tree,
    inode: &Inode,
    range: Range<u64>,
    max: usize,
) -> Look<Vec<Span>> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let whole = |content, start: u64| Span {
        content,
        at: range.start - start,
        bytes: range.end - range.start,
        file_at: range.start,
    };
    if inode.content != ContentForm::Pieces {
        return Ok(vec![whole(inode.id, 0)]);
    }
    let mut pieces: Vec<(u64, Vec<u8>)> = Vec::new();
    let of_file = |key: &[u8]| match BucketKey::decode(key) {
        Ok(BucketKey::Piece(owner, start)) if owner == inode.id => Some(start),
        _ => None,
    };
    let from = BucketKey::Piece(inode.id, range.start).encode();
    let first = tree.floor(&from, |entry| {
        entry.and_then(|(key, value)| Some((of_file(key)?, value.to_vec())))
    })?;
    pieces.extend(first);
    let behind = BucketKey::Piece(inode.id, range.start + 1).encode();
    // One more, to know where the last one ends.
    tree.scan(&behind, |key, value| match of_file(key) {
        Some(start) if start < range.end && pieces.len() <= max => {
            pieces.push((start, value.to_vec()));
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    })?;
    let mut spans = Vec::with_capacity(pieces.len());
    for (index, (start, value)) in pieces.iter().enumerate().take(max) {
        let end = pieces.get(index + 1).map_or(range.end, |next| next.0);
        let from = range.start.max(*start);
        spans.push(Span {
            content: PieceRecord::decode(value)?.content,
            at: from - start,
            bytes: end.min(range.end) - from,
            file_at: from,
        });
    }
    Ok(spans)
}

/// Where the bytes of a range of a file lie, in order and without gaps.
pub(crate) fn find(tree: &Tree, inode: &Inode, range: Range<u64>) -> Look<Vec<Found>> {
    find_some(tree, inode, range, usize::MAX)
}

/// As [`find`], but no more than `max` parts, at least one: then they end before the range does.
pub(crate) fn find_some(
    tree: &Tree,
    inode: &Inode,
    range: Range<u64>,
    max: usize,
) -> Look<Vec<Found>> {
    let mut found: Vec<Found> = Vec::new();
    if inode.content == ContentForm::None {
        found.push(Found {
            at: range.start,
            bytes: range.end - range.start,
            stored: None,
        });
        return Ok(found);
    }
    let spans = some_spans(tree, inode, range.clone(), max)?;
    let is_cut = spans.len() == max;
    for span in spans {
        let prefix = BucketKey::extents(span.content);
        extent_lookup(tree, &prefix, span.at, span.bytes, |piece| {
            let (offset, bytes, stored) = match &piece {
                Piece::Hole { offset, bytes } => (*offset, *bytes, None),
                Piece::Data {
                    offset,
                    bytes,
                    extent,
                } => {
                    let stored = Stored {
                        read: ExtentRead::new(extent),
                        skip: extent.skip().into(),
                    };
                    (*offset, u64::from(*bytes), Some(stored))
                }
            };
            found.push(Found {
                at: span.file_at + (offset - span.at),
                bytes,
                stored,
            });
            match found.len() < max {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        if found.len() >= max {
            return Ok(found);
        }
    }
    if !is_cut {
        fill_gaps(&mut found, range);
    }
    Ok(found)
}

/// Adds holes where nothing was found: pieces that are gone, which only a reader of the past asks
/// for.
fn fill_gaps(found: &mut Vec<Found>, range: Range<u64>) {
    let end = found
        .last()
        .map_or(range.start, |last| last.at + last.bytes);
    if end < range.end {
        found.push(Found {
            at: end,
            bytes: range.end - end,
            stored: None,
        });
    }
}

/// A small content; bytes behind its record are zeroes.
pub(crate) fn small(tree: &Tree, inode: &Inode) -> Look<Vec<u8>> {
    let key = BucketKey::Small(inode.id);
    let found = value(tree, &key, |value| Ok(value.to_vec()))?;
    Ok(found.unwrap_or_default())
}

/// A range of a small content and the zeroes behind it.
pub(crate) fn cut(content: &[u8], range: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; to_usize(range.end - range.start)];
    let length = content.len() as u64;
    let from = to_usize(range.start.min(length));
    let to = to_usize(range.end.min(length));
    bytes[..to - from].copy_from_slice(&content[from..to]);
    bytes
}

/// What a read of a range comes to.
pub(crate) enum ReadPlan {
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// Where they lie.
    Stored(Vec<Found>),
}

/// Looks up what a range of a file holds, cut off at its end.
pub(crate) fn plan(tree: &Tree, inode: &Inode, at: u64, bytes: u64) -> Look<ReadPlan> {
    let end = at.saturating_add(bytes).min(inode.size);
    if at >= end {
        return Ok(ReadPlan::Bytes(Vec::new()));
    }
    match inode.content {
        ContentForm::Small => {
            let content = small(tree, inode)?;
            Ok(ReadPlan::Bytes(cut(&content, at..end)))
        }
        ContentForm::None | ContentForm::Extents | ContentForm::Pieces => {
            Ok(ReadPlan::Stored(find(tree, inode, at..end)?))
        }
    }
}
