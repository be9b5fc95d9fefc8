//! What a deleted snapshot of a bucket, or a deleted bucket that came from one, refers to alone.
//!
//! Several extents of a bucket may refer to the same bytes, so they are gathered by where they lie:
//! by segment, the lowest first, as many as memory allows. A look at the trees finds what nobody
//! else refers to at that moment. What the child lets go of from then on, apply adds.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use engine_base::{DatasetId, Location, SegmentId, Sixteenths, to_u32, to_usize};
use parking_lot::Mutex;

/// Ranges kept at once: some megabytes. Beyond that, those of the highest segments are left to the
/// next round.
const RANGES_MAX: usize = 256 << 10;
/// Ranges of one segment after which those that overlap are joined.
const RANGES_PER_SEGMENT: usize = 16 << 10;

/// One round over the segments from some id on.
#[derive(Debug)]
struct Round {
    dataset: DatasetId,
    /// Bytes before this place are the parent's.
    above: Option<Location>,
    /// Segments from this id on,
    from: u64,
    /// and below this one.
    to: u64,
    /// In sixteenths of a byte: what is compressed counts for less than one each.
    segments: BTreeMap<SegmentId, Vec<Range<u64>>>,
    ranges: usize,
    ranges_max: usize,
}

impl Round {
    fn add(&mut self, segment: SegmentId, counted: Range<u64>) {
        let at = Location {
            segment,
            offset: to_u32(to_usize(counted.start / Sixteenths::PER_BYTE)),
        };
        let is_here = (self.from..self.to).contains(&segment.get());
        if !is_here || counted.is_empty() || self.above.is_some_and(|above| at < above) {
            return;
        }
        let ranges = self.segments.entry(segment).or_default();
        ranges.push(counted);
        self.ranges += 1;
        if ranges.len().is_multiple_of(RANGES_PER_SEGMENT) {
            let before = ranges.len();
            join(ranges);
            self.ranges -= before - ranges.len();
        }
        while self.ranges > self.ranges_max && self.segments.len() > 1 {
            let Some((highest, ranges)) = self.segments.pop_last() else {
                return;
            };
            self.ranges -= ranges.len();
            self.to = highest.get();
        }
    }

    /// Joins the ranges of the lowest segments; what they are, and the id from where others follow.
    fn take(&mut self, segments: usize) -> Step {
        let mut dead = Vec::new();
        while dead.len() < segments
            && let Some((segment, mut ranges)) = self.segments.pop_first()
        {
            self.ranges -= ranges.len();
            join(&mut ranges);
            let counted = ranges.iter().map(|range| range.end - range.start).sum();
            dead.push((segment, Sixteenths::new(counted)));
            self.from = segment.get() + 1;
        }
        if self.segments.is_empty() {
            self.from = self.to;
        }
        Step {
            dead,
            to: self.from,
            is_last: self.from == self.to,
        }
    }
}

/// Sorts ranges, and makes one of those that touch.
fn join(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    *ranges = joined;
}

/// What one batch gives back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What counts of which segment.
    pub(crate) dead: Vec<(SegmentId, Sixteenths)>,
    /// Segments below this id are done.
    pub(crate) to: u64,
    /// The round is over.
    pub(crate) is_last: bool,
}

/// The round on its way; at most one.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// The dataset of the round, 0: none. So that apply looks without a lock.
    dataset: AtomicU64,
    round: Mutex<Option<Round>>,
}

impl Leaving {
    /// Begins a round over what `dataset` has in the segments from the id `from` on, and its
    /// parent, whose moment is `above`, has not.
    pub(crate) fn begin(
        &self,
        dataset: DatasetId,
        above: Option<Location>,
        from: u64,
    ) -> Gathering<'_> {
        *self.round.lock() = Some(Round {
            dataset,
            above,
            from,
            to: u64::MAX,
            segments: BTreeMap::new(),
            ranges: 0,
            ranges_max: RANGES_MAX,
        });
        self.dataset.store(dataset.get(), Ordering::Release);
        Gathering(self)
    }

    /// Adds what nobody but `dataset`, its parent aside, refers to: a range of the segment in
    /// sixteenths of a byte.
    pub(crate) fn add(&self, dataset: DatasetId, segment: SegmentId, counted: Range<u64>) {
        if self.dataset.load(Ordering::Acquire) != dataset.get() {
            return;
        }
        if let Some(round) = &mut *self.round.lock()
            && round.dataset == dataset
        {
            round.add(segment, counted);
        }
    }
}

/// A round; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Gathering<'a>(&'a Leaving);

impl Gathering<'_> {
    /// The next bytes to give back, of at most so many segments. Nothing is added to them any more:
    /// the caller keeps the child from letting go until the batch with them is applied.
    pub(crate) fn take(&self, segments: usize) -> Step {
        let mut round = self.0.round.lock();
        let round = round.as_mut().expect("it is there for as long as this is");
        round.take(segments)
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.0.dataset.store(0, Ordering::Release);
        *self.0.round.lock() = None;
    }
}

#[cfg(test)]
mod tests;
