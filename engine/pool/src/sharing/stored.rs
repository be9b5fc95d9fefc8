//! Where the bytes of extents lie, and what of them is recorded.

use std::ops::{ControlFlow, Range};

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{SegmentId, Sixteenths, to_u32, to_usize};
use engine_format::{
    BucketKey, ExtentRef, InodeId, SharedKey, SharedRecord, Unit, position_in_unit,
};
use engine_tree::{SharedExtent, Tree};

use super::{key_of, scan_within};
use crate::apply::ApplyError;

/// Where the bytes of an extent lie. Ranges of them are counted from the extent's first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredAt {
    pub(crate) segment: SegmentId,
    /// Of the first byte in the segment; of a part of a unit, that of the first of the unit.
    pub(crate) position: u32,
    /// That unit, and the extent's first byte in it.
    pub(crate) part: Option<(Unit, u16)>,
}

impl StoredAt {
    pub(crate) fn of(extent: &ExtentRef<'_>) -> Self {
        let (location, skip) = (extent.location(), extent.skip());
        let part = extent.codec().unit().map(|unit| (unit, skip));
        Self {
            segment: location.segment,
            position: location.offset + part.map_or(u32::from(skip), |_| 0),
            part,
        }
    }

    pub(super) fn of_freed(segment: SegmentId, whole: &SharedExtent) -> Self {
        Self {
            segment,
            position: whole.position,
            part: whole.part,
        }
    }

    pub(crate) fn of_record(key: &SharedKey, record: SharedRecord) -> Self {
        Self {
            segment: key.segment,
            position: key.position,
            part: record.part,
        }
    }

    /// As [`ExtentRef::position`] of the extent.
    pub(crate) fn comparable(&self) -> u64 {
        match self.part {
            None => self.position.into(),
            Some((_, from)) => position_in_unit(self.position, from),
        }
    }

    /// What a range counts for, as [`ExtentRef::counted`] of it alone.
    pub(crate) fn counted(&self, range: &Range<u32>) -> Range<u64> {
        match self.part {
            None => {
                let at = |byte| Sixteenths::of_bytes(u64::from(self.position) + u64::from(byte));
                at(range.start).get()..at(range.end).get()
            }
            Some((unit, from)) => {
                let from = u32::from(from);
                unit.counted(self.position, &(from + range.start..from + range.end))
            }
        }
    }

    /// Where a range of it lies, if that is an extent of its own.
    pub(super) fn behind(&self, from: u32) -> Self {
        let (position, part) = match self.part {
            None => (self.position + from, None),
            Some((unit, first)) => {
                let first = u16::try_from(u32::from(first) + from).expect("it lies in the unit");
                (self.position, Some((unit, first)))
            }
        };
        Self {
            position,
            part,
            ..*self
        }
    }
}

/// The parts of a range of an extent that no record covers.
pub(crate) fn uncovered(
    tree: &Tree,
    at: &StoredAt,
    range: Range<u32>,
) -> Result<Vec<Range<u32>>, ApplyError> {
    let Some((_, first)) = at.part else {
        return uncovered_bytes(tree, at, range);
    };
    // Units are recorded whole under the position of their first byte.
    let low = key_of(at.segment, at.position, InodeId::ROOT, 0);
    let high = key_of(at.segment, at.position + 1, InodeId::ROOT, 0);
    let first = u32::from(first);
    let whole = first + range.start..first + range.end;
    let mut left: Vec<Range<u32>> = std::iter::once(whole).collect();
    scan_records(tree, &low, &high, |key, record| {
        if let Some((_, from)) = record.part.filter(|_| key.position == at.position) {
            let from = u32::from(from);
            left = without(left.drain(..), &(from..from + record.bytes));
        }
        match left.is_empty() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    let parts = left.into_iter();
    Ok(parts
        .map(|part| part.start - first..part.end - first)
        .collect())
}

/// The same where bytes are stored as they are.
fn uncovered_bytes(
    tree: &Tree,
    at: &StoredAt,
    range: Range<u32>,
) -> Result<Vec<Range<u32>>, ApplyError> {
    let (from, to) = (at.position + range.start, at.position + range.end);
    let reach = to_u32(to_usize(EXTENT_BYTES_MAX));
    let low = key_of(at.segment, from.saturating_sub(reach), InodeId::ROOT, 0);
    let high = key_of(at.segment, to, InodeId::ROOT, 0);
    let (mut dead, mut covered) = (Vec::new(), from);
    let mut add = |from, to| dead.push(from - at.position..to - at.position);
    scan_records(tree, &low, &high, |key, record| {
        if record.part.is_some() {
            // Units lie beside what is stored as it is.
            return ControlFlow::Continue(());
        }
        let end = key.position + record.bytes;
        if end > covered {
            if key.position > covered {
                add(covered, key.position.min(to));
            }
            covered = end;
        }
        match covered < to {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    if covered < to {
        add(covered, to);
    }
    Ok(dead)
}

/// The records with keys from `low` to `high`, both included.
fn scan_records(
    tree: &Tree,
    low: &[u8],
    high: &[u8],
    mut visit: impl FnMut(&SharedKey, SharedRecord) -> ControlFlow<()>,
) -> Result<(), ApplyError> {
    let mut result = Ok(());
    scan_within(tree, low, high, |key, value| {
        match (BucketKey::decode(key), SharedRecord::decode(value)) {
            (Ok(BucketKey::Shared(key)), Ok(record)) => visit(&key, record),
            _ => {
                result = Err(ApplyError::BadKey);
                ControlFlow::Break(())
            }
        }
    })?;
    result
}

/// What is left of ranges behind another one was taken out.
pub(crate) fn without(
    ranges: impl Iterator<Item = Range<u32>>,
    taken: &Range<u32>,
) -> Vec<Range<u32>> {
    let halves = ranges.flat_map(|range| {
        let before = range.start..range.end.min(taken.start);
        let behind = range.start.max(taken.end)..range.end;
        [before, behind]
    });
    halves.filter(|half| !half.is_empty()).collect()
}
