//! What one dataset refers to, entry by entry.

use engine_format::{ExtentRef, SegmentKind};
use engine_tree::LoadedPage;

use super::entries::{Found, decode_entry, range_of};
use super::family::PlaceInFamily;
use super::shares::Shares;
use super::usages::Usages;
use super::{Check, Segments, Sums};
use crate::dataset::Allocated;

/// The extents of one dataset, in key order over all its leaves.
pub(super) struct Extents<'a> {
    pub(super) owner: &'a str,
    pub(super) segments: &'a Segments,
    pub(super) is_bucket: bool,
    /// The content of a bucket that the extent before belongs to.
    pub(super) object: Option<u64>,
    /// Nothing is mapped from here on.
    pub(super) end_allowed: u64,
    /// End of the extent before.
    pub(super) mapped_to: u64,
    pub(super) allocated: Allocated,
    pub(super) shares: Shares,
    pub(super) usages: Usages,
    pub(super) place: PlaceInFamily,
}

impl Extents<'_> {
    pub(super) fn of_page(&mut self, check: &mut Check<'_>, page: &LoadedPage, sums: &mut Sums) {
        page.for_each_entry(
            |key, value| match decode_entry(self.is_bucket, key, value) {
                Ok(Found::Other) => {}
                Ok(Found::Counted(project, usage)) => self.usages.count(project, usage),
                Ok(Found::Usage(project, usage)) => self.usages.state(project, usage),
                Ok(Found::Shared(key, record)) => {
                    let (at, live) = self.shares.record(&key, record);
                    if self.place.counts(key.offset, at) {
                        sums.add_live(key.segment, live);
                    }
                }
                Ok(Found::Extent(object, start, extent)) => {
                    if object != self.object {
                        (self.object, self.mapped_to) = (object, 0);
                    }
                    self.add(check, start, &extent, sums);
                }
                Err(error) => check.inconsistent(format!(
                    "{}: an entry behind byte {} is damaged ({error})",
                    self.owner, self.mapped_to
                )),
            },
        );
    }

    fn add(&mut self, check: &mut Check<'_>, start: u64, extent: &ExtentRef<'_>, sums: &mut Sums) {
        let bytes = u64::from(extent.bytes());
        let end = start.saturating_add(bytes);
        let range = range_of(self.owner, self.object, start, end);
        if start < self.mapped_to {
            check.inconsistent(format!("{range}: two extents map the same bytes"));
        }
        if end > self.end_allowed {
            check.damage(format!(
                "{range}: mapped, although the volume ends at {}; report this",
                self.end_allowed
            ));
        }
        let location = extent.location();
        let home = self.segments.all.get(&location.segment);
        let is_there = home.is_some_and(|segment| segment.kind == SegmentKind::Journal);
        if !is_there && !self.place.is_released(start, location) {
            check.inconsistent(format!(
                "{range}: its data should be at {location}, but no journal segment is there"
            ));
        }
        if extent.is_shared() {
            self.shares.extent(self.object, start, extent);
        } else if self.place.counts(start, location) {
            sums.add_live(location.segment, extent.weight());
        }
        self.allocated.add(extent.bytes(), extent.weight());
        self.mapped_to = self.mapped_to.max(end);
    }
}
