//! What rounds of cleaning learned of segments that counters do not say.

use std::collections::BTreeMap;

use engine_base::{Lsn, SegmentId};

/// How many bytes would be copied of segments beyond those that are live, where that was looked at:
/// the rest of their blocks, and what died after the checkpoint that was looked at. The second goes
/// with the next checkpoint, so what is known of an older state may be far too much.
#[derive(Debug, Default)]
pub(super) struct Learned(BTreeMap<SegmentId, Slack>);

#[derive(Debug, Clone, Copy)]
struct Slack {
    bytes: u64,
    /// The state that was looked at.
    lsn: Lsn,
}

impl Learned {
    /// Bytes to add to the live ones of a segment.
    pub(super) fn slack(&self, segment: SegmentId) -> u64 {
        self.0.get(&segment).map_or(0, |slack| slack.bytes)
    }

    /// Notes what the state of `lsn` shows.
    pub(super) fn learn(&mut self, segment: SegmentId, bytes: u64, lsn: Lsn) {
        self.0.insert(segment, Slack { bytes, lsn });
    }

    /// Drops what is known of segments that are not there any more.
    pub(super) fn retain(&mut self, is_there: impl Fn(SegmentId) -> bool) {
        self.0.retain(|segment, _| is_there(*segment));
    }

    /// Drops what states before that of `lsn` showed; whether there was any.
    pub(super) fn forget_before(&mut self, lsn: Lsn) -> bool {
        let before = self.0.len();
        self.0.retain(|_, slack| slack.lsn >= lsn);
        self.0.len() < before
    }
}
