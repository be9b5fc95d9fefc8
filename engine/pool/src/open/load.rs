//! Loading the state that a superblock names.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use engine_base::{DatasetId, EpochId, Location, SegmentId};
use engine_device::Device;
use engine_format::{
    CheckpointId, DatasetRecord, PagePointer, PoolKey, Redirect, RootsKey, RootsRecord,
    SegmentKind, SegmentState, Superblock, roots_key,
};
use engine_tree::{Copies, MemoryBudget, Tree};

use crate::apply::Turn;
use crate::catalog::Catalog;
use crate::check::chain;
use crate::core::{Core, CoreParts};
use crate::dataset::Allocated;
use crate::family::Kept;
use crate::open::geometry_of;
use crate::pages::{InSlot, PageReader};
use crate::places::Stretches;
use crate::salvage::LostPages;
use crate::space::{Admission, Reserve, Segment, Space, read_table};
use crate::{Dataset, PoolOptions, StoreError};

/// A checkpoint in memory, its journal not yet replayed.
pub(crate) struct Loaded {
    pub(crate) core: Arc<Core>,
    /// Pages of its segment table.
    pub(crate) table: Vec<PagePointer>,
}

/// Bytes of a page's copies, for the counters.
pub(crate) fn parts(pages: &[PagePointer]) -> Vec<(Location, u32)> {
    pages.iter().flat_map(PagePointer::parts).collect()
}

impl Loaded {
    /// Reads what `superblock` names. Nothing is written.
    pub(crate) fn read(
        device: &Arc<dyn Device>,
        superblock: &Superblock,
        epoch: EpochId,
        options: &PoolOptions,
    ) -> Result<Self, StoreError> {
        Self::read_with(device, superblock, epoch, options, None)
    }

    /// The same of a damaged pool: pages without a good copy are passed over.
    pub(crate) fn read_around(
        device: &Arc<dyn Device>,
        superblock: &Superblock,
        epoch: EpochId,
        options: &PoolOptions,
        lost: LostPages,
    ) -> Result<Self, StoreError> {
        Self::read_with(device, superblock, epoch, options, Some(lost))
    }

    fn read_with(
        device: &Arc<dyn Device>,
        superblock: &Superblock,
        epoch: EpochId,
        options: &PoolOptions,
        lost: Option<LostPages>,
    ) -> Result<Self, StoreError> {
        let geometry = geometry_of(superblock);
        let (segments, table) = read_segments(&**device, superblock, options.repair)?;
        let space = Space::new(geometry, segments, superblock.next_segment);
        let budget = MemoryBudget::new(options.memory_of_pages());
        let capacity = u64::from(geometry.slots) * u64::from(geometry.segment_bytes);
        let dirty_limit = (budget.limit().get() / 2).min(capacity / 32);
        let two_copies =
            |id, root| Tree::from_root(id, root, Arc::clone(&budget)).with_copies(Copies::Two);
        let pool_tree = two_copies(DatasetId::POOL, superblock.pool_root);
        let pool = Arc::new(Dataset::new(
            DatasetId::POOL,
            None,
            pool_tree,
            Allocated::default(),
        ));
        let core = Arc::new(Core::new(CoreParts {
            device: Arc::clone(device),
            geometry,
            pool_id: superblock.pool_id,
            epoch,
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
            master_keys: options.master_keys.clone(),
            catalog: Catalog::new(pool, superblock.next_dataset),
            roots: two_copies(DatasetId::ROOTS, superblock.roots_root),
            turn: Turn::new(superblock.lsn),
            space,
            admission: Admission::new(geometry, Reserve::new(geometry, dirty_limit)),
            budget,
            dirty_limit,
            features: superblock.features_incompatible,
            created_unix_nanos: superblock.created_unix_nanos,
            lost,
            repairs: options.repair,
            resync_rate: options.resync_rate,
        }));
        core.space.lock().restore_dead(superblock.checkpoint);
        core.load_redirects()?;
        core.load_datasets()?;
        Ok(Self { core, table })
    }
}

type Segments = BTreeMap<SegmentId, Segment>;

/// The segment table; slots named twice or beyond the device are damage.
fn read_segments(
    device: &dyn Device,
    superblock: &Superblock,
    repair: bool,
) -> Result<(Segments, Vec<PagePointer>), StoreError> {
    let slots = InSlot(superblock.segment_table_slot);
    let table = read_table(
        PageReader {
            device,
            slots: &slots,
            repair,
            lost: None,
        },
        superblock.checkpoint,
        superblock.segment_table,
    )?;
    let mut seen = std::collections::HashSet::new();
    for (id, segment) in &table.segments {
        let slot = segment.slot;
        let fits = slot.is_none_or(|slot| slot.get() < superblock.slots)
            && segment.written <= superblock.segment_bytes
            && segment.live <= segment.written
            && *id < superblock.next_segment;
        if !fits || slot.is_some_and(|slot| !seen.insert(slot)) {
            return Err(StoreError::Inconsistent {
                what: format!("the segment table's entry of {id} ({slot:?}) is impossible"),
            });
        }
    }
    let mut segments = table.segments;
    let keep = superblock.segment_table.map(|pointer| pointer.base.segment);
    // Index segments that were only prepared: nothing in any openable checkpoint refers to them.
    segments.retain(|id, segment| {
        segment.kind != SegmentKind::Index
            || segment.live > 0
            || segment.state != SegmentState::Open
            || Some(*id) == keep
    });
    Ok((segments, table.pages))
}

impl Core {
    /// Reads where what is live of packed segments lies.
    fn load_redirects(&self) -> Result<(), StoreError> {
        let broken = |what: String| StoreError::Inconsistent {
            what: format!("where packed segments lie: {what}"),
        };
        let reader = self.page_reader();
        let mut all: BTreeMap<SegmentId, Stretches> = BTreeMap::new();
        let mut result = Ok(());
        reader.with_pages(&mut self.roots.lock(), |roots| {
            all.clear();
            roots.scan(&RootsKey::REDIRECTS, |key, value| {
                match (RootsKey::decode(key), Redirect::decode(value)) {
                    (Ok(RootsKey::Redirect { segment, stretch }), Ok(redirect)) => {
                        all.entry(segment).or_default().insert(stretch, redirect);
                        return ControlFlow::Continue(());
                    }
                    (Ok(key), Ok(_)) => result = Err(broken(format!("{key:?} is not one of them"))),
                    (Err(error), _) | (_, Err(error)) => result = Err(broken(error.to_string())),
                }
                ControlFlow::Break(())
            })
        })?;
        // What is left of a damaged pool is read without those that are lost.
        let or_note = |result: Result<(), StoreError>| match (result, &self.lost) {
            (Err(error), Some(lost)) => {
                lost.note(chain(&error));
                Ok(())
            }
            (result, _) => result,
        };
        or_note(result)?;
        let mut space = self.space.lock();
        for (segment, stretches) in all {
            let known = space.segments.get(&segment);
            if known.is_some_and(|known| known.kind == SegmentKind::Journal) {
                space.load_redirects(segment, stretches);
            } else {
                or_note(Err(broken(format!("{segment} is no journal segment"))))?;
            }
        }
        if let Some(lost) = space.lost_redirect() {
            or_note(Err(broken(format!("nothing is known of {lost}"))))?;
        }
        drop(space);
        self.refresh_homes();
        Ok(())
    }

    /// Reads all dataset records and roots.
    fn load_datasets(&self) -> Result<(), StoreError> {
        let reader = self.page_reader();
        let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        {
            let mut tree = self.catalog.pool.tree.write();
            reader.with_pages(&mut tree, |tree| {
                records.clear();
                tree.scan(&[], |key, value| {
                    records.push((key.to_vec(), value.to_vec()));
                    ControlFlow::Continue(())
                })
            })?;
        }
        let mut roots = self.roots.lock();
        for (key, value) in records {
            if let Err(error) = self.load_record(&reader, &mut roots, &key, &value) {
                match &self.lost {
                    Some(lost) => lost.note(format!("a dataset is lost ({})", chain(&error))),
                    None => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// One dataset, if the entry of the pool's tree is of one.
    fn load_record(
        &self,
        reader: &PageReader<'_>,
        roots: &mut Tree,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        let broken = |error: engine_format::FormatError| StoreError::Inconsistent {
            what: format!("a dataset record of the pool's tree: {error}"),
        };
        let id = match PoolKey::decode(key).map_err(broken)? {
            PoolKey::Dataset(id) => id,
            key => return self.note_key(&key, value).map_err(broken),
        };
        let record = DatasetRecord::decode(value).map_err(broken)?;
        let found = reader.with_pages(roots, |roots| {
            roots.get(&roots_key(id), |value| value.map(<[u8]>::to_vec))
        })?;
        let root = found
            .map(|value| RootsRecord::decode(&value))
            .transpose()
            .map_err(broken)?;
        self.load_dataset(id, record, root)
    }

    fn load_dataset(
        &self,
        id: DatasetId,
        record: DatasetRecord,
        root: Option<RootsRecord>,
    ) -> Result<(), StoreError> {
        let kept = root.and_then(|root| root.kept);
        if kept.is_some() != record.is_snapshot() {
            return Err(StoreError::Inconsistent {
                what: format!("{id} is a snapshot by its record or by its root, but not by both"),
            });
        }
        let family = record.descent.map_or(id, |descent| descent.family);
        if let Some(descent) = record.descent {
            let pages = kept.map(|kept| kept.pages);
            self.lines.lock().load(id, family, descent.parent, pages);
        }
        let allocated = root.map_or_else(Allocated::default, |known| Allocated {
            bytes: known.allocated.get(),
            stored: known.stored,
        });
        let root = root.and_then(|known| known.root);
        let tree = Tree::from_root(family, root, Arc::clone(&self.budget));
        let kept = kept.map(|kept| Kept {
            data: kept.data,
            pages: OnceLock::from(kept.pages),
        });
        self.catalog.put(id, record, |record| {
            Dataset::new(id, Some(record), tree, allocated).with_kept(kept)
        });
        Ok(())
    }
}

/// Whether a checkpoint is the one that creating a pool writes: it has no journal.
pub(crate) fn is_creation(checkpoint: CheckpointId) -> bool {
    checkpoint == CheckpointId::new(0)
}
