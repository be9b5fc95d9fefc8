//! Where replay ended.

use std::collections::VecDeque;

use engine_base::Lsn;

use super::{AcceptedGroup, ReplayedGroup};
use crate::SegmentPlace;

/// A journal segment that replay went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayedSegment {
    /// Which, and where.
    pub place: SegmentPlace,
    /// Bytes used in it.
    pub end: u32,
    /// The last LSN in it.
    pub last_lsn: Lsn,
}

/// Where replay ended.
#[derive(Debug)]
pub struct ReplayEnd {
    /// The last LSN that was passed on.
    pub lsn: Lsn,
    /// Up to here a group or the checkpoint vouches that it was durable.
    pub vouched: Lsn,
    /// The segments that were gone through, the checkpoint's first; also if nothing in it was used.
    pub segments: Vec<ReplayedSegment>,
    /// The groups that were passed on although nobody vouches for them.
    pub unvouched: Vec<AcceptedGroup>,
    /// Those that somebody vouches for, and whose head is bad on some copy.
    pub incomplete: Vec<AcceptedGroup>,
    /// Segments that were looked at and in which nothing was accepted: a successor that was named
    /// but not used, those of groups that were not accepted, those that were searched for a group
    /// that vouches. The next replay from here looks at them again.
    pub beyond: Vec<SegmentPlace>,
    /// Groups passed on.
    pub groups: u64,
    /// The group that was given up with [`accept_loss`](super::Replay::accept_loss).
    pub lost_from: Option<Lsn>,
    /// A group whose head is whole and whose data is not, and for which nobody vouches.
    pub torn: Option<Lsn>,
}

impl ReplayEnd {
    /// Notes what else was looked at: `refused` groups, and the successor that was named last.
    pub(super) fn looked_at(
        mut self,
        refused: &VecDeque<ReplayedGroup>,
        named: Option<SegmentPlace>,
    ) -> Self {
        let refused = refused.iter().map(ReplayedGroup::place);
        self.beyond.extend(refused.chain(named));
        let segments = &self.segments;
        let is_used = |place: &SegmentPlace| segments.iter().any(|used| used.place == *place);
        self.beyond.retain(|place| !is_used(place));
        self.beyond.sort_by_key(|place| place.segment);
        self.beyond.dedup();
        self
    }
}
