//! Taking the state of one LSN.

use std::sync::atomic::Ordering;

use engine_base::{ByteCount, DatasetId, Lsn};
use engine_format::{CheckpointId, SegmentEntry};
use engine_log::JournalPosition;
use engine_tree::{Captured, Remains};

use crate::Dataset;
use crate::apply::Work;
use crate::core::Core;

/// A dataset in the state that is taken.
pub(super) struct CapturedDataset {
    pub(super) id: DatasetId,
    pub(super) tree: Captured,
    pub(super) allocated: ByteCount,
}

/// The state of one LSN. Writers go on; nothing here changes any more.
pub(super) struct State {
    pub(super) checkpoint: CheckpointId,
    pub(super) lsn: Lsn,
    pub(super) position: JournalPosition,
    pub(super) pool: Captured,
    /// Those that changed.
    pub(super) datasets: Vec<CapturedDataset>,
    /// Of datasets whose records were deleted since the last checkpoint.
    pub(super) removed: Vec<Remains>,
    pub(super) journal_segments: Vec<SegmentEntry>,
    pub(super) next_dataset: DatasetId,
    /// Incompatible features in use.
    pub(super) features: u64,
}

impl Core {
    /// Takes the state in one turn of apply: roots are cloned, counters copied, nothing is written.
    pub(super) fn take_state(&self, checkpoint: CheckpointId) -> State {
        let mut turn = self.turn.lock();
        let all = self.catalog.all();
        let datasets = all.iter().filter_map(|dataset| capture(dataset));
        let datasets = datasets.collect();
        let removed = std::mem::take(&mut turn.removed);
        turn.since_checkpoint = Work::default();
        let page_reads = self.counters.page_reads.load(Ordering::Relaxed);
        self.counters
            .page_reads_before
            .store(page_reads, Ordering::Relaxed);
        let journal_segments =
            self.space
                .lock()
                .capture(checkpoint, turn.lsn, &mut self.generation.write());
        State {
            checkpoint,
            lsn: turn.lsn,
            position: turn.end.expect("the journal was started"),
            pool: self.catalog.pool.tree.write().capture(),
            datasets,
            removed,
            journal_segments,
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
fn capture(dataset: &Dataset) -> Option<CapturedDataset> {
    let mut tree = dataset.tree.write();
    if !tree.is_dirty() {
        return None;
    }
    Some(CapturedDataset {
        id: dataset.id(),
        tree: tree.capture(),
        allocated: dataset.allocated(),
    })
}
