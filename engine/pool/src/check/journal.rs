//! The journal behind the checkpoint, replayed into memory.

use std::sync::Arc;

use engine_base::Lsn;
use engine_device::Area;
use engine_format::{SegmentKind, SegmentState, Superblock};
use engine_log::ReplayEnd;

use super::report::chain;
use super::{Check, CheckOptions, Segments, Sums};
use crate::PoolOptions;
use crate::core::Core;
use crate::open::{Loaded, geometry_of, is_creation};
use crate::space::Segment;

impl Check<'_> {
    /// The state that opening the pool would come to; without the journal where it cannot be
    /// applied. `None` if not even the checkpoint can be loaded.
    pub(super) fn replay(
        &mut self,
        superblock: &Superblock,
        segments: &Segments,
        sums: &Sums,
        options: &CheckOptions,
    ) -> Option<Arc<Core>> {
        self.report.lsn = superblock.lsn;
        let options = PoolOptions {
            memory: options.memory,
            repair: false,
            ..PoolOptions::default()
        };
        let loaded = match Loaded::read(&self.device, superblock, superblock.epoch, &options) {
            Ok(loaded) => loaded,
            Err(error) => {
                self.damage(format!(
                    "checkpoint {} cannot be opened: {}",
                    superblock.checkpoint.get(),
                    chain(&error)
                ));
                return None;
            }
        };
        let core = Arc::clone(&loaded.core);
        if is_creation(superblock.checkpoint) {
            return Some(core);
        }
        if !self.replayable {
            self.warn(
                "the journal was not replayed, because the checkpoint does not fit together: the \
                 data of the checkpoint is verified instead"
                    .to_owned(),
            );
            return Some(core);
        }
        // What lies behind a page that cannot be read is not in the sums: the counters of the
        // checkpoint are nearer to the truth then.
        if !sums.incomplete {
            correct_counters(&core, sums);
        }
        match loaded.replay(superblock, &options) {
            Ok(end) => self.replayed(superblock, segments, &end),
            Err(error) => {
                let lsn = core.turn.lock().lsn;
                self.report.lsn = lsn;
                self.damage(format!(
                    "the journal cannot be replayed behind {lsn}: {}",
                    chain(&error)
                ));
            }
        }
        Some(core)
    }

    fn replayed(&mut self, superblock: &Superblock, segments: &Segments, end: &ReplayEnd) {
        self.report.lsn = end.lsn;
        self.report.counts.groups = end.groups;
        for used in &end.segments {
            if segments.all.contains_key(&used.place.segment) || used.last_lsn == Lsn::ZERO {
                continue;
            }
            let segment = Segment {
                slot: Some(used.place.slot),
                kind: SegmentKind::Journal,
                state: SegmentState::Open,
                written: used.end,
                live: 0,
                live_excess: 0,
                last_lsn: used.last_lsn,
            };
            self.header(superblock, used.place.segment, &segment, used.place.slot);
        }
        self.unvouched.clone_from(&end.unvouched);
        self.incomplete_groups(superblock, end);
        if let Some(torn) = end.torn {
            self.warn(format!(
                "the journal ends before {torn}, whose data is not whole: a power cut leaves this \
                 behind, and nobody was told that it is durable"
            ));
        }
    }
}

impl Check<'_> {
    /// Groups whose head some copy does not have. One for which a later one vouches was durable on
    /// all of them.
    fn incomplete_groups(&mut self, superblock: &Superblock, end: &ReplayEnd) {
        let device = Arc::clone(&self.device);
        let geometry = geometry_of(superblock);
        for group in &end.incomplete {
            let at = group.place.slot;
            for copy in group.copies_without_head(&*device, geometry) {
                let name = device.name_of_copy(copy, Area::Segment(at));
                let what = format!(
                    "the head of the journal's group {} in {at} is not good on {name}, another \
                     copy is, and opening the pool rewrites it",
                    group.lsn
                );
                if group.lsn <= end.vouched {
                    self.damage(format!("{what}; look at that device"));
                } else {
                    self.warn(format!("{what}: a power cut leaves this behind"));
                }
            }
        }
    }
}

/// Makes the counters what was found, so that wrong ones, which were reported, do not stop replay.
fn correct_counters(core: &Core, sums: &Sums) {
    let mut space = core.space.lock();
    for (id, segment) in &mut space.segments {
        let live = sums.live.get(id).copied().unwrap_or_default();
        if segment.set_weight(live).is_none() {
            (segment.live, segment.live_excess) = (u32::MAX, 0);
        }
    }
    space.count_reclaimable();
    drop(space);
    for dataset in core.catalog.all() {
        let found = sums.allocated.get(&dataset.id()).copied();
        dataset.correct_allocated(found.unwrap_or_default());
    }
}
