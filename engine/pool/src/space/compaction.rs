//! Which index segments are emptied by moving what is left in them.
//!
//! A checkpoint appends, so a segment dies once each of its pages was written anew; a page that
//! does not change holds its segment for ever. Moving the pages of the sparsest segments bounds
//! what the index takes.

#[cfg(test)]
mod tests;

use engine_base::SegmentId;

/// A sealed index segment that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedIndex {
    pub(crate) segment: SegmentId,
    pub(crate) live: u32,
}

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompactionGoal {
    pub(crate) segment_bytes: u32,
    /// Live bytes of all index segments, the open one included.
    pub(crate) live: u64,
    /// The reserve is being used up: every slot counts.
    pub(crate) tight: bool,
    /// Live bytes that may be in the chosen segments together, but for the first.
    pub(crate) moved_max: u64,
}

impl CompactionGoal {
    /// Bytes of slots above which segments are emptied.
    fn begin(&self) -> u64 {
        let segment = u64::from(self.segment_bytes);
        if self.tight {
            self.live + self.live / 2 + segment
        } else {
            2 * self.live + 4 * segment
        }
    }

    /// Bytes of slots down to which they are, so that the next round is some time away.
    fn end(&self) -> u64 {
        let segment = u64::from(self.segment_bytes);
        if self.tight {
            self.live + self.live / 4 + segment
        } else {
            self.live + self.live / 2 + 2 * segment
        }
    }

    /// Fuller ones cost more than they bring.
    fn live_max(&self) -> u32 {
        if self.tight {
            self.segment_bytes / 4 * 3
        } else {
            self.segment_bytes / 2
        }
    }
}

/// The segments to empty, ascending; none if the index takes no more than it should.
pub(crate) fn choose_victims(
    mut sealed: Vec<SealedIndex>,
    goal: &CompactionGoal,
) -> Vec<SegmentId> {
    let segment_bytes = u64::from(goal.segment_bytes);
    let mut taken = sealed.len() as u64 * segment_bytes;
    if taken <= goal.begin() {
        return Vec::new();
    }
    sealed.sort_by_key(|known| (known.live, known.segment));
    let (mut victims, mut moved) = (Vec::new(), 0);
    for known in sealed {
        let live = u64::from(known.live);
        let too_much = moved + live > goal.moved_max && !victims.is_empty();
        if taken <= goal.end() || known.live > goal.live_max() || too_much {
            break;
        }
        victims.push(known.segment);
        moved += live;
        taken -= segment_bytes - live;
    }
    victims.sort();
    victims
}
