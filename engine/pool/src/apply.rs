//! Apply: publishing a group in the trees, in LSN order. The same code serves live commits and
//! replay.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{DatasetId, Location, Lsn, SegmentId};
use engine_format::{
    Charge, DirectoryState, ExtentPutRef, FormatError, MutationRef, Touch, Usage, batches,
};
use engine_log::{Applier, ApplyGroup, JournalPosition};
use engine_tree::{
    Captured, ExtentError, Missing, Remains, Tree, extent_clear_over, extent_put_over,
};

use crate::Dataset;
use crate::core::Core;
use crate::dataset::Allocated;
use crate::family::Growth;
use crate::sharing;
use crate::space::LiveChange;

/// Why a group cannot be applied. Live, that is a broken invariant; at replay it is damage.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error("a batch does not decode")]
    Format(#[from] FormatError),
    #[error("a leaf that the batch touches is not in memory")]
    NotResident(Missing),
    #[error("{0} is changed but does not exist")]
    NoDataset(DatasetId),
    #[error("a key is malformed")]
    BadKey,
}

impl From<ExtentError<Missing>> for ApplyError {
    fn from(error: ExtentError<Missing>) -> Self {
        match error {
            ExtentError::Map(missing) => Self::NotResident(missing),
            ExtentError::Entry { source, .. } => Self::Format(source),
            ExtentError::Key { .. } => Self::BadKey,
        }
    }
}

impl From<Missing> for ApplyError {
    fn from(missing: Missing) -> Self {
        Self::NotResident(missing)
    }
}

mod freed;
mod records;

use freed::{Freed, GroupData};

/// What is true after the last applied group. Its mutex makes a turn of apply: a checkpoint takes
/// its state in one.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) lsn: Lsn,
    /// The journal behind that group; `None` before the first of an epoch.
    pub(crate) end: Option<JournalPosition>,
    /// What the next checkpoint has to know of datasets that came and went since the last.
    pub(crate) families: FamilyChanges,
    pub(crate) since_checkpoint: Work,
    segment: Option<SegmentId>,
    changes: Vec<(SegmentId, LiveChange)>,
}

/// Datasets that came from others, and those that were removed.
#[derive(Debug, Default)]
pub(crate) struct FamilyChanges {
    /// In the order in which it happened.
    pub(crate) grown: Vec<Growth>,
    /// Snapshots that were removed before a checkpoint wrote them: what went on from them refers to
    /// their pages, so they are written first.
    pub(crate) unwritten: Vec<(Arc<Dataset>, Captured)>,
    /// Heads that were removed.
    pub(crate) heads: Vec<(DatasetId, Remains)>,
    /// Snapshots that were removed.
    pub(crate) snapshots: Vec<DatasetId>,
}

/// What replay would have to do again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) groups: u64,
    pub(crate) mutations: u64,
    pub(crate) journal_bytes: u64,
    pub(crate) pages_read: u64,
}

impl Turn {
    pub(crate) fn new(lsn: Lsn) -> Self {
        Self {
            lsn,
            end: None,
            families: FamilyChanges::default(),
            since_checkpoint: Work::default(),
            segment: None,
            changes: Vec::new(),
        }
    }
}

/// What a mutation changes. Order of locks: the pool's tree, the catalog, a dataset's tree.
struct Target<'a> {
    dataset: &'a Dataset,
    tree: &'a mut Tree,
}

impl Applier for Core {
    fn apply(&self, group: &ApplyGroup<'_>) {
        let mut turn = self.turn.lock();
        if let Err(error) = self.apply_group(&mut turn, group) {
            panic!("{} was written but cannot be applied: {error}", group.lsn);
        }
    }
}

impl Core {
    /// Applies one group: trees, catalog, live bytes.
    pub(crate) fn apply_group(
        &self,
        turn: &mut Turn,
        group: &ApplyGroup<'_>,
    ) -> Result<(), ApplyError> {
        assert!(
            group.lsn > turn.lsn,
            "{} is applied after {}",
            group.lsn,
            turn.lsn
        );
        let mut changes = std::mem::take(&mut turn.changes);
        let mut last: Option<Arc<Dataset>> = None;
        let mut data = GroupData::new(group.data);
        for batch in batches(group.mutations) {
            let mut left = batch?.mutations().peekable();
            while let Some(next) = left.peek() {
                let id = next.as_ref().map_err(Clone::clone)?.dataset();
                let dataset = match last.take() {
                    Some(known) if known.id() == id => known,
                    _ => self.catalog.get(id).ok_or(ApplyError::NoDataset(id))?,
                };
                // One lock for all that the batch changes of it: readers see it whole or not at
                // all.
                let mut tree = dataset.tree.write();
                let is_same =
                    |next: &Result<MutationRef<'_>, _>| matches!(next, Ok(m) if m.dataset() == id);
                while let Some(mutation) = left.next_if(is_same) {
                    let target = Target {
                        dataset: &dataset,
                        tree: &mut tree,
                    };
                    self.apply_mutation(turn, target, mutation?, &mut data, &mut changes)?;
                    turn.since_checkpoint.mutations += 1;
                }
                drop(tree);
                last = Some(dataset);
            }
        }
        self.count_group(turn, group, &changes);
        changes.clear();
        turn.changes = changes;
        Ok(())
    }

    fn apply_mutation(
        &self,
        turn: &mut Turn,
        target: Target<'_>,
        mutation: MutationRef<'_>,
        data: &mut GroupData,
        changes: &mut Vec<(SegmentId, LiveChange)>,
    ) -> Result<(), ApplyError> {
        let Target { dataset, tree } = target;
        match mutation {
            MutationRef::Put { key, value, .. } => {
                tree.put(key, value)?;
                if dataset.id() == DatasetId::POOL {
                    self.put_record(turn, key, value, data.applied)?;
                }
            }
            MutationRef::Delete { key, .. } => {
                tree.delete(key)?;
                if dataset.id() == DatasetId::POOL {
                    self.delete_record(turn, key)?;
                }
            }
            MutationRef::ExtentPut { key, extent, .. } => {
                data.apply(&extent);
                self.apply_extent(Target { dataset, tree }, key, &extent, data.start, changes)?;
            }
            MutationRef::ExtentClear {
                key, offset, bytes, ..
            } => {
                let target = Target { dataset, tree };
                self.clear_extents(target, key, (offset, bytes), changes)?;
            }
            MutationRef::ExtentRelease {
                key, offset, bytes, ..
            } => {
                let mut freed = Freed::new(self, dataset, changes);
                freed.release(tree, key, (offset, bytes))?;
            }
            MutationRef::ExtentShare { key, share, .. } => {
                let extents = sharing::mark(tree, &share)?;
                let target = Target { dataset, tree };
                self.clear_extents(target, key, (share.offset, share.bytes), changes)?;
                dataset.add_allocated(sharing::put_marked(tree, key, &extents)?);
            }
            MutationRef::Touch { key, touch, .. } => apply_touch(tree, key, &touch)?,
            MutationRef::Charge { key, charge, .. } => apply_charge(tree, key, &charge)?,
        }
        Ok(())
    }

    fn apply_extent(
        &self,
        target: Target<'_>,
        key: &[u8],
        put: &ExtentPutRef<'_>,
        data: Location,
        changes: &mut Vec<(SegmentId, LiveChange)>,
    ) -> Result<(), ApplyError> {
        let extent = put.extent(data)?;
        changes.push((data.segment, LiveChange::Add(extent.weight())));
        let bytes = put.bytes.into();
        self.counters
            .client_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        let Target { dataset, tree } = target;
        let mut freed = Freed::new(self, dataset, changes);
        extent_put_over(tree, key, put.offset, &extent, &mut |old| freed.add(old))?;
        let before = freed.finish(tree, key)?;
        dataset.add_allocated(Allocated::of(&extent));
        dataset.subtract_allocated(before);
        Ok(())
    }

    fn clear_extents(
        &self,
        target: Target<'_>,
        key: &[u8],
        (offset, bytes): (u64, u64),
        changes: &mut Vec<(SegmentId, LiveChange)>,
    ) -> Result<(), ApplyError> {
        let Target { dataset, tree } = target;
        let mut freed = Freed::new(self, dataset, changes);
        extent_clear_over(tree, key, offset, bytes, &mut |old| freed.add(old))?;
        dataset.subtract_allocated(freed.finish(tree, key)?);
        Ok(())
    }

    /// One turn at the mutex of space for the whole group.
    fn count_group(
        &self,
        turn: &mut Turn,
        group: &ApplyGroup<'_>,
        changes: &[(SegmentId, LiveChange)],
    ) {
        let place = group.end.place;
        let mut space = self.space.lock();
        for (segment, change) in changes {
            space.adjust(*segment, *change);
        }
        space.wrote(place.segment, group.end.offset, group.lsn);
        if let Some(before) = turn.segment.replace(place.segment)
            && before != place.segment
        {
            space.seal(before);
        }
        drop(space);
        turn.lsn = group.lsn;
        turn.end = Some(group.end);
        turn.since_checkpoint.groups += 1;
        let data_from = u64::from(group.data.offset);
        turn.since_checkpoint.journal_bytes += u64::from(group.end.offset) - data_from
            + engine_format::head_bytes_for(group.mutations.len()) as u64;
    }
}

/// A directory that is gone is not touched: whoever removed it holds what is left of it.
fn apply_touch(tree: &mut Tree, key: &[u8], touch: &Touch) -> Result<(), ApplyError> {
    let state = tree.get(key, |value| value.map(DirectoryState::decode))?;
    if let Some(state) = state.transpose()? {
        tree.put(key, &state.merged(touch).encode())?;
    }
    Ok(())
}

/// A quota that is gone counts nothing any more.
fn apply_charge(tree: &mut Tree, key: &[u8], charge: &Charge) -> Result<(), ApplyError> {
    let usage = tree.get(key, |value| value.map(Usage::decode))?;
    if let Some(usage) = usage.transpose()? {
        tree.put(key, &usage.merged(charge).encode())?;
    }
    Ok(())
}
