//! Both copies of the superblock.

use engine_device::{Device, Place};
use engine_format::{Superblock, superblock_offset};

use crate::InspectError;
use crate::fields::How::{Bytes, Hex, Number, Pointer};
use crate::fields::Line;
use crate::node::Node;
use crate::pool::read_copy;

const TABLE: &[Line] = &[
    (0, 8, "magic", Bytes),
    (8, 4, "crc32c", Hex),
    (12, 4, "version", Number),
    (16, 8, "features_compatible", Hex),
    (24, 8, "features_read_only", Hex),
    (32, 8, "features_incompatible", Hex),
    (40, 16, "pool_id", Bytes),
    (56, 16, "device_id", Bytes),
    (72, 4, "copy", Number),
    (80, 8, "checkpoint", Number),
    (88, 8, "lsn", Number),
    (96, 16, "epoch", Bytes),
    (112, 16, "parent_epoch", Bytes),
    (128, 8, "segment_bytes", Number),
    (136, 4, "slots", Number),
    (140, 4, "journal_slot", Number),
    (144, 8, "journal_segment", Number),
    (152, 4, "journal_offset", Number),
    (156, 4, "journal_chain", Hex),
    (160, 8, "next_segment", Number),
    (168, 8, "next_dataset", Number),
    (176, 8, "created_unix_nanos", Number),
    (184, 48, "pool_root", Pointer),
    (232, 48, "roots_root", Pointer),
    (280, 48, "segment_table", Pointer),
    (328, 8, "journal_next_segment", Number),
    (336, 4, "journal_next_slot", Number),
    (340, 4, "segment_table_slot", Number),
];

pub(crate) fn both(device: &dyn Device) -> Result<Node, InspectError> {
    let mut node = Node::new(format!("superblocks of {}", device.name()));
    let mut newest = None;
    for copy in 0..2 {
        let bytes = read_copy(device, copy)?;
        let place = Place::label(superblock_offset(copy));
        let mut part = Node::new(format!("copy {copy} at {place}"));
        let decoded = Superblock::decode(&bytes, copy);
        if let Some(superblock) = part.judge(decoded) {
            newest = newest.max(Some((superblock.checkpoint, copy)));
        }
        if bytes.iter().all(|byte| *byte == 0) {
            part.computed("blank", true);
        } else {
            part.table(&bytes, TABLE);
        }
        node.parts.push(part);
    }
    if let Some((checkpoint, copy)) = newest {
        node.computed("newest_copy", copy);
        node.computed("newest_checkpoint", checkpoint.get());
    }
    Ok(node)
}
