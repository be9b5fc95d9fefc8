//! Taking the state of one LSN.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine_base::{ByteCount, DatasetId, Lsn};
use engine_format::{CheckpointId, SegmentEntry};
use engine_log::JournalPosition;
use engine_tree::Captured;
use parking_lot::Mutex;

use crate::Dataset;
use crate::apply::Work;
use crate::core::Core;

/// A dataset in the state that is taken.
pub(super) struct CapturedDataset {
    pub(super) id: DatasetId,
    pub(super) tree: Captured,
    pub(super) allocated: ByteCount,
    /// Its record was deleted since the last checkpoint.
    pub(super) removed: bool,
}

/// The state of one LSN. Writers go on; nothing here changes any more.
pub(super) struct State {
    pub(super) checkpoint: CheckpointId,
    pub(super) lsn: Lsn,
    pub(super) position: JournalPosition,
    pub(super) pool: Captured,
    datasets: Mutex<Vec<CapturedDataset>>,
    pub(super) journal_segments: Vec<SegmentEntry>,
    pub(super) next_dataset: DatasetId,
}

impl State {
    pub(super) fn take_datasets(&self) -> Vec<CapturedDataset> {
        std::mem::take(&mut self.datasets.lock())
    }
}

impl Core {
    /// Takes the state in one turn of apply: roots are cloned, counters copied, nothing is written.
    pub(super) fn take_state(&self, checkpoint: CheckpointId) -> State {
        let mut turn = self.turn.lock();
        let mut datasets: Vec<CapturedDataset> = self
            .catalog
            .all()
            .iter()
            .filter_map(|dataset| capture(dataset, false))
            .collect();
        let removed = std::mem::take(&mut turn.removed);
        datasets.extend(
            removed
                .iter()
                .filter_map(|dataset: &Arc<Dataset>| capture(dataset, true)),
        );
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
            datasets: Mutex::new(datasets),
            journal_segments,
            next_dataset: self.catalog.next_id(),
        }
    }
}

/// `None` if nothing of it changed.
fn capture(dataset: &Dataset, removed: bool) -> Option<CapturedDataset> {
    let mut tree = dataset.tree.write();
    if !removed && !tree.is_dirty() {
        return None;
    }
    Some(CapturedDataset {
        id: dataset.id(),
        tree: tree.capture(),
        allocated: dataset.allocated(),
        removed,
    })
}
