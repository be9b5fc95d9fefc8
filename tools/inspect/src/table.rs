//! Pages of the segment table.

use engine_base::limits::PAGE_BYTES;
use engine_base::to_usize;
use engine_format::{CheckpointId, SEGMENT_ENTRIES_MAX, SegmentTablePage};

use crate::fields::How::{Bytes, Names, Number, Pointer};
use crate::fields::{Line, sized};
use crate::node::Node;
use crate::segment::KINDS;

const PAGE: &[Line] = &[
    (0, 4, "magic", Bytes),
    (4, 4, "count", Number),
    (8, 8, "checkpoint", Number),
    (16, 48, "next", Pointer),
];

const ENTRY: &[Line] = &[
    (0, 8, "segment", Number),
    (8, 4, "slot", Number),
    (12, 1, "kind", Names(KINDS)),
    (13, 1, "state", Names(STATES)),
    (16, 4, "written_bytes", Number),
    (20, 4, "live_bytes", Number),
    (24, 8, "last_lsn", Number),
];

const STATES: &[&str] = &["open", "sealed", "dead", "moved", "packed"];
const ENTRIES: usize = 64;
const ENTRY_BYTES: usize = 32;

pub(crate) fn page(bytes: &[u8], place: &str) -> Node {
    let mut node = Node::new(format!("page of the segment table at {place}"));
    node.table(bytes, PAGE);
    node.computed(
        "crc32c of these bytes",
        format!("{:08x}", crc32c::crc32c(bytes)),
    );
    let checkpoint = CheckpointId::new(sized(bytes, 8, 8).unwrap_or_default());
    match bytes.first_chunk::<PAGE_BYTES>() {
        Some(page) => {
            node.judge(SegmentTablePage::decode(page, checkpoint));
        }
        None => node.problem("it reaches past the end of the segment"),
    }
    let count = sized(bytes, 4, 4).map_or(0, to_usize);
    for index in 0..count.min(SEGMENT_ENTRIES_MAX) {
        let from = ENTRIES + index * ENTRY_BYTES;
        let Some(entry) = bytes.get(from..from + ENTRY_BYTES) else {
            break;
        };
        let mut part = Node::new(format!("entry {index}"));
        part.table(entry, ENTRY);
        node.parts.push(part);
    }
    node
}
