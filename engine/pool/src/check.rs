//! Verifying a pool that nobody has open. Nothing is written.
//!
//! In order: the superblocks; the segment table and the headers of the segments in use; every page
//! that the trees of the checkpoint lead to, with second copies and deltas; the counters; the
//! journal, replayed into memory; the data of every extent of the state after that.
//!
//! Where a pool keeps several copies each of them is looked at, and a bad one is told with its
//! device.
//!
//! What is wrong is a [`Finding`], and the check goes on with what can still be read. Memory: the
//! budget for pages, one bit for each stored block of data, and a bounded number of findings.
//!
//! What cannot be found: damage in the heads of the last sync round of a pool with one copy looks
//! like the torn tail that a power cut leaves, because nothing vouches for that round yet; and so
//! does damage that has hit a round and all that vouched for it.

mod claims;
mod copies;
mod data;
mod entries;
mod extents;
mod family;
mod journal;
mod pages;
mod redirects;
mod report;
mod seals;
mod segments;
mod shares;
mod structure;
mod superblocks;
mod trees;
mod usages;

use std::collections::BTreeMap;
use std::sync::Arc;

use engine_base::{ByteCount, DatasetId, SegmentId, Sixteenths, Slot};
use engine_device::Device;
use engine_log::AcceptedGroup;

use crate::StoreError;
use crate::dataset::Allocated;
use crate::open::geometry_of;
use crate::pages::SlotOf;
use crate::space::Segment;

use redirects::Redirects;
pub(crate) use report::chain;
pub use report::{CheckCounts, CheckOptions, CheckProgress, CheckReport, Finding, Severity};

/// Verifies everything that the newest checkpoint of the pool on `device` and its journal refer to.
/// `device` is not attached yet, and stays as it is: nothing is written.
///
/// `progress` is called after each structure or stretch of data that was read.
///
/// # Errors
/// Only where there is nothing to look at: [`StoreError::NoSuperblock`],
/// [`StoreError::Inconsistent`] if the superblocks are not of one pool, [`StoreError::Invalid`] for
/// a rewind without an older checkpoint, [`StoreError::Device`] if the device is smaller than the
/// pool. Everything else is in the report.
pub fn check(
    device: Arc<dyn Device>,
    options: &CheckOptions,
    progress: &mut dyn FnMut(CheckProgress),
) -> Result<CheckReport, StoreError> {
    let mut check = Check {
        device,
        progress,
        report: CheckReport::default(),
        total: 0,
        alone: false,
        replayable: true,
        unvouched: Vec::new(),
    };
    let superblock = check.superblocks(options.rewind)?;
    check.device.attach(geometry_of(&superblock))?;
    check.report.checkpoint = superblock.checkpoint;
    check.look_for_later_epoch(&superblock);
    let Some(segments) = check.segments(&superblock) else {
        return Ok(check.report);
    };
    check.expect_bytes(&segments);
    let sums = check.trees(&superblock, &segments);
    check.compare_redirects(&segments, &sums);
    check.compare_counters(&segments, &sums);
    let Some(core) = check.replay(&superblock, &segments, &sums, options) else {
        return Ok(check.report);
    };
    check.data(&core);
    Ok(check.report)
}

/// A check on its way.
struct Check<'a> {
    device: Arc<dyn Device>,
    progress: &'a mut dyn FnMut(CheckProgress),
    report: CheckReport,
    /// Bytes to verify, as far as it is known.
    total: u64,
    /// The other superblock is not valid.
    alone: bool,
    /// Nothing was found that would make replay stumble.
    replayable: bool,
    /// Groups of the journal for which no later one vouches.
    unvouched: Vec<AcceptedGroup>,
}

impl Check<'_> {
    fn damage(&mut self, what: String) {
        self.report.add(Severity::Damage, what);
    }

    fn warn(&mut self, what: String) {
        self.report.add(Severity::Warning, what);
    }

    /// Counts verified bytes and tells the caller.
    fn verified(&mut self, bytes: u64) {
        let verified = self.report.counts.bytes.get() + bytes;
        self.report.counts.bytes = ByteCount::new(verified);
        let total = ByteCount::new(self.total.max(verified));
        (self.progress)(CheckProgress {
            verified: ByteCount::new(verified),
            total,
        });
    }

    fn expect_bytes(&mut self, segments: &Segments) {
        let live = segments.all.values().map(|segment| u64::from(segment.live));
        self.total = self.report.counts.bytes.get() + live.sum::<u64>();
    }
}

/// The segments of the checkpoint, and how much of them its own table takes.
struct Segments {
    all: BTreeMap<SegmentId, Segment>,
    /// Bytes of the table's pages, by segment.
    table: BTreeMap<SegmentId, u64>,
}

impl SlotOf for Segments {
    fn slot_of(&self, segment: SegmentId) -> Option<Slot> {
        self.all.get(&segment)?.slot
    }
}

/// What the trees of the checkpoint refer to.
#[derive(Default)]
struct Sums {
    /// What is live by segment.
    live: BTreeMap<SegmentId, Sixteenths>,
    /// What is mapped by dataset.
    allocated: BTreeMap<DatasetId, Allocated>,
    redirects: Redirects,
    /// Some page could not be read, so that these are not all.
    incomplete: bool,
}

impl Sums {
    fn add_live(&mut self, segment: SegmentId, weight: Sixteenths) {
        *self.live.entry(segment).or_default() += weight;
    }
}
