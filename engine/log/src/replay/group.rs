//! What is known of a group that is passed on.

use engine_base::Checksum;

use super::ReplayedGroup;
use crate::SegmentPlace;

impl ReplayedGroup {
    /// Bytes of data behind the head.
    #[must_use]
    pub fn data_bytes(&self) -> u32 {
        self.accepted.data_bytes
    }

    /// The slot of its segment.
    #[must_use]
    pub fn place(&self) -> SegmentPlace {
        self.end.place
    }

    /// Header checksum, for messages.
    #[must_use]
    pub fn chain(&self) -> Checksum {
        self.end.chain
    }
}
