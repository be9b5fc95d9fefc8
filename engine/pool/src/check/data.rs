//! The data of every extent of the state that opening the pool comes to.

mod scan;
mod verify;

use std::collections::HashSet;
use std::sync::Arc;

use engine_base::limits::{BLOCK_BYTES, EXTENT_BYTES_MAX};
use engine_base::{Location, to_usize};
use engine_device::PageBuf;
use engine_format::{DatasetState, EXTENT_BLOCKS_MAX, ExtentRef, SegmentKind};

use super::Check;
use super::claims::{ClaimedUnit, Claims};
use super::entries::{Found, decode_entry, end_allowed, is_bucket, range_of};
use super::report::slot_name;
use super::seals::Seals;
use super::shares::Shares;
use super::structure::Structure;
use super::trees::owner_of;
use crate::Dataset;
use crate::core::Core;
use crate::dataset::Allocated;
use crate::family::{Fate, Released};
use scan::take_extents;

struct Data<'a> {
    core: &'a Core,
    claims: Claims,
    /// Units that cannot be read: each part of one is told of.
    bad_units: HashSet<Location>,
    buf: PageBuf,
}

/// One dataset on its way through the check.
struct Progress {
    owner: String,
    is_bucket: bool,
    object: Option<u64>,
    end_allowed: u64,
    mapped_to: u64,
    allocated: Allocated,
    shares: Shares,
    structure: Structure,
    /// What of it is counted here, and not in the snapshot that it went on from.
    fate: Fate,
    seals: Seals,
    released: Released,
}

impl Progress {
    /// Whether bytes at this offset of an object are counted in this dataset.
    fn is_counted(&self, offset: u64, at: Location) -> bool {
        !self.released.has(offset, at) && self.fate.dies(offset, at)
    }
}

impl Check<'_> {
    /// Verifies the data of all datasets, and the counters that replay came to.
    pub(super) fn data(&mut self, core: &Core) {
        let mut data = Data {
            core,
            claims: Claims::default(),
            bad_units: HashSet::new(),
            buf: PageBuf::zeroed(EXTENT_BLOCKS_MAX * BLOCK_BYTES),
        };
        self.expect_data(core);
        let mut whole = true;
        for dataset in core.catalog.all() {
            whole &= self.dataset_data(&dataset, &mut data);
        }
        if whole && self.replayable {
            self.compare_live(core, &data.claims);
        }
    }

    fn expect_data(&mut self, core: &Core) {
        let space = core.space.lock();
        let journal = space
            .segments
            .values()
            .filter(|segment| segment.kind == SegmentKind::Journal);
        let live: u64 = journal.map(|segment| u64::from(segment.live)).sum();
        self.total = self.report.counts.bytes.get() + live;
    }

    /// `false` if not all of it could be looked at.
    fn dataset_data(&mut self, dataset: &Arc<Dataset>, data: &mut Data<'_>) -> bool {
        let record = dataset.record();
        let mut progress = Progress {
            owner: owner_of(dataset.id(), record.as_ref()),
            is_bucket: is_bucket(record.as_ref()),
            object: None,
            end_allowed: end_allowed(record.as_ref()),
            mapped_to: 0,
            allocated: Allocated::default(),
            shares: Shares::default(),
            structure: Structure::default(),
            fate: data.core.fate(dataset),
            seals: Seals::of(dataset),
            released: record.as_ref().map(Released::by).unwrap_or_default(),
        };
        self.key_of(&progress.owner, progress.seals, data.core);
        let mut whole = true;
        let mut cursor = Some(Vec::new());
        while let Some(from) = cursor {
            let (entries, next) = take_extents(data.core, dataset, &from, &mut whole);
            for (key, value) in &entries {
                if progress.is_bucket {
                    progress.structure.record(key, value);
                }
                match decode_entry(progress.is_bucket, key, value) {
                    Ok(Found::Other | Found::Counted(..) | Found::Usage(..)) => {}
                    Ok(Found::Shared(key, record)) => {
                        let (at, live) = progress.shares.record(&key, record);
                        if progress.is_counted(key.offset, at) {
                            data.claims.add_live(key.segment, live);
                        }
                    }
                    Ok(Found::Extent(object, start, extent)) => {
                        if object != progress.object {
                            (progress.object, progress.mapped_to) = (object, 0);
                        }
                        self.extent(start, &extent, data, &mut progress);
                    }
                    // Reported when the pages of the checkpoint were walked.
                    Err(_) => whole = false,
                }
            }
            data.core.evict_over_budget(dataset);
            cursor = next;
        }
        if whole && self.replayable && !progress.shares.agree() {
            self.damage(format!(
                "{}: after replay its shared extents are not those that are recorded; report this",
                progress.owner
            ));
        }
        let is_there = record.is_some_and(|record| record.state != DatasetState::Deleting);
        if whole && self.replayable && progress.is_bucket && is_there {
            self.structure(data.core, dataset, &mut progress);
        }
        let allocated = dataset.all_allocated();
        if whole && self.replayable && progress.allocated != allocated {
            self.damage(format!(
                "{}: after replay {allocated} count as allocated, but the extents map {}; \
                 report this",
                progress.owner, progress.allocated
            ));
        }
        whole
    }

    /// Whether the records of a bucket fit together.
    fn structure(&mut self, core: &Core, dataset: &Dataset, progress: &mut Progress) {
        let Some(mut suspects) = progress.structure.finish(self, &progress.owner) else {
            return;
        };
        let (mut cursor, mut whole) = (Some(Vec::new()), true);
        while let Some(from) = cursor {
            let (entries, next) = take_extents(core, dataset, &from, &mut whole);
            for (key, value) in &entries {
                suspects.record(key, value);
            }
            core.evict_over_budget(dataset);
            cursor = next;
        }
        suspects.finish(self, &progress.owner);
    }

    fn extent(
        &mut self,
        start: u64,
        extent: &ExtentRef<'_>,
        data: &mut Data<'_>,
        progress: &mut Progress,
    ) {
        self.report.counts.extents += 1;
        let end = start.saturating_add(u64::from(extent.bytes()));
        let range = range_of(&progress.owner, progress.object, start, end);
        if self.replayable && start < progress.mapped_to {
            self.damage(format!(
                "{range}: two extents map the same bytes; restore that range from a backup"
            ));
        }
        if self.replayable && end > progress.end_allowed {
            self.damage(format!(
                "{range}: mapped behind the end of the volume; report this"
            ));
        }
        self.seal(&range, progress.seals, extent, data.core);
        progress.mapped_to = progress.mapped_to.max(end);
        progress.allocated.add(extent.bytes(), extent.weight());
        let (location, blocks) = (extent.location(), extent.checksums().len());
        if extent.is_shared() {
            progress.shares.extent(progress.object, start, extent);
        }
        if !progress.is_counted(start, location) {
            // It is verified where it is counted, if anybody needs it any more.
            return;
        }
        let is_free = if extent.codec().unit().is_some() {
            if !extent.is_shared() {
                data.claims.add_live(location.segment, extent.weight());
            }
            match data.claims.claim_unit(location, blocks) {
                // All of it was verified then.
                ClaimedUnit::Again => {
                    if data.bad_units.contains(&location) {
                        self.damage(format!(
                            "{range}: its data at {location} is damaged, too; reading it fails: \
                             restore or overwrite that range"
                        ));
                    }
                    return;
                }
                claimed => claimed == ClaimedUnit::New,
            }
        } else if extent.is_shared() {
            data.claims.claim_shared(location, blocks)
        } else {
            data.claims.claim(location, blocks, extent.bytes())
        };
        if !is_free {
            self.damage(format!(
                "{range}: its data at {location} belongs to another extent, too; restore that \
                 range from a backup"
            ));
        }
        let is_good = self.extent_data(&range, extent, data);
        if !is_good && extent.codec().unit().is_some() {
            data.bad_units.insert(location);
        }
    }

    fn compare_live(&mut self, core: &Core, claims: &Claims) {
        let mut wrong = Vec::new();
        for (id, segment) in &core.space.lock().segments {
            let (found, counted) = (claims.live(*id), segment.weight());
            if segment.kind == SegmentKind::Journal && found != counted {
                wrong.push(format!(
                    "after replay {id} in {} counts {counted} live bytes, but {found} are \
                     referred to; report this",
                    slot_name(segment.slot)
                ));
            }
        }
        wrong.into_iter().for_each(|what| self.damage(what));
    }
}

const _: () = assert!(to_usize(EXTENT_BYTES_MAX) < EXTENT_BLOCKS_MAX * BLOCK_BYTES);
