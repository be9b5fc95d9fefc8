//! Which blocks of the victims anything refers to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::limits::BLOCK;
use engine_base::{DatasetId, Location, SegmentId, to_u32};
use engine_format::{
    BucketKey, DatasetKind, ExtentRef, PagePointer, Redirect, RootsKey, RootsRecord,
};
use engine_tree::{LoadedPage, walk};

use crate::core::Core;
use crate::places::{Stretches, locate};
use crate::space::ReadPin;
use crate::{Pool, StoreError};

/// A tree of the checkpoint.
pub(crate) struct Root {
    /// Whose number its pages carry.
    pub(crate) family: DatasetId,
    pub(crate) root: Option<PagePointer>,
    is_bucket: bool,
    /// Others may have some of its pages.
    pub(crate) has_relatives: bool,
}

impl Root {
    /// Of a dataset; `None` if it has gone since the checkpoint.
    pub(crate) fn of(core: &Core, id: DatasetId, root: Option<PagePointer>) -> Option<Self> {
        let dataset = core.catalog.get(id)?;
        let (family, has_relatives) = core.lines.lock().family_of(id);
        Some(Self {
            family,
            root,
            is_bucket: dataset.is(DatasetKind::Bucket),
            has_relatives,
        })
    }
}

/// A segment of which blocks are moved.
pub(crate) struct Source {
    /// Where it lies, if it was packed before.
    pub(crate) stretches: Option<Arc<Stretches>>,
    /// Of one that was packed: the packs that are emptied.
    victims: BTreeSet<SegmentId>,
    segment: SegmentId,
}

/// A block that something refers to, and its checksum.
pub(crate) type Mark = (u32, u32);

/// The blocks of the sources that are to be moved.
#[derive(Default)]
pub(crate) struct Marks {
    of: BTreeMap<SegmentId, Vec<Mark>>,
    /// Bytes by victim.
    bytes: BTreeMap<SegmentId, u64>,
}

impl Source {
    pub(crate) fn new(
        segment: SegmentId,
        stretches: Option<Arc<Stretches>>,
        victims: &BTreeSet<SegmentId>,
    ) -> Self {
        Self {
            stretches,
            victims: victims.clone(),
            segment,
        }
    }

    /// Whether all that is live of it moves.
    pub(crate) const fn is_whole(&self) -> bool {
        self.stretches.is_none()
    }

    /// The victims that blocks of it lie in.
    pub(crate) fn homes(&self, segment: SegmentId) -> Vec<SegmentId> {
        let Some(stretches) = &self.stretches else {
            return vec![segment];
        };
        let parts = stretches.values().flat_map(Redirect::parts);
        let homes: BTreeSet<_> = parts.map(|part| part.at.segment).collect();
        homes
            .into_iter()
            .filter(|home| self.leaves(*home))
            .collect()
    }

    /// Whether blocks that lie in this segment move.
    pub(crate) fn leaves(&self, home: SegmentId) -> bool {
        self.victims.contains(&home)
    }

    /// The victim that a block of it leaves.
    fn victim_of(&self, block: u32) -> Option<SegmentId> {
        let home = match &self.stretches {
            None => self.segment,
            Some(stretches) => locate(stretches, block)?.segment,
        };
        self.leaves(home).then_some(home)
    }
}

impl Marks {
    /// The marked blocks of a source, ascending.
    pub(crate) fn of(&self, segment: SegmentId) -> &[Mark] {
        self.of.get(&segment).map_or(&[], Vec::as_slice)
    }

    /// Bytes of blocks that leave a victim.
    pub(crate) fn bytes_in(&self, victim: SegmentId) -> u64 {
        self.bytes.get(&victim).copied().unwrap_or(0)
    }

    fn add(&mut self, sources: &BTreeMap<SegmentId, Source>, extent: &ExtentRef<'_>) {
        let location = extent.location();
        let Some(source) = sources.get(&location.segment) else {
            return;
        };
        let first = to_u32_block(location);
        let marks = self.of.entry(location.segment).or_default();
        for (block, checksum) in (first..).zip(extent.checksums().iter()) {
            if source.victim_of(block).is_some() {
                marks.push((block, checksum.get()));
            }
        }
        // Snapshots refer to the same blocks again and again.
        if marks.len() > MARKS_MAX {
            marks.sort_unstable();
            marks.dedup();
        }
    }

    /// Sorts, and makes sure that all who refer to a block say the same of it.
    fn finish(&mut self, sources: &BTreeMap<SegmentId, Source>) -> Result<(), StoreError> {
        for (segment, marks) in &mut self.of {
            marks.sort_unstable();
            marks.dedup();
            let pairs = marks.iter().zip(marks.iter().skip(1));
            if let Some((block, _)) = pairs.filter(|(a, b)| a.0 == b.0).map(|(a, _)| *a).next() {
                return Err(StoreError::Inconsistent {
                    what: format!(
                        "two extents have different checksums of {segment} block {block}"
                    ),
                });
            }
            let Some(source) = sources.get(segment) else {
                continue;
            };
            for (block, _) in marks {
                if let Some(victim) = source.victim_of(*block) {
                    *self.bytes.entry(victim).or_default() += BLOCK;
                }
            }
        }
        Ok(())
    }
}

/// Marks of one segment above which those that are there twice are looked for: four times what the
/// largest has.
const MARKS_MAX: usize = 1 << 20;

fn to_u32_block(location: Location) -> u32 {
    to_u32(engine_base::to_usize(u64::from(location.offset) / BLOCK))
}

/// The trees of the newest checkpoint, while nobody takes the next. `None` if one has gone since:
/// what its entries are is not known any more.
pub(crate) fn roots_of(core: &Core) -> Result<Option<Vec<Root>>, StoreError> {
    let reader = core.page_reader();
    let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    reader.with_pages(&mut core.roots.lock(), |roots| {
        found.clear();
        roots.scan(&[], |key, value| {
            if key >= &RootsKey::REDIRECTS[..] {
                return ControlFlow::Break(());
            }
            found.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
    })?;
    let broken = |what: String| StoreError::Inconsistent {
        what: format!("the tree of roots: {what}"),
    };
    let mut roots = Vec::new();
    for (key, value) in found {
        let key = RootsKey::decode(&key).map_err(|error| broken(error.to_string()))?;
        let record = RootsRecord::decode(&value).map_err(|error| broken(error.to_string()))?;
        let RootsKey::Dataset(id) = key else { continue };
        let Some(root) = Root::of(core, id, record.root) else {
            return Ok(None);
        };
        roots.push(root);
    }
    Ok(Some(roots))
}

/// What becomes of a page that cannot be read while blocks are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPage {
    /// Nothing may be done without knowing what it refers to.
    Fails,
    /// What it refers to is not marked.
    IsPassedOver,
}

/// Marks what the trees refer to; `None` if the pool is being closed.
pub(crate) fn mark(
    pool: &Pool,
    sources: &BTreeMap<SegmentId, Source>,
    roots: &[Root],
    bad: BadPage,
    _pin: &ReadPin,
) -> Result<Option<Marks>, StoreError> {
    let reader = pool.core.page_reader();
    let mut marks = Marks::default();
    let mut seen: HashSet<(DatasetId, Location, Option<Location>)> = HashSet::new();
    for root in roots {
        let mut stopped = false;
        walk(root.family, root.root, |missing| {
            let pointer = &missing.pointer;
            let delta = pointer.delta.map(|delta| delta.location);
            stopped |= pool.is_stopping();
            if stopped || (root.has_relatives && !seen.insert((root.family, pointer.base, delta))) {
                return Ok(None);
            }
            let page = match reader.tree_page(missing) {
                Err(error) if error.is_damage() && bad == BadPage::IsPassedOver => return Ok(None),
                page => page?,
            };
            if page.level() == 0 {
                mark_page((missing.tree, &page), root.is_bucket, sources, &mut marks)?;
                return Ok(None);
            }
            Ok::<_, StoreError>(Some(page))
        })?;
        if stopped {
            return Ok(None);
        }
    }
    marks.finish(sources)?;
    Ok(Some(marks))
}

fn mark_page(
    (tree, page): (DatasetId, &LoadedPage),
    is_bucket: bool,
    sources: &BTreeMap<SegmentId, Source>,
    marks: &mut Marks,
) -> Result<(), StoreError> {
    let mut result = Ok(());
    page.for_each_entry(|key, value| {
        let found = match is_bucket.then(|| BucketKey::decode(key)).transpose() {
            Ok(None | Some(BucketKey::Extent(..))) => ExtentRef::decode(value),
            Ok(Some(_)) => return,
            Err(error) => Err(error),
        };
        match found {
            Ok(extent) => marks.add(sources, &extent),
            Err(error) => {
                result = Err(StoreError::Inconsistent {
                    what: format!("an extent of {tree}: {error}"),
                });
            }
        }
    });
    result
}
