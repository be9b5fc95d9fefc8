//! Replaying the journal onto a loaded checkpoint.

use std::sync::Arc;

use engine_base::{Location, Lsn, SegmentId};
use engine_format::{DatasetKind, MutationRef, SegmentKind, SegmentState, Superblock, batches};
use engine_log::{ApplyGroup, JournalPosition, Replay, ReplayEnd, ReplayedGroup, SegmentPlace};
use engine_tree::extent_key_span;

use crate::apply::ApplyError;
use crate::core::Core;
use crate::open::load::{is_creation, parts};
use crate::open::{Loaded, durable};
use crate::sharing;
use crate::{Dataset, PoolOptions, StoreError};

/// A pool in memory as it was when it was last used.
pub(crate) struct Recovered {
    pub(crate) core: Arc<Core>,
    pub(crate) lsn: Lsn,
    /// The index segment to go on in.
    pub(crate) resume: Option<(SegmentPlace, u32)>,
    pub(crate) table_pages: Vec<(Location, u32)>,
}

impl Loaded {
    /// Replays, makes what was accepted durable, and seals the old epoch's journal.
    pub(crate) fn recover(
        self,
        superblock: &Superblock,
        options: &PoolOptions,
    ) -> Result<Recovered, StoreError> {
        let core = Arc::clone(&self.core);
        let mut lsn = superblock.lsn;
        let mut beyond = Vec::new();
        if !is_creation(superblock.checkpoint) {
            let end = self.replay(superblock, options)?;
            durable::rewrite(&*core.device, core.geometry, &end)?;
            report(&end, superblock);
            lsn = end.lsn;
            beyond = end.beyond;
        }
        Ok(self.finish(superblock, lsn, &beyond))
    }

    /// Applies the journal in memory; nothing is written.
    pub(crate) fn replay(
        &self,
        superblock: &Superblock,
        options: &PoolOptions,
    ) -> Result<ReplayEnd, StoreError> {
        let journal = &superblock.journal;
        let place = SegmentPlace {
            segment: journal.location.segment,
            slot: journal.slot,
        };
        let replay = Replay {
            device: &*self.core.device,
            geometry: self.core.geometry,
            pool: superblock.pool_id,
            epoch: superblock.epoch,
            lsn: superblock.lsn,
            start: JournalPosition {
                place,
                offset: journal.location.offset,
                chain: journal.chain,
                next: journal.successor.map(SegmentPlace::from),
            },
            accept_loss: options.accept_loss,
        };
        self.core.adopt_journal(place);
        let mut visit = |group: &ReplayedGroup| self.core.replay_group(group);
        let end = replay.run::<StoreError>(&mut visit)?;
        let mut space = self.core.space.lock();
        for segment in &end.segments {
            space.wrote(segment.place.segment, segment.end, segment.last_lsn);
        }
        Ok(end)
    }

    /// The old epoch's segments are never appended to again; prepared ones that were not used are
    /// free, but for those `beyond` the end of its journal: they pass the gate, since whoever opens
    /// this checkpoint once more looks for groups in them.
    ///
    /// CRASH: what is beyond the end is as it was until no openable checkpoint leads there. In the
    /// next checkpoint these segments are dead; the one after that gives them back.
    fn finish(self, superblock: &Superblock, lsn: Lsn, beyond: &[SegmentPlace]) -> Recovered {
        let resume_in = superblock.segment_table.map(|pointer| pointer.base.segment);
        let mut resume = None;
        let mut space = self.core.space.lock();
        for place in beyond {
            space.hold_journal(*place);
        }
        let unused: Vec<SegmentPlace> = space
            .segments
            .iter()
            .filter(|(_, s)| s.kind == SegmentKind::Journal && s.state == SegmentState::Open)
            .filter(|(_, s)| s.live == 0 && s.last_lsn == Lsn::ZERO)
            .filter_map(|(id, s)| {
                Some(SegmentPlace {
                    segment: *id,
                    slot: s.slot?,
                })
            })
            .filter(|place| place.segment != superblock.journal.location.segment)
            .collect();
        unused
            .into_iter()
            .for_each(|place| space.release_unused(place));
        let open: Vec<SegmentId> = space
            .segments
            .iter()
            .filter(|(_, segment)| segment.state == SegmentState::Open)
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            let known = space.segments.get(&id).filter(|_| Some(id) == resume_in);
            match known.and_then(|known| Some((known.slot?, known.written))) {
                Some((slot, end)) => resume = Some((SegmentPlace { segment: id, slot }, end)),
                None => space.seal(id),
            }
        }
        // Ids that a crashed opening gave out and that nothing durable names: at most a slot's
        // worth each.
        space.skip_segment_ids();
        drop(space);
        self.core.refresh_homes();
        let table_pages = parts(&self.table);
        Recovered {
            core: self.core,
            lsn,
            resume,
            table_pages,
        }
    }
}

fn report(end: &ReplayEnd, superblock: &Superblock) {
    tracing::info!(
        checkpoint = superblock.checkpoint.get(),
        checkpoint_lsn = superblock.lsn.get(),
        lsn = end.lsn.get(),
        groups = end.groups,
        "journal replayed"
    );
    if let Some(lost) = end.lost_from {
        tracing::error!(
            from_lsn = lost.get(),
            "everything from this LSN on was given up as told"
        );
    }
}

impl Core {
    /// Applies one group of the past, reading the pages it needs.
    fn replay_group(&self, group: &ReplayedGroup) -> Result<(), StoreError> {
        self.adopt_journal(group.place());
        // Before, not after: nothing may be evicted between loading what the group touches and
        // applying it.
        self.evict_over_budget(&self.catalog.pool);
        self.make_resident_blocking(group)?;
        let mut turn = self.turn.lock();
        let apply = ApplyGroup {
            lsn: group.lsn,
            mutations: &group.mutations,
            data: group.data,
            end: group.end,
        };
        self.apply_group(&mut turn, &apply)
            .map_err(|error| StoreError::Inconsistent {
                what: format!("the group of {} cannot be applied: {error}", group.lsn),
            })
    }

    fn make_resident_blocking(&self, group: &ReplayedGroup) -> Result<(), StoreError> {
        for batch in batches(&group.mutations) {
            for mutation in batch
                .map_err(|error| undecodable(group, error.into()))?
                .mutations()
            {
                let mutation = mutation.map_err(|error| undecodable(group, error.into()))?;
                let (low, high) = key_span(&mutation);
                // A dataset that this very group creates has no pages yet, and what is given back
                // of a bucket names no keys.
                if let Some(dataset) = self.catalog.get(mutation.dataset()) {
                    let is_release = matches!(mutation, MutationRef::ExtentRelease { .. });
                    if is_release && dataset.is(DatasetKind::Bucket) {
                        continue;
                    }
                    self.load_span(&dataset, &low, &high)?;
                    self.load_shared(group, &dataset, &mutation)?;
                }
            }
        }
        Ok(())
    }

    /// Brings the records of shared bytes into memory that a mutation may look at.
    fn load_shared(
        &self,
        group: &ReplayedGroup,
        dataset: &Dataset,
        mutation: &MutationRef<'_>,
    ) -> Result<(), StoreError> {
        if !dataset.is(DatasetKind::Bucket) {
            return Ok(());
        }
        if let MutationRef::ExtentShare { share, .. } = mutation {
            let (low, high) = extent_key_span(share.source, share.from, share.bytes);
            self.load_span(dataset, &low, &high)?;
        }
        let spans = sharing::record_spans(&dataset.tree.read(), mutation)
            .map_err(|error| undecodable(group, error))?;
        for (low, high) in spans {
            self.load_span(dataset, &low, &high)?;
        }
        Ok(())
    }

    fn load_span(&self, dataset: &Dataset, low: &[u8], high: &[u8]) -> Result<(), StoreError> {
        let reader = self.page_reader();
        let mut tree = dataset.tree.write();
        reader.with_pages(&mut tree, |tree| tree.resident(low, high, usize::MAX))?;
        Ok(())
    }
}

fn undecodable(group: &ReplayedGroup, error: ApplyError) -> StoreError {
    StoreError::Inconsistent {
        what: format!("the group of {}: {error}", group.lsn),
    }
}

/// The keys that applying a mutation may look at.
fn key_span(mutation: &MutationRef<'_>) -> (Vec<u8>, Vec<u8>) {
    let (low, high) = match *mutation {
        MutationRef::Put { key, .. }
        | MutationRef::Delete { key, .. }
        | MutationRef::Touch { key, .. }
        | MutationRef::Charge { key, .. } => {
            return (key.to_vec(), key.to_vec());
        }
        MutationRef::ExtentPut { key, extent, .. } => {
            extent_key_span(key, extent.offset, u64::from(extent.bytes))
        }
        MutationRef::ExtentClear {
            key, offset, bytes, ..
        }
        | MutationRef::ExtentRelease {
            key, offset, bytes, ..
        } => extent_key_span(key, offset, bytes),
        MutationRef::ExtentShare { key, share, .. } => {
            extent_key_span(key, share.offset, share.bytes)
        }
    };
    (low.to_vec(), high.to_vec())
}
