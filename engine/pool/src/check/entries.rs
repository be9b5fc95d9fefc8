//! Entries of the trees of datasets.

use engine_base::limits::BLOCK;
use engine_format::{
    BucketKey, DatasetKind, DatasetRecord, DatasetState, DirectoryState, EntryRecord, ExtentRef,
    Inode,
};

use super::report::chain;

/// Bytes of a dataset, or of a content in it, in words.
pub(super) fn range_of(owner: &str, object: Option<u64>, start: u64, end: u64) -> String {
    match object {
        Some(object) => format!("{owner}, content {object}, bytes {start}..{end}"),
        None => format!("{owner}, bytes {start}..{end}"),
    }
}

/// An extent of a tree: of which content in a bucket, from where.
pub(super) type FoundExtent<'a> = (Option<u64>, u64, ExtentRef<'a>);

/// The extent in an entry of a tree; `None` for what else a bucket keeps. Of that, entries, inodes
/// and the states of directories must decode; the other records are looked at when a bucket opens.
pub(super) fn decode_extent<'a>(
    is_bucket: bool,
    key: &[u8],
    value: &'a [u8],
) -> Result<Option<FoundExtent<'a>>, String> {
    if is_bucket {
        let (content, start) = match BucketKey::decode(key).map_err(|error| chain(&error))? {
            BucketKey::Extent(content, start) => (content.get(), start),
            BucketKey::Entry(..) => {
                EntryRecord::decode(value).map_err(|error| chain(&error))?;
                return Ok(None);
            }
            BucketKey::Inode(_) => {
                Inode::decode(value).map_err(|error| chain(&error))?;
                return Ok(None);
            }
            BucketKey::Directory(_) => {
                DirectoryState::decode(value).map_err(|error| chain(&error))?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let extent = ExtentRef::decode(value).map_err(|error| chain(&error))?;
        return Ok(Some((Some(content), start, extent)));
    }
    let start = <[u8; 8]>::try_from(key)
        .map_err(|_| format!("its key has {} bytes instead of 8", key.len()))?;
    let extent = ExtentRef::decode(value).map_err(|error| chain(&error))?;
    Ok(Some((None, u64::from_be_bytes(start), extent)))
}

/// Where the extents of a dataset end at most.
pub(super) fn end_allowed(record: Option<&DatasetRecord>) -> u64 {
    match record {
        Some(record)
            if record.kind == DatasetKind::Volume
                && record.state == DatasetState::Live
                && record.cleanup_from.is_none() =>
        {
            record.size.get().next_multiple_of(BLOCK)
        }
        _ => u64::MAX,
    }
}

/// Whether the keys of a dataset are those of a bucket.
pub(super) fn is_bucket(record: Option<&DatasetRecord>) -> bool {
    record.is_some_and(|record| record.kind == DatasetKind::Bucket)
}
