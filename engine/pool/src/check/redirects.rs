//! Where what is live of packed segments lies.

use std::collections::{BTreeSet, HashMap};

use engine_base::limits::{BLOCK, BLOCK_BYTES};
use engine_base::{SegmentId, Sixteenths, to_u32};
use engine_format::{REDIRECT_BLOCKS, Redirect, RedirectPart, SegmentKind, SegmentState};

use super::{Check, Segments, Sums};

/// Ranges of packs, by their first bytes, with their ends.
#[derive(Default)]
pub(super) struct Redirects {
    sources: BTreeSet<SegmentId>,
    ranges: HashMap<SegmentId, BTreeSet<(u32, u32)>>,
}

impl Redirects {
    /// Whether nothing else lies in that part of a pack.
    fn claim(&mut self, part: &RedirectPart) -> bool {
        let ranges = self.ranges.entry(part.at.segment).or_default();
        let (from, to) = (
            part.at.offset,
            part.at.offset + part.blocks * to_u32(BLOCK_BYTES),
        );
        let before = ranges.range(..(to, 0)).next_back();
        let free = before.is_none_or(|(_, end)| *end <= from);
        ranges.insert((from, to));
        free
    }
}

impl Check<'_> {
    /// One redirect of the checkpoint: adds what it names to the packs.
    pub(super) fn redirect(
        &mut self,
        segment: SegmentId,
        stretch: u32,
        redirect: &Redirect,
        segments: &Segments,
        sums: &mut Sums,
    ) {
        let known = segments.all.get(&segment);
        let Some(known) = known.filter(|known| known.kind == SegmentKind::Journal) else {
            return self.inconsistent(format!(
                "there is a redirect of {segment}, which is no journal segment"
            ));
        };
        if known.state == SegmentState::Dead {
            return;
        }
        let last = redirect.survivors().last().map_or(0, |(block, _)| block);
        let end = (u64::from(stretch * REDIRECT_BLOCKS + last) + 1) * BLOCK;
        if !known.is_elsewhere() || end > u64::from(known.written) {
            self.inconsistent(format!(
                "there is a redirect of {segment}, which was not packed or is shorter"
            ));
        }
        sums.redirects.sources.insert(segment);
        for part in redirect.parts() {
            let bytes = part.blocks * to_u32(BLOCK_BYTES);
            let end = u64::from(part.at.offset) + u64::from(bytes);
            let is_written = segments.all.get(&part.at.segment).is_some_and(|pack| {
                pack.kind == SegmentKind::Pack
                    && pack.state != SegmentState::Dead
                    && end <= u64::from(pack.written)
            });
            if !is_written {
                self.inconsistent(format!(
                    "blocks of {segment} are said to be at {}, where no pack was written",
                    part.at
                ));
            }
            if !sums.redirects.claim(part) {
                self.inconsistent(format!(
                    "blocks of {segment} are said to be at {}, where others are, too",
                    part.at
                ));
            }
            sums.add_live(part.at.segment, Sixteenths::of_bytes(bytes.into()));
        }
    }

    /// Whether each segment that was packed has a redirect.
    pub(super) fn compare_redirects(&mut self, segments: &Segments, sums: &Sums) {
        if sums.incomplete {
            return;
        }
        for (id, segment) in &segments.all {
            if segment.is_elsewhere() && !sums.redirects.sources.contains(id) {
                self.inconsistent(format!("{id} was packed, but nothing says where it lies"));
            }
        }
    }
}
