//! Entries of the trees of datasets.

use engine_base::limits::BLOCK;
use engine_format::{
    BucketKey, Cleanup, DatasetKind, DatasetRecord, DatasetState, DirectoryState, EntryRecord,
    ExtentRef, Held, Inode, InodeId, InodeNumbers, PartRecord, PieceRecord, Quota, SharedKey,
    SharedRecord, UploadRecord, Usage, counted,
};

use super::report::chain;

/// Bytes of a dataset, or of a content in it, in words.
pub(super) fn range_of(owner: &str, object: Option<u64>, start: u64, end: u64) -> String {
    match object {
        Some(object) => format!("{owner}, content {object}, bytes {start}..{end}"),
        None => format!("{owner}, bytes {start}..{end}"),
    }
}

/// An entry of a tree.
pub(super) enum Found<'a> {
    /// An extent: of which content in a bucket, from where.
    Extent(Option<u64>, u64, ExtentRef<'a>),
    /// The record of an extent that others may share.
    Shared(SharedKey, SharedRecord),
    /// A record that counts for a project.
    Counted(InodeId, Usage),
    /// What counts for a project.
    Usage(InodeId, Usage),
    /// What else a bucket keeps.
    Other,
}

/// Decodes an entry.
pub(super) fn decode_entry<'a>(
    is_bucket: bool,
    key: &[u8],
    value: &'a [u8],
) -> Result<Found<'a>, String> {
    let (content, start) = if is_bucket {
        match BucketKey::decode(key).map_err(|error| chain(&error))? {
            BucketKey::Extent(content, start) => (Some(content.get()), start),
            BucketKey::Shared(key) => {
                let record = SharedRecord::decode(value).map_err(|error| chain(&error))?;
                return Ok(Found::Shared(key, record));
            }
            key => {
                decode_record(&key, value)?;
                let counted = match key {
                    BucketKey::Usage(of) => Usage::decode(value).map(|all| Found::Usage(of, all)),
                    key => counted(&key, value).map(|counted| match counted {
                        Some((project, usage)) => Found::Counted(project, usage),
                        None => Found::Other,
                    }),
                };
                return counted.map_err(|error| chain(&error));
            }
        }
    } else {
        let start = <[u8; 8]>::try_from(key)
            .map_err(|_| format!("its key has {} bytes instead of 8", key.len()))?;
        (None, u64::from_be_bytes(start))
    };
    let extent = ExtentRef::decode(value).map_err(|error| chain(&error))?;
    Ok(Found::Extent(content, start, extent))
}

/// Checks what a bucket keeps besides extents.
fn decode_record(key: &BucketKey<'_>, value: &[u8]) -> Result<(), String> {
    let decoded = match key {
        BucketKey::NextInode => InodeNumbers::decode(value).map(drop),
        BucketKey::Entry(..) => EntryRecord::decode(value).map(drop),
        BucketKey::Inode(_) => Inode::decode(value).map(drop),
        BucketKey::Directory(_) => DirectoryState::decode(value).map(drop),
        BucketKey::Upload(_) => UploadRecord::decode(value).map(drop),
        BucketKey::Part(..) => PartRecord::decode(value).map(drop),
        BucketKey::Held(_) => Held::decode(value).map(drop),
        BucketKey::Cleanup(_) => Cleanup::decode(value).map(drop),
        BucketKey::Piece(..) => PieceRecord::decode(value).map(drop),
        BucketKey::Quota(_) => Quota::decode(value).map(drop),
        BucketKey::Usage(_) => Usage::decode(value).map(drop),
        // Any bytes; the last two are not of these.
        BucketKey::Small(_)
        | BucketKey::Attribute(..)
        | BucketKey::Extent(..)
        | BucketKey::Shared(_) => Ok(()),
    };
    decoded.map_err(|error| chain(&error))
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
