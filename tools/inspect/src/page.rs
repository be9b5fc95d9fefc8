//! Pages of trees and deltas.

use engine_base::limits::PAGE_BYTES;
use engine_base::{Checksum, DatasetId, Location, to_usize};
use engine_format::{
    DELTA_BYTES_MAX, DELTA_BYTES_MIN, DeltaPointer, DeltaRef, PagePointer, verify_page,
};

use crate::fields::How::{Bytes, Hex, Names, Number};
use crate::fields::{Line, hex, sized};
use crate::node::Node;
use crate::pool::{At, Pool};
use crate::{InspectError, table, values};

const PAGE: &[Line] = &[
    (0, 4, "magic", Bytes),
    (4, 1, "kind", Names(&["leaf", "inner"])),
    (5, 1, "level", Number),
    (6, 2, "count", Number),
    (8, 8, "tree", Number),
    (16, 2, "prefix_bytes", Number),
    (18, 2, "low_bytes", Number),
    (20, 2, "high_bytes", Number),
    (22, 2, "heap_offset", Number),
    (24, 2, "garbage_bytes", Number),
];

const DELTA: &[Line] = &[
    (0, 4, "magic", Bytes),
    (4, 4, "base_crc32c", Hex),
    (8, 8, "tree", Number),
    (16, 4, "bytes", Number),
    (20, 4, "count", Number),
];

/// Where the low fence begins.
const FENCES: usize = 32;

/// Whatever begins there.
pub(crate) fn any(pool: &Pool<'_>, at: At) -> Result<Node, InspectError> {
    let bytes = pool.read_up_to(at, PAGE_BYTES)?;
    let place = format!("{} ({})", at.location, at.place());
    Ok(match bytes.first_chunk::<4>() {
        Some(b"TSGT") => table::page(&bytes, &place),
        Some(b"TDLT") => delta(&bytes, at.location, &place),
        _ => page(&bytes, at.location, &place),
    })
}

/// The checksum of a page is in the pointer to it: all that can be said here is what it is.
fn pointer_to(location: Location, bytes: &[u8]) -> PagePointer {
    PagePointer {
        base: location,
        checksum: Checksum::new(crc32c::crc32c(bytes)),
        copy: None,
        delta: None,
    }
}

fn page(bytes: &[u8], location: Location, place: &str) -> Node {
    let mut node = Node::new(format!("page at {place}"));
    node.table(bytes, PAGE);
    let pointer = pointer_to(location, bytes);
    node.computed("crc32c of these bytes", pointer.checksum.to_string());
    let tree = DatasetId::new(sized(bytes, 8, 8).unwrap_or_default());
    node.judge(verify_page(bytes, &pointer, tree));
    if !bytes.starts_with(b"TPAG") {
        return node;
    }
    let at = |offset| sized(bytes, offset, 2).map_or(0, to_usize);
    let (low, high, prefix) = (at(18), at(20), at(16));
    let fence = |from: usize, length: usize| bytes.get(from..from + length).unwrap_or_default();
    node.computed("low", hex(fence(FENCES, low)));
    node.computed("high", hex(fence(FENCES + low, high)));
    let prefix = fence(FENCES, prefix);
    let level = bytes.get(5).copied().unwrap_or_default();
    for index in 0..at(6) {
        let mut part = Node::new(format!("entry {index}"));
        match raw_entry(bytes, FENCES + low + high + 2 * index) {
            Some((suffix, value)) => {
                values::entry(&mut part, tree, level, &[prefix, suffix].concat(), value);
            }
            None => part.problem("it leads past the end of the page"),
        }
        node.parts.push(part);
        if index * 2 > PAGE_BYTES {
            node.problem("there cannot be so many entries");
            break;
        }
    }
    node
}

/// Key suffix and value of the entry whose slot lies at `slot`.
fn raw_entry(bytes: &[u8], slot: usize) -> Option<(&[u8], &[u8])> {
    let from = to_usize(sized(bytes, slot, 2)?);
    let suffix = from + 4;
    let value = suffix + to_usize(sized(bytes, from, 2)?);
    let end = value + to_usize(sized(bytes, from + 2, 2)?);
    Some((bytes.get(suffix..value)?, bytes.get(value..end)?))
}

fn delta(bytes: &[u8], location: Location, place: &str) -> Node {
    let mut node = Node::new(format!("delta at {place}"));
    node.table(bytes, DELTA);
    let said = sized(bytes, 16, 4).unwrap_or_default();
    let length = to_usize(said).clamp(DELTA_BYTES_MIN, DELTA_BYTES_MAX);
    let Some(bytes) = bytes.get(..length) else {
        node.problem("it reaches past the end of the segment");
        return node;
    };
    let checksum = Checksum::new(crc32c::crc32c(bytes));
    node.computed("crc32c of these bytes", checksum.to_string());
    let base = sized(bytes, 4, 4).and_then(|crc| u32::try_from(crc).ok());
    let pointer = PagePointer {
        checksum: Checksum::new(base.unwrap_or_default()),
        delta: Some(DeltaPointer {
            location,
            bytes: engine_base::to_u32(length),
            checksum,
        }),
        ..pointer_to(location, bytes)
    };
    let tree = DatasetId::new(sized(bytes, 8, 8).unwrap_or_default());
    node.judge(DeltaRef::verify(bytes, &pointer, tree));
    changes(&mut node, tree, bytes);
    node
}

/// The changes, up to the first that is cut off.
fn changes(node: &mut Node, tree: DatasetId, bytes: &[u8]) {
    let mut at = DELTA_BYTES_MIN;
    while at < bytes.len() {
        let lengths = (sized(bytes, at + 2, 2), sized(bytes, at + 4, 2));
        let (Some(key_bytes), Some(value_bytes)) = lengths else {
            return;
        };
        let key_at = at + 6;
        let value_at = key_at + to_usize(key_bytes);
        let end = value_at + to_usize(value_bytes);
        let (Some(key), Some(value)) = (bytes.get(key_at..value_at), bytes.get(value_at..end))
        else {
            return;
        };
        let part = match bytes.get(at) {
            Some(1) => {
                let mut part = Node::new("put");
                values::entry(&mut part, tree, 0, key, value);
                part
            }
            Some(2) => {
                let mut part = Node::new("delete");
                part.computed("key", hex(key));
                part
            }
            other => {
                let mut part = Node::new("change");
                part.problem(format!("its kind {other:?} is neither 1 nor 2"));
                part
            }
        };
        node.parts.push(part);
        at = end;
    }
}
