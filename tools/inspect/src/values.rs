//! Keys and values of the trees.

use engine_base::DatasetId;
use engine_format::{
    BucketKey, DatasetKind, DatasetRecord, DatasetState, ExtentRef, PagePointer, PoolKey, Redirect,
    RootsKey, RootsRecord, SealingSession, WrappedKey,
};

use crate::fields::hex;
use crate::node::Node;

/// Adds an entry of a page of `tree` at `level`, in words as far as it can be read.
pub(crate) fn entry(node: &mut Node, tree: DatasetId, level: u8, key: &[u8], value: &[u8]) {
    node.computed("key", hex(key));
    if level > 0 {
        if let Some(pointer) = node.judge(PagePointer::decode(value)) {
            pointer_fields(node, &pointer);
        }
    } else if tree == DatasetId::POOL {
        pool_entry(node, key, value);
    } else if tree == DatasetId::ROOTS {
        roots_entry(node, key, value);
    } else {
        extent(node, key, value);
        return;
    }
    if !node.problems.is_empty() {
        node.computed("value", hex(value));
    }
}

fn roots_entry(node: &mut Node, key: &[u8], value: &[u8]) {
    match node.judge(RootsKey::decode(key)) {
        Some(RootsKey::Redirect { segment, stretch }) => {
            node.computed("of segment", segment.get());
            node.computed("stretch", stretch);
            if let Some(redirect) = node.judge(Redirect::decode(value)) {
                node.computed("survivors", redirect.blocks());
                for part in redirect.parts() {
                    node.computed("part", format!("{} blocks at {}", part.blocks, part.at));
                }
            }
        }
        of => {
            if let Some(RootsKey::Dataset(id)) = of {
                node.computed("of dataset", id.get());
            }
            if let Some(record) = node.judge(RootsRecord::decode(value)) {
                node.computed("allocated", record.allocated.get());
                if let Some(pointer) = record.root {
                    pointer_fields(node, &pointer);
                }
            }
        }
    }
}

fn pool_entry(node: &mut Node, key: &[u8], value: &[u8]) {
    match node.judge(PoolKey::decode(key)) {
        Some(PoolKey::Dataset(id)) => {
            node.computed("of dataset", id.get());
            if let Some(record) = node.judge(DatasetRecord::decode(value)) {
                record_fields(node, &record);
            }
        }
        Some(PoolKey::DataKey(family)) => {
            node.computed("key of family", family.get());
            if let Some(wrapped) = node.judge(WrappedKey::decode(value)) {
                node.computed("wrapped by", wrapped.master.to_string());
            }
        }
        Some(PoolKey::Session(session)) => {
            node.computed("session", session.get());
            if let Some(session) = node.judge(SealingSession::decode(value)) {
                node.computed("of family", session.family.get());
            }
        }
        Some(PoolKey::Setting(name)) => {
            // The value may be a secret.
            node.computed("setting", String::from_utf8_lossy(name));
            node.computed("bytes", value.len());
        }
        None => {}
    }
}

fn pointer_fields(node: &mut Node, pointer: &PagePointer) {
    node.computed("page", pointer.base.to_string());
    node.computed("crc32c", pointer.checksum.to_string());
    if let Some(copy) = pointer.copy {
        node.computed("copy", copy.to_string());
    }
    if let Some(delta) = pointer.delta {
        node.computed("delta", delta.location.to_string());
        node.computed("delta_bytes", delta.bytes);
        node.computed("delta_crc32c", delta.checksum.to_string());
    }
}

fn record_fields(node: &mut Node, record: &DatasetRecord) {
    let kind = match record.kind {
        DatasetKind::Volume => "volume",
        DatasetKind::Bucket => "bucket",
    };
    let state = match record.state {
        DatasetState::Live => "live",
        DatasetState::Deleting => "deleting",
        DatasetState::Snapshot => "snapshot",
    };
    node.computed("kind", kind);
    node.computed("state", state);
    node.computed("size", record.size.get());
    node.computed("cleanup_from", record.cleanup_from);
    node.computed("created_unix_nanos", record.created_unix_nanos);
    node.computed("name", record.name.as_str());
    if let Some(descent) = &record.descent {
        node.computed("family", descent.family.get());
        node.computed("lineage", descent.lineage.get());
        node.computed("parent", descent.parent.map_or(0, |id| id.get()));
        node.computed("head", descent.head.map_or(0, |id| id.get()));
        node.computed("released", descent.released);
    }
}

fn extent(node: &mut Node, key: &[u8], value: &[u8]) {
    // Keys of buckets are longer than the offsets of volumes; theirs of extents end with one.
    let offset = match BucketKey::decode(key) {
        Ok(BucketKey::Extent(inode, offset)) => {
            node.computed("inode", inode.get());
            offset.to_be_bytes().to_vec()
        }
        Ok(_) if key.len() != 8 => {
            node.computed("key", hex(key));
            node.computed("value", hex(value));
            return;
        }
        _ => key.to_vec(),
    };
    match <[u8; 8]>::try_from(&offset[..]) {
        Ok(offset) => node.computed("offset", u64::from_be_bytes(offset)),
        Err(_) => node.problem(format!("the key has {} bytes instead of 8", key.len())),
    }
    let Some(extent) = node.judge(ExtentRef::decode(value)) else {
        node.computed("value", hex(value));
        return;
    };
    node.computed("bytes", extent.bytes());
    node.computed("data", extent.location().to_string());
    node.computed("skip", extent.skip());
    node.computed("codec", extent.codec().get());
    if let Some(unit) = extent.codec().unit() {
        node.computed("unit", unit.bytes());
        node.computed("stored", unit.stored());
    }
    node.computed("shared", u8::from(extent.is_shared()));
    if let Some(seal) = extent.seal() {
        node.computed("session", seal.session().get());
        node.computed("number", seal.first());
    }
    let sums: Vec<String> = extent
        .checksums()
        .iter()
        .map(|sum| sum.to_string())
        .collect();
    node.computed("checksums", sums);
}
