//! A segment: its header, and what lies behind it.

use engine_base::limits::{BLOCK_BYTES, PAGE_BYTES};
use engine_base::{Location, PoolId, SegmentId, Slot, to_u32, to_usize};
use engine_device::{PageBuf, Place};
use engine_format::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind, decode_head};

use crate::InspectError;
use crate::fields::How::{Bytes, Hex, Names, Number};
use crate::fields::{Line, number, sized};
use crate::node::Node;
use crate::pool::Pool;

const TABLE: &[Line] = &[
    (0, 8, "magic", Bytes),
    (8, 4, "crc32c", Hex),
    (12, 4, "version", Number),
    (16, 16, "pool_id", Bytes),
    (32, 8, "segment", Number),
    (40, 4, "slot", Number),
    (44, 1, "kind", Names(KINDS)),
    (48, 16, "epoch", Bytes),
    (64, 8, "first_lsn", Number),
    (72, 8, "previous_segment", Number),
];

/// Kinds of segments, from 1 on.
pub(crate) const KINDS: &[&str] = &["journal", "index", "pack"];

pub(crate) fn segment(pool: &Pool<'_>, slot: Slot) -> Result<Node, InspectError> {
    let bytes = pool.read(
        Place::slot(slot, 0),
        to_usize(pool.geometry.segment_bytes.into()),
    )?;
    let mut node = Node::new(format!("segment in {slot}"));
    let Some(header) = bytes.first_chunk::<SEGMENT_HEADER_BYTES>() else {
        node.problem("it is shorter than a header");
        return Ok(node);
    };
    node.table(header, TABLE);
    // Which pool it should be is not the question here: the superblocks may be gone.
    let mut pool_id = [0; 16];
    pool_id
        .iter_mut()
        .zip(header.iter().skip(16))
        .for_each(|(to, from)| *to = *from);
    node.judge(SegmentHeader::decode(header, PoolId::new(pool_id), slot));
    let segment = sized(header, 32, 8).and_then(SegmentId::new);
    let kind = header.get(44).copied().unwrap_or_default();
    match (segment, SegmentKind::try_from(kind)) {
        (Some(segment), Ok(SegmentKind::Journal)) => groups(&mut node, &bytes, segment),
        (_, Ok(SegmentKind::Index)) => pages(&mut node, &bytes),
        _ => {}
    }
    Ok(node)
}

/// Every group of this segment, damaged ones left out: the gap shows where they were.
fn groups(node: &mut Node, bytes: &PageBuf, segment: SegmentId) {
    let mut at = BLOCK_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let location = Location {
            segment,
            offset: to_u32(at),
        };
        let Ok(head) = decode_head(rest, location) else {
            at += BLOCK_BYTES;
            continue;
        };
        let header = &head.header;
        let mut part = Node::new(format!("group of {} at offset {at}", header.lsn));
        part.computed("lsn", header.lsn.get());
        part.computed("epoch", header.epoch.to_string());
        part.computed("chain", header.chain.to_string());
        part.computed("crc32c", head.checksum.to_string());
        part.computed("head_bytes", head.sizes.head_bytes);
        part.computed("data_bytes", head.sizes.data_bytes);
        part.computed("batches", header.batches);
        part.computed("durable_lsn", header.durable_lsn.get());
        if let Some(next) = header.successor {
            part.computed("next_segment", next.segment.get());
            part.computed("next_slot", next.slot.get());
        }
        node.parts.push(part);
        at += to_usize(head.sizes.group_bytes().into()).max(BLOCK_BYTES);
    }
}

/// What begins as a page or delta, valid or not: the checksums are in the pointers to them.
fn pages(node: &mut Node, bytes: &PageBuf) {
    let mut at = BLOCK_BYTES;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let (what, size) = match rest.first_chunk::<4>() {
            Some(b"TPAG") if at.is_multiple_of(BLOCK_BYTES) => ("page", PAGE_BYTES),
            Some(b"TSGT") if at.is_multiple_of(BLOCK_BYTES) => ("segment table", PAGE_BYTES),
            Some(b"TDLT") => ("delta", delta_bytes(rest)),
            _ => {
                at += 8;
                continue;
            }
        };
        let mut part = Node::new(format!("{what} at offset {at}"));
        if what != "segment table" {
            part.computed("tree", number(rest, 8));
        }
        let found = rest.get(..size).unwrap_or(rest);
        part.computed("bytes", found.len());
        let crc = crc32c::crc32c(found);
        part.computed("crc32c of these bytes", format!("{crc:08x}"));
        node.parts.push(part);
        at += size.next_multiple_of(8);
    }
}

/// The length that a delta says it has, as far as it is possible.
fn delta_bytes(delta: &[u8]) -> usize {
    let said = sized(delta, 16, 4).map_or(0, to_usize);
    said.clamp(
        engine_format::DELTA_BYTES_MIN,
        engine_format::DELTA_BYTES_MAX,
    )
}
