//! A page of the index that is lost, as it is listed.

use engine_base::limits::PAGE_BYTES;
use engine_base::{DatasetId, to_u32};
use engine_format::{BucketKey, LostPart, LostRange};
use engine_tree::Missing;

use super::pages::TreeToScrub;

/// A page as it is listed: of a volume the bytes that its entries map.
pub(super) fn lost_page(tree: &TreeToScrub, missing: &Missing) -> LostRange {
    let base = missing.pointer.base;
    let listed = LostRange {
        part: LostPart::Index,
        dataset: tree.id,
        content: None,
        offset: base.offset.into(),
        bytes: to_u32(PAGE_BYTES).into(),
        location: base,
        pass: 0,
    };
    let is_volume = tree.id >= DatasetId::FIRST_USER && !tree.is_bucket;
    if is_volume {
        let low = offset_of(&missing.low);
        let high = match missing.high.is_empty() {
            true => u64::MAX,
            false => offset_of(&missing.high),
        };
        return LostRange {
            offset: low,
            bytes: high.saturating_sub(low),
            ..listed
        };
    }
    let first = match BucketKey::decode(&missing.low) {
        Ok(
            BucketKey::Entry(id, _)
            | BucketKey::Inode(id)
            | BucketKey::Extent(id, _)
            | BucketKey::Small(id)
            | BucketKey::Attribute(id, _)
            | BucketKey::Directory(id)
            | BucketKey::Piece(id, _),
        ) => Some(id),
        _ => None,
    };
    LostRange {
        content: first,
        ..listed
    }
}

/// The offset that a fence of a volume's tree stands for. Fences may be cut short; missing bytes
/// count as zero.
fn offset_of(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}
