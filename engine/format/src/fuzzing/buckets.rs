//! Records of a bucket's tree.

use crate::{
    BucketKey, Cleanup, DirectoryState, EntryRecord, Held, InodeNumbers, PartRecord, PieceRecord,
    Quota, SharedRecord, Touch, UploadRecord, Usage,
};

/// Directory entries, with the inodes in them.
pub fn bucket_entry(data: &[u8]) {
    if let Ok(entry) = EntryRecord::decode(data) {
        assert_eq!(entry.encode(), data);
    }
}

/// Uploads and parts.
pub fn bucket_upload(data: &[u8]) {
    if let Ok(upload) = UploadRecord::decode(data) {
        assert_eq!(upload.encode(), data);
    }
    if let Ok(part) = PartRecord::decode(data) {
        assert_eq!(part.encode(), data);
    }
}

/// Keys and the small records.
pub fn bucket_record(data: &[u8]) {
    if let Ok(key) = BucketKey::decode(data) {
        assert_eq!(key.encode(), data);
    }
    if let Ok(state) = DirectoryState::decode(data) {
        assert_eq!(state.encode()[..], *data);
    }
    if let Ok(touch) = Touch::decode(data) {
        assert_eq!(touch.encode()[..], *data);
        let _ = DirectoryState::default().merged(&touch);
    }
    if let Ok(quota) = Quota::decode(data) {
        assert_eq!(quota.encode()[..], *data);
    }
    if let Ok(usage) = Usage::decode(data) {
        assert_eq!(usage.encode()[..], *data);
    }
    if let Ok(numbers) = InodeNumbers::decode(data) {
        assert_eq!(numbers.encode(), data);
    }
    if let Ok(held) = Held::decode(data) {
        assert_eq!(held.encode(), data);
    }
    if let Ok(cleanup) = Cleanup::decode(data) {
        assert_eq!(cleanup.encode(), data);
    }
    if let Ok(shared) = SharedRecord::decode(data) {
        assert_eq!(shared.encode(), data);
    }
    if let Ok(piece) = PieceRecord::decode(data) {
        assert_eq!(piece.encode(), data);
    }
}
