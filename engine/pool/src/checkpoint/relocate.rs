//! Emptying sparse index segments: before a state is taken, some of the pages in them are made
//! dirty, and the checkpoint writes them elsewhere.
//!
//! A round goes over all trees, in order of their ids, a bounded number of pages in each
//! checkpoint. Its victims stay the same meanwhile, so that at its end nothing is left in them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use engine_base::limits::PAGE_BYTES;
use engine_base::{DatasetId, SegmentId, to_usize};
use engine_tree::{LoadedPage, Missing, Relocated, RelocationEnd, Tree};

use super::Checkpointer;
use crate::core::Core;
use crate::space::{CompactionGoal, choose_victims, table_bytes};
use crate::{Dataset, Pool};

/// Pages that a checkpoint may always move where there is room for them.
const PAGES_MIN: u64 = 16;
/// Pages read in one checkpoint for each that may be moved: inner pages are read to look below.
const READS_PER_PAGE: u64 = 4;
/// A round moves about what this many checkpoints can.
const CHECKPOINTS_PER_ROUND: u64 = 8;
/// Slots that moving pages leaves to the journal.
const JOURNAL_SLOTS: u64 = 3;

/// How far the present round is.
#[derive(Debug)]
pub(crate) struct Compaction {
    /// Ascending; empty if there is no round.
    victims: Vec<SegmentId>,
    /// The tree and the key to go on from.
    tree: DatasetId,
    key: Box<[u8]>,
    /// Victims of rounds that have ended. If one is still in use, a page in it cannot be read.
    tried: BTreeSet<SegmentId>,
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            victims: Vec::new(),
            tree: DatasetId::POOL,
            key: Box::default(),
            tried: BTreeSet::new(),
        }
    }
}

impl Compaction {
    /// Begins a round if there is none and one is due.
    fn begin(&mut self, core: &Core, pages_max: u64) {
        let space = core.space.lock();
        let sealed = space.sealed_index();
        let is_in_use = |segment: &SegmentId| {
            let found = sealed.binary_search_by_key(segment, |known| known.segment);
            found.is_ok()
        };
        self.tried.retain(is_in_use);
        self.victims.retain(is_in_use);
        if !self.victims.is_empty() {
            return;
        }
        let goal = CompactionGoal {
            segment_bytes: core.geometry.segment_bytes,
            live: space.usage().live_index,
            tight: core.admission.uses_reserve(),
            moved_max: CHECKPOINTS_PER_ROUND * pages_max * PAGE_BYTES as u64,
        };
        drop(space);
        let untried = sealed
            .iter()
            .filter(|known| !self.tried.contains(&known.segment));
        self.victims = choose_victims(untried.copied().collect(), &goal);
        (self.tree, self.key) = (DatasetId::POOL, Box::default());
    }

    /// Whether pages leave this segment, if only those above `above` can.
    fn is_victim(&self, segment: SegmentId, above: Option<SegmentId>) -> bool {
        above.is_none_or(|above| segment > above) && self.victims.binary_search(&segment).is_ok()
    }

    fn go_on_in(&mut self, tree: Option<DatasetId>) {
        self.key = Box::default();
        match tree {
            Some(tree) => self.tree = tree,
            None => self.tried.extend(std::mem::take(&mut self.victims)),
        }
    }

    fn go_on_from(&mut self, key: Box<[u8]>) {
        self.key = key;
    }
}

impl Pool {
    /// Makes pages dirty that are to leave sparse segments. Only looks at counters if there are
    /// none.
    pub(super) fn relocate(&self, checkpointer: &mut Checkpointer) {
        let core = &*self.core;
        let wanted = (core.dirty_limit / 8 / PAGE_BYTES as u64).max(PAGES_MIN);
        let round = &mut checkpointer.compaction;
        round.begin(core, wanted);
        if round.victims.is_empty() {
            return;
        }
        let mut work = Work {
            core,
            pages_left: wanted.min(core.spare_pages(checkpointer.stream.room())),
            reads_left: wanted * READS_PER_PAGE,
            loaded: None,
        };
        while !round.victims.is_empty() && work.pages_left > 0 && work.reads_left > 0 {
            work.step(round);
        }
    }
}

impl Core {
    /// Bytes that a checkpoint may write for what is dirty now, with second copies and inner pages,
    /// for what gets dirty until its state is taken, and for the segment table.
    pub(crate) fn checkpoint_bytes(&self) -> u64 {
        let space = self.space.lock();
        let (segments, redirects) = (space.segments.len() + 8, space.redirects_to_write() as u64);
        // Each in a leaf of its own, but not in more than hold all of them half full.
        let all = space.redirect_bytes() as u64 / (PAGE_BYTES as u64 / 2) + 1;
        let leaves = redirects.min(all + redirects / 3);
        drop(space);
        let dirty = self.budget.dirty().get() + leaves * 2 * PAGE_BYTES as u64;
        dirty + dirty / 4 + 64 * PAGE_BYTES as u64 + table_bytes(segments)
    }

    /// The segment above which the pages of a dataset can be moved: those that a snapshot has, too,
    /// would only be there twice. `None` inside: all of them; outside: none.
    #[expect(clippy::option_option, reason = "each of the three is another answer")]
    fn moves_from(&self, dataset: &Dataset) -> Option<Option<SegmentId>> {
        if dataset.kept().is_some() {
            return None;
        }
        let Some(parent) = dataset.descent().parent else {
            return Some(None);
        };
        let parent = self.catalog.get(parent)?;
        let pages = parent.kept()?.pages.get()?;
        Some(Some(pages.segment))
    }

    /// Pages that may become dirty in addition, so that there is certainly room for the checkpoint.
    fn spare_pages(&self, room: u64) -> u64 {
        let slots = u64::from(self.space.lock().free_slots()).saturating_sub(JOURNAL_SLOTS);
        // A segment has a header and loses less than a page at its end.
        let usable = u64::from(self.geometry.segment_bytes) - 2 * PAGE_BYTES as u64;
        let spare = (room + slots * usable).saturating_sub(self.checkpoint_bytes());
        // Each may have a second copy, and pages above it.
        spare / (4 * PAGE_BYTES as u64)
    }
}

/// What may still be done before this checkpoint.
struct Work<'a> {
    core: &'a Core,
    pages_left: u64,
    reads_left: u64,
    /// Read after the last step, to be put into the tree and marked under one lock: eviction must
    /// not come between.
    loaded: Option<(Missing, LoadedPage)>,
}

impl Work<'_> {
    fn step(&mut self, round: &mut Compaction) {
        let nothing = Relocated {
            marked: 0,
            end: RelocationEnd::Done,
        };
        let relocated = match round.tree {
            DatasetId::ROOTS => self.look(round, None, &mut self.core.roots.lock()),
            tree => match self.core.catalog.get(tree) {
                Some(dataset) => match self.core.moves_from(&dataset) {
                    Some(above) => self.look(round, above, &mut dataset.tree.write()),
                    None => nothing,
                },
                None => nothing,
            },
        };
        self.pages_left = self.pages_left.saturating_sub(relocated.marked as u64);
        let counter = &self.core.counters.pages_relocated;
        counter.fetch_add(relocated.marked as u64, Ordering::Relaxed);
        match relocated.end {
            RelocationEnd::Done => round.go_on_in(self.tree_after(round.tree)),
            RelocationEnd::At(key) => round.go_on_from(key),
            RelocationEnd::Missing(missing) => self.read(round, missing),
        }
    }

    fn look(&mut self, round: &Compaction, above: Option<SegmentId>, tree: &mut Tree) -> Relocated {
        if let Some((missing, page)) = self.loaded.take() {
            tree.install(&missing, page);
        }
        let is_victim = |segment| round.is_victim(segment, above);
        tree.relocate(&round.key, to_usize(self.pages_left), &is_victim)
    }

    /// Reads without a lock. No segment is released meanwhile: only checkpoints do that.
    fn read(&mut self, round: &mut Compaction, missing: Missing) {
        self.reads_left -= 1;
        let dataset = self.core.catalog.get(round.tree);
        let above = dataset.and_then(|dataset| self.core.moves_from(&dataset));
        let is_victim = |segment| round.is_victim(segment, above.flatten());
        let page = match self.core.page_reader().tree_page(&missing) {
            Ok(page) => page,
            Err(error) => {
                // The page stays where it is; whoever needs it is told.
                tracing::warn!(tree = %missing.tree, %error, "a page cannot be moved");
                return self.pass_over(round, missing);
            }
        };
        let lies_in = |(at, _): (engine_base::Location, u32)| is_victim(at.segment);
        if page.level() == 1 && !page.leads_to(&is_victim) && !missing.pointer.parts().any(lies_in)
        {
            return self.pass_over(round, missing);
        }
        round.go_on_from(missing.low.clone());
        self.loaded = Some((missing, page));
    }

    fn pass_over(&self, round: &mut Compaction, missing: Missing) {
        if missing.high.is_empty() {
            round.go_on_in(self.tree_after(round.tree));
        } else {
            round.go_on_from(missing.high);
        }
    }

    /// The pool's tree, that of the roots, then those of the datasets.
    fn tree_after(&self, tree: DatasetId) -> Option<DatasetId> {
        match tree {
            DatasetId::POOL => Some(DatasetId::ROOTS),
            tree => self.core.catalog.next_above(tree),
        }
    }
}
