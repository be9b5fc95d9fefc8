//! The trees of the newest checkpoint, page by page as they lie on the device.

use engine_base::{DatasetId, Location};
use engine_format::{DatasetState, PagePointer, RootsRecord, roots_key};
use engine_tree::{LoadedPage, Missing, Tree, walk};

use super::lost_page::lost_page;
use super::parts::Parts;
use super::pass::{Ended, Pass};
use crate::StoreError;
use crate::pages::{decode, place_of};

/// Pages that one step visits, if it does not gather enough data before.
const PAGES_PER_STEP: usize = 256;

/// A tree of the newest checkpoint.
pub(super) struct TreeToScrub {
    pub(super) id: DatasetId,
    /// Whose number its pages carry.
    family: DatasetId,
    root: Option<PagePointer>,
    /// Pages before this place belong to the snapshot that it went on from.
    above: Option<Location>,
    pub(super) is_bucket: bool,
}

/// Why a walk ends.
enum Stop {
    /// The next step begins at this key.
    At(Box<[u8]>),
    Ended(Ended),
}

impl From<Ended> for Stop {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

fn holds(missing: &Missing, key: &[u8]) -> bool {
    *missing.low <= *key && (missing.high.is_empty() || *key < *missing.high)
}

impl Pass<'_> {
    /// Verifies the pages of a tree from a key on, and what their extents refer to, up to a bound.
    /// The key behind them; `None`: that was all.
    pub(super) fn tree_step(
        &mut self,
        id: DatasetId,
        from: &[u8],
    ) -> Result<Option<Vec<u8>>, Ended> {
        let pin = self.pool.read_pin();
        let Some(tree) = self.tree_of(id)? else {
            return Ok(None);
        };
        let mut suspects = Vec::new();
        let mut visited = 0;
        let walked = walk(tree.family, tree.root, |missing| {
            if !missing.high.is_empty() && *missing.high <= *from {
                return Ok(None);
            }
            if (visited >= PAGES_PER_STEP || self.batch.is_full()) && *missing.low > *from {
                return Err(Stop::At(missing.low.clone()));
            }
            if self.is_above(&tree, missing) {
                return Ok(None);
            }
            visited += 1;
            Ok(self.visit(&tree, missing, from, &mut suspects)?)
        });
        let next = match walked {
            Ok(()) => None,
            Err(Stop::At(key)) => Some(key.into_vec()),
            Err(Stop::Ended(ended)) => return Err(ended),
        };
        let bad = self.verify_batch()?;
        drop(pin);
        for missing in suspects {
            self.look_at_page_again(id, &missing)?;
        }
        for item in bad {
            self.look_at_data_again(&item)?;
        }
        Ok(next)
    }

    /// Whether all of a page, and of those below it, belongs to a snapshot.
    fn is_above(&self, tree: &TreeToScrub, missing: &Missing) -> bool {
        let parts = missing.pointer.parts();
        tree.above
            .is_some_and(|above| parts.into_iter().all(|(location, _)| location < above))
    }

    /// The page, if a copy of each part is good.
    fn visit(
        &mut self,
        tree: &TreeToScrub,
        missing: &Missing,
        from: &[u8],
        suspects: &mut Vec<Missing>,
    ) -> Result<Option<LoadedPage>, Ended> {
        let is_inner = missing.level != Some(0);
        if is_inner && !from.is_empty() && *missing.low < *from {
            // An earlier step has verified it.
            let page = self.core().page_reader().tree_page(missing);
            if let Some(page) = page.ok().filter(|page| page.level() > 0) {
                return Ok(Some(page));
            }
        }
        let parts = self.parts_of_page(&missing.pointer)?;
        let page = parts.decode(missing);
        if !parts.all_good() || page.is_none() {
            suspects.push(missing.clone());
        }
        if let Some(page) = &page {
            self.add_leaf(tree, page);
        }
        Ok(page)
    }

    fn parts_of_page(&mut self, pointer: &PagePointer) -> Result<Parts, Ended> {
        let core = self.core();
        self.read_parts(pointer, &|location| place_of(core, location).ok())
    }

    /// A tree of the newest checkpoint; `None` if it has none by now, or nobody needs it.
    fn tree_of(&self, id: DatasetId) -> Result<Option<TreeToScrub>, Ended> {
        let Some(superblock) = self.core().newest_superblock() else {
            return Ok(None);
        };
        let of_pool = |root| TreeToScrub {
            id,
            family: id,
            root,
            above: None,
            is_bucket: false,
        };
        if id == DatasetId::POOL {
            return Ok(Some(of_pool(superblock.pool_root)));
        }
        if id == DatasetId::ROOTS {
            return Ok(Some(of_pool(superblock.roots_root)));
        }
        let Some(dataset) = self.core().catalog.get(id) else {
            return Ok(None);
        };
        let is_going = dataset.with_record(|record| {
            record.is_some_and(|record| record.state == DatasetState::Deleting)
        });
        if is_going && dataset.kept().is_none() {
            return Ok(None);
        }
        let descent = dataset.descent();
        let roots = superblock.roots_root;
        let Some(record) = self.root_of(roots, id)? else {
            return Ok(None);
        };
        let parent = match descent.parent {
            Some(parent) => self.root_of(roots, parent)?,
            None => None,
        };
        Ok(Some(TreeToScrub {
            id,
            family: descent.family,
            root: record.root,
            above: parent.and_then(|parent| parent.kept).map(|kept| kept.pages),
            is_bucket: dataset.is(engine_format::DatasetKind::Bucket),
        }))
    }

    /// What the tree of roots on the device says. A page of it that cannot be read says nothing; it
    /// is found when that tree is walked.
    fn root_of(
        &self,
        roots: Option<PagePointer>,
        id: DatasetId,
    ) -> Result<Option<RootsRecord>, Ended> {
        let key = roots_key(id);
        let mut found = None;
        let reader = self.core().page_reader();
        let walked: Result<(), StoreError> = walk(DatasetId::ROOTS, roots, |missing| {
            if !holds(missing, &key) {
                return Ok(None);
            }
            let page = match reader.tree_page(missing) {
                Err(error) if error.is_damage() => return Ok(None),
                page => page?,
            };
            page.for_each_entry(|found_key, value| {
                if *found_key == key {
                    found = RootsRecord::decode(value).ok();
                }
            });
            Ok(Some(page))
        });
        walked?;
        Ok(found)
    }

    /// Whether a page is bad for certain, and what can be done about it. No checkpoint is taken
    /// meanwhile, so what the newest one refers to is where it says.
    fn look_at_page_again(&mut self, id: DatasetId, suspect: &Missing) -> Result<(), Ended> {
        let pool = self.pool;
        let checkpointer = pool.checkpointer.lock();
        self.hurries = true;
        let again = self.page_again(id, suspect);
        self.hurries = false;
        drop(checkpointer);
        let Some((tree, left)) = again? else {
            return Ok(());
        };
        if self.write_from_memory(id, suspect) {
            self.owed += left;
        } else {
            self.lose(lost_page(&tree, suspect));
        }
        Ok(())
    }

    /// Repairs what can be; the tree, and how many parts are left without a good copy.
    fn page_again(
        &mut self,
        id: DatasetId,
        suspect: &Missing,
    ) -> Result<Option<(TreeToScrub, u64)>, Ended> {
        let Some(tree) = self.tree_of(id)? else {
            return Ok(None);
        };
        if !self.is_there(&tree, suspect)? {
            return Ok(None);
        }
        let parts = self.parts_of_page(&suspect.pointer)?;
        let left = self.repair_parts(&parts)?;
        let is_good = parts.is_whole(&suspect.pointer) && parts.decode(suspect).is_some();
        Ok((!is_good).then_some((tree, left.max(1))))
    }

    /// Whether the newest checkpoint refers to a page where it was found.
    fn is_there(&self, tree: &TreeToScrub, suspect: &Missing) -> Result<bool, Ended> {
        let reader = self.core().page_reader();
        let mut is_there = false;
        let walked: Result<(), StoreError> = walk(tree.family, tree.root, |missing| {
            is_there |= missing.pointer == suspect.pointer && missing.low == suspect.low;
            if is_there || !holds(missing, &suspect.low) {
                return Ok(None);
            }
            match reader.tree_page(missing) {
                Err(error) if error.is_damage() => Ok(None),
                page => page.map(Some),
            }
        });
        walked?;
        Ok(is_there)
    }

    /// Has the next checkpoint write a page elsewhere that is in memory; `false`: it is not.
    fn write_from_memory(&self, id: DatasetId, suspect: &Missing) -> bool {
        if suspect.level.is_some_and(|level| level > 0) {
            return false;
        }
        if id == DatasetId::ROOTS {
            return make_dirty(&mut self.core().roots.lock(), suspect);
        }
        let dataset = self.core().catalog.get(id);
        // The pages of a snapshot lie before its moment.
        let Some(dataset) = dataset.filter(|dataset| dataset.kept().is_none()) else {
            return false;
        };
        make_dirty(&mut dataset.tree.write(), suspect)
    }
}

fn make_dirty(tree: &mut Tree, suspect: &Missing) -> bool {
    if tree.resident(&suspect.low, &suspect.low, 1).is_err() {
        return false;
    }
    let lies_in: Vec<_> = suspect.pointer.parts().map(|(at, _)| at.segment).collect();
    let is_victim = |segment| lies_in.contains(&segment);
    // Some pages beside it, too, which is no harm. If it is dirty it is written anyway.
    tree.relocate(&suspect.low, PAGES_PER_STEP, &is_victim);
    true
}

impl Parts {
    fn decode(&self, missing: &Missing) -> Option<LoadedPage> {
        let base = self.base.as_ref()?;
        if missing.pointer.delta.is_some() != self.delta.is_some() {
            return None;
        }
        decode(missing, base, self.delta.as_deref()).ok()
    }
}
