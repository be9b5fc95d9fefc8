//! Whether extents that share bytes are those that are recorded under them, in little memory: what
//! there is of both is added up in an order that does not matter.

use engine_base::{Location, SegmentId};
use engine_format::{ExtentRef, SharedKey, SharedRecord};

#[derive(Default)]
pub(super) struct Shares {
    extents: Sum,
    records: Sum,
    /// The segment of the last record, and the end of what is recorded there so far.
    covered: Option<(SegmentId, u32)>,
}

#[derive(Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u64,
}

impl Sum {
    fn add(&mut self, fields: [u64; 5]) {
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

impl Shares {
    /// An extent that is marked.
    pub(super) fn extent(&mut self, content: Option<u64>, start: u64, extent: &ExtentRef<'_>) {
        let location = extent.location();
        let position = u64::from(location.offset) + u64::from(extent.skip());
        let segment = location.segment.get();
        let content = content.unwrap_or(0);
        self.extents
            .add([segment, position, content, start, extent.bytes().into()]);
    }

    /// A record, in the order of their keys; the bytes that it covers and none before it, and where
    /// they begin.
    pub(super) fn record(&mut self, key: &SharedKey, record: SharedRecord) -> (Location, u32) {
        let (segment, position) = (key.segment.get(), u64::from(key.position));
        let (content, bytes) = (key.content.get(), u64::from(record.bytes));
        self.records
            .add([segment, position, content, key.offset, bytes]);
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
        (at, end.saturating_sub(at.offset))
    }

    /// Whether both are the same.
    pub(super) fn agree(&self) -> bool {
        self.extents == self.records
    }
}

#[cfg(test)]
mod tests;
