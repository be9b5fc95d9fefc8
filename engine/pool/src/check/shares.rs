//! Whether extents that share bytes are those that are recorded under them, in little memory: what
//! there is of both is added up in an order that does not matter.

use std::ops::Range;

use engine_base::{Location, SegmentId, Sixteenths};
use engine_format::{ExtentRef, SharedKey, SharedRecord, Unit};

use crate::sharing::{StoredAt, without};

#[derive(Default)]
pub(super) struct Shares {
    extents: Sum,
    records: Sum,
    /// The segment of the last record, and the end of what is recorded there so far.
    covered: Option<(SegmentId, u32)>,
    /// Where the unit of the last record lies, and what of it is not recorded so far.
    unit: Option<(Location, Vec<Range<u32>>)>,
}

#[derive(Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, fields: [u64; 6]) {
        self.count += 1;
        let hash = fields.into_iter().fold(0, |hash, field| mix(hash ^ field));
        self.hashes = self.hashes.wrapping_add(hash);
    }
}

/// The finalizer of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn unit_field(unit: Option<Unit>) -> u64 {
    unit.map_or(0, |unit| {
        u64::from(unit.bytes()) << 16 | u64::from(unit.stored())
    })
}

impl Shares {
    /// An extent that is marked.
    pub(super) fn extent(&mut self, content: Option<u64>, start: u64, extent: &ExtentRef<'_>) {
        let segment = extent.location().segment.get();
        let content = content.unwrap_or(0);
        let unit = unit_field(extent.codec().unit());
        let position = extent.position();
        let bytes = extent.bytes().into();
        self.extents
            .add([segment, position, content, start, bytes, unit]);
    }

    /// A record, in the order of their keys; what it covers and none before it, and where that
    /// begins.
    pub(super) fn record(
        &mut self,
        key: &SharedKey,
        record: SharedRecord,
    ) -> (Location, Sixteenths) {
        let (segment, content) = (key.segment.get(), key.content.get());
        let position = StoredAt::of_record(key, record).comparable();
        let unit = unit_field(record.part.map(|(unit, _)| unit));
        let bytes = record.bytes.into();
        self.records
            .add([segment, position, content, key.offset, bytes, unit]);
        match record.part {
            None => self.cover(key, record),
            Some((unit, from)) => {
                let from = u32::from(from);
                self.cover_part(key, &unit, &(from..from + record.bytes))
            }
        }
    }

    fn cover(&mut self, key: &SharedKey, record: SharedRecord) -> (Location, Sixteenths) {
        let end = key.position.saturating_add(record.bytes);
        let before = match self.covered {
            Some((segment, end)) if segment == key.segment => end,
            _ => 0,
        };
        self.covered = Some((key.segment, end.max(before)));
        let at = Location {
            segment: key.segment,
            offset: key.position.max(before),
        };
        let bytes = end.saturating_sub(at.offset);
        (at, Sixteenths::of_bytes(bytes.into()))
    }

    fn cover_part(
        &mut self,
        key: &SharedKey,
        unit: &Unit,
        part: &Range<u32>,
    ) -> (Location, Sixteenths) {
        let at = Location {
            segment: key.segment,
            offset: key.position,
        };
        let whole = std::iter::once(0..unit.bytes()).collect();
        let left = match self.unit.take() {
            Some((before, left)) if before == at => left,
            _ => whole,
        };
        let still = without(left.iter().cloned(), part);
        let weigh = |ranges: &[Range<u32>]| {
            let mut all = Sixteenths::ZERO;
            for range in ranges {
                all += unit.weight(range.start, range.end);
            }
            all
        };
        let covered = weigh(&left).checked_sub(weigh(&still));
        self.unit = Some((at, still));
        (at, covered.unwrap_or_default())
    }

    /// Whether both are the same.
    pub(super) fn agree(&self) -> bool {
        self.extents == self.records
    }
}

#[cfg(test)]
mod tests;
