//! A group of the journal: header, batches, mutations, and whether its data is what it says.

use engine_base::limits::{BLOCK_BYTES, GROUP_DATA_BYTES_MAX, GROUP_MUTATION_BYTES_MAX};
use engine_base::to_usize;
use engine_device::PageBuf;
use engine_format::{
    ExtentPutRef, GROUP_HEADER_BYTES, MutationRef, batches, decode_head, head_bytes_for,
};

use crate::InspectError;
use crate::fields::How::{Bytes, Hex, Number};
use crate::fields::{Line, hex, sized};
use crate::node::Node;
use crate::pool::{At, Pool};
use crate::values;

const TABLE: &[Line] = &[
    (0, 4, "magic", Bytes),
    (4, 4, "crc32c", Hex),
    (8, 8, "lsn", Number),
    (16, 16, "epoch", Bytes),
    (32, 4, "chain", Hex),
    (36, 4, "head_bytes", Number),
    (40, 4, "data_bytes", Number),
    (44, 4, "mutation_bytes", Number),
    (48, 4, "batches", Number),
    (52, 4, "next_slot", Number),
    (56, 8, "next_segment", Number),
    (64, 8, "durable_lsn", Number),
];

pub(crate) fn group(pool: &Pool<'_>, at: At) -> Result<Node, InspectError> {
    let mut node = Node::new(format!("group at {} ({})", at.location, at.place()));
    let head = pool.read_up_to(at, head_bytes_for(GROUP_MUTATION_BYTES_MAX))?;
    node.table(&head, TABLE);
    if !head.starts_with(b"TGRP") {
        node.judge(decode_head(&head, at.location));
        return Ok(node);
    }
    node.judge(decode_head(&head, at.location));
    let mutation_bytes = sized(&head, 44, 4).map_or(0, to_usize);
    let end = GROUP_HEADER_BYTES + mutation_bytes.min(GROUP_MUTATION_BYTES_MAX);
    let Some(mutations) = head.get(GROUP_HEADER_BYTES..end) else {
        node.problem("its mutations reach past the end of the segment");
        return Ok(node);
    };
    let data = group_data(pool, at, &head, &mut node)?;
    for (index, batch) in batches(mutations).enumerate() {
        let mut part = Node::new(format!("batch {index}"));
        if let Some(batch) = part.judge(batch) {
            part.computed("bytes", batch.as_bytes().len());
            part.computed("mutations", batch.len());
            for mutation in batch.mutations() {
                let mut child = Node::new("mutation");
                if let Some(mutation) = child.judge(mutation) {
                    describe(&mut child, &mutation, data.as_deref());
                }
                part.parts.push(child);
            }
        }
        node.parts.push(part);
    }
    Ok(node)
}

/// The data behind the head; `None` if its place is not possible.
fn group_data(
    pool: &Pool<'_>,
    at: At,
    head: &[u8],
    node: &mut Node,
) -> Result<Option<PageBuf>, InspectError> {
    let head_bytes = sized(head, 36, 4).map_or(0, to_usize);
    let data_bytes = sized(head, 40, 4).map_or(0, to_usize);
    let from = to_usize(at.location.offset.into()).saturating_add(head_bytes);
    let segment = to_usize(pool.geometry.segment_bytes.into());
    if data_bytes > GROUP_DATA_BYTES_MAX || from.saturating_add(data_bytes) > segment {
        node.problem("its data would reach past the end of the segment");
        return Ok(None);
    }
    let mut place = at.place();
    place.offset += head_bytes as u64;
    pool.read(place, data_bytes).map(Some)
}

fn describe(node: &mut Node, mutation: &MutationRef<'_>, data: Option<&[u8]>) {
    let dataset = mutation.dataset();
    node.computed("dataset", dataset.get());
    match mutation {
        MutationRef::Put { key, value, .. } => {
            "put".clone_into(&mut node.title);
            values::entry(node, dataset, 0, key, value);
        }
        MutationRef::Delete { key, .. } => {
            "delete".clone_into(&mut node.title);
            node.computed("key", hex(key));
        }
        MutationRef::ExtentPut { key, extent, .. } => {
            "extent put".clone_into(&mut node.title);
            node.computed("key", hex(key));
            extent_put(node, extent, data);
        }
        MutationRef::ExtentRelease {
            key, offset, bytes, ..
        } => {
            "extent release".clone_into(&mut node.title);
            node.computed("key", hex(key));
            node.computed("offset", *offset);
            node.computed("bytes", *bytes);
        }
        MutationRef::ExtentClear {
            key, offset, bytes, ..
        } => {
            "extent clear".clone_into(&mut node.title);
            node.computed("key", hex(key));
            node.computed("offset", *offset);
            node.computed("bytes", *bytes);
        }
        MutationRef::ExtentShare { key, share, .. } => {
            "extent share".clone_into(&mut node.title);
            node.computed("key", hex(key));
            node.computed("offset", share.offset);
            node.computed("bytes", share.bytes);
            node.computed("source", hex(share.source));
            node.computed("from", share.from);
        }
        MutationRef::Touch { key, touch, .. } => {
            "directory touch".clone_into(&mut node.title);
            node.computed("key", hex(key));
            node.computed("modified", touch.modified);
            node.computed("changed", touch.changed);
            node.computed("entries", touch.entries);
            node.computed("directories", touch.directories);
            node.computed("keys", touch.keys);
        }
        MutationRef::Charge { key, charge, .. } => {
            "charge".clone_into(&mut node.title);
            node.computed("key", hex(key));
            node.computed("bytes", charge.bytes);
            node.computed("inodes", charge.inodes);
        }
    }
}

fn extent_put(node: &mut Node, extent: &ExtentPutRef<'_>, data: Option<&[u8]>) {
    node.computed("offset", extent.offset);
    node.computed("bytes", extent.bytes);
    node.computed("data_offset", extent.data_offset);
    node.computed("skip", extent.skip);
    node.computed("codec", extent.codec.get());
    if let Some(unit) = extent.codec.unit() {
        node.computed("stored", unit.stored());
    }
    if let Some(seal) = extent.seal {
        node.computed("session", seal.session().get());
        node.computed("number", seal.first());
    }
    let list: Vec<String> = extent.checksums.iter().map(|sum| sum.to_string()).collect();
    node.computed("checksums", list);
    let Some(data) = data else { return };
    let from = to_usize(extent.data_offset.into());
    let blocks = data.get(from..).unwrap_or_default().chunks(BLOCK_BYTES);
    for (index, (expected, block)) in extent.checksums.iter().zip(blocks).enumerate() {
        if crc32c::crc32c(block) != expected.get() {
            node.problem(format!(
                "block {index} of its data has another checksum: {:08x}",
                crc32c::crc32c(block)
            ));
        }
    }
}
