//! What is used for what.

use engine_format::{SegmentKind, SegmentState};

use super::Space;

/// Sums over all segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) free_slots: u32,
    pub(crate) journal_segments: u32,
    pub(crate) index_segments: u32,
    pub(crate) dead_segments: u32,
    pub(crate) pack_segments: u32,
    /// Segments without a slot: only their names are left.
    pub(crate) packed_names: u32,
    pub(crate) written: u64,
    pub(crate) live_data: u64,
    pub(crate) live_index: u64,
}

impl Space {
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage {
            free_slots: self.free_slots(),
            ..Usage::default()
        };
        for segment in self.segments.values() {
            if segment.slot.is_some() {
                usage.written += u64::from(segment.written);
            }
            if segment.state == SegmentState::Dead {
                usage.dead_segments += 1;
            }
            match segment.kind {
                SegmentKind::Index => {
                    usage.index_segments += 1;
                    usage.live_index += u64::from(segment.live);
                }
                SegmentKind::Journal => {
                    usage.journal_segments += u32::from(segment.slot.is_some());
                    usage.packed_names += u32::from(segment.slot.is_none());
                    usage.live_data += u64::from(segment.live);
                }
                // What is live in it is counted by its names.
                SegmentKind::Pack => usage.pack_segments += 1,
            }
        }
        usage
    }
}
