//! Taking the state of one LSN.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{DatasetId, Lsn};
use engine_format::CheckpointId;
use engine_log::JournalPosition;
use engine_tree::Captured;

use crate::Dataset;
use crate::apply::{FamilyChanges, Work};
use crate::core::Core;
use crate::dataset::Allocated;
use crate::space::Taken;

/// A dataset in the state that is taken.
pub(super) struct CapturedDataset {
    pub(super) dataset: Arc<Dataset>,
    pub(super) tree: Captured,
    pub(super) allocated: Allocated,
}

/// The state of one LSN. Writers go on; nothing here changes any more.
pub(super) struct State {
    pub(super) checkpoint: CheckpointId,
    pub(super) lsn: Lsn,
    pub(super) position: JournalPosition,
    pub(super) pool: Captured,
    /// Those that changed: snapshots, each behind those that it went on from, then heads.
    pub(super) datasets: Vec<CapturedDataset>,
    /// Datasets that came and went since the last checkpoint.
    pub(super) families: FamilyChanges,
    /// Journal segments and packs, and which redirects changed.
    pub(super) space: Taken,
    pub(super) next_dataset: DatasetId,
    /// Incompatible features in use.
    pub(super) features: u64,
}

impl Core {
    /// Takes the state in one turn of apply: roots are cloned, counters copied, nothing is written.
    pub(super) fn take_state(&self, checkpoint: CheckpointId) -> State {
        let mut turn = self.turn.lock();
        let mut families = std::mem::take(&mut turn.families);
        let unwritten = std::mem::take(&mut families.unwritten);
        let mut datasets: Vec<CapturedDataset> = unwritten.into_iter().map(of_removed).collect();
        datasets.extend(self.catalog.all().into_iter().filter_map(capture));
        // Snapshots have higher ids than those that they went on from.
        datasets.sort_by_key(|known| (known.dataset.kept().is_none(), known.dataset.id()));
        turn.since_checkpoint = Work::default();
        let page_reads = self.counters.page_reads.load(Ordering::Relaxed);
        self.counters
            .page_reads_before
            .store(page_reads, Ordering::Relaxed);
        let space = {
            let mut space = self.space.lock();
            space.capture(checkpoint, turn.lsn, &mut self.generation.write())
        };
        State {
            checkpoint,
            lsn: turn.lsn,
            position: turn.end.expect("the journal was started"),
            pool: self.catalog.pool.tree.write().capture(),
            datasets,
            families,
            space,
            next_dataset: self.catalog.next_id(),
            features: self.features.load(Ordering::Relaxed),
        }
    }
}

impl State {
    /// Lets go of clean pages, which else could not be evicted until the checkpoint is written.
    pub(super) fn prune(&mut self) {
        self.pool.prune();
        for dataset in &mut self.datasets {
            dataset.tree.prune();
        }
    }
}

/// `None` if nothing of it changed.
fn capture(dataset: Arc<Dataset>) -> Option<CapturedDataset> {
    let tree = {
        let mut tree = dataset.tree.write();
        tree.is_dirty().then(|| tree.capture())?
    };
    let allocated = dataset.all_allocated();
    Some(CapturedDataset {
        dataset,
        tree,
        allocated,
    })
}

fn of_removed((dataset, tree): (Arc<Dataset>, Captured)) -> CapturedDataset {
    let allocated = dataset.all_allocated();
    CapturedDataset {
        dataset,
        tree,
        allocated,
    }
}
