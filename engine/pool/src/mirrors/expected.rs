//! What should lie in an index segment or a pack, as the newest checkpoint knows it.
//!
//! Pages have their checksums in the pages above them, and blocks in packs theirs in the extents
//! that redirects lead from: so all trees are walked, the inner pages alone for an index segment.
//! That is done for single segments only, of which copies differ. What cannot be read on the way
//! tells nothing of what is below it.

use std::collections::{BTreeSet, HashSet};

use engine_base::limits::BLOCK_BYTES;
use engine_base::{Checksum, DatasetId, Location, SegmentId, to_usize};
use engine_format::{PagePointer, RootsKey, RootsRecord, SegmentKind, Superblock};
use engine_tree::walk;

use crate::packing::marks::{BadPage, Root, mark};
use crate::pages::{InSlot, PageReader, parts_of};
use crate::places::survivors;
use crate::space::ReadPin;
use crate::{Pool, StoreError};

/// Bytes of a segment with a checksum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) offset: u32,
    pub(super) bytes: usize,
    pub(super) checksum: Checksum,
}

/// Units of one segment, as they are come upon.
struct Units {
    segment: SegmentId,
    units: Vec<Unit>,
}

impl Units {
    fn add(&mut self, pointer: &PagePointer) {
        let inside = parts_of(pointer).filter(|part| part.location.segment == self.segment);
        self.units.extend(inside.map(|part| Unit {
            offset: part.location.offset,
            bytes: part.bytes,
            checksum: part.checksum,
        }));
    }
}

impl Pool {
    /// All that the newest checkpoint refers to in an index segment or a pack; `None` if the pool
    /// is being closed.
    ///
    /// # Errors
    /// Of the device, and of what is not damage of single pages.
    pub(super) fn units_in(
        &self,
        segment: SegmentId,
        kind: SegmentKind,
        pin: &ReadPin,
    ) -> Result<Option<Vec<Unit>>, StoreError> {
        let Some(superblock) = self.core.newest_superblock() else {
            return Ok(Some(Vec::new()));
        };
        let roots = self.roots_of(&superblock)?;
        if kind == SegmentKind::Pack {
            return self.blocks_in_pack(segment, &roots, pin);
        }
        let mut units = Units {
            segment,
            units: Vec::new(),
        };
        self.table_in(&superblock, &mut units);
        let own = [
            (DatasetId::POOL, superblock.pool_root),
            (DatasetId::ROOTS, superblock.roots_root),
        ];
        let mut seen = HashSet::new();
        let datasets = roots.iter().map(|root| (root.family, root.root));
        for (tree, root) in own.into_iter().chain(datasets) {
            if !self.pages_in((tree, root), &mut seen, &mut units)? {
                return Ok(None);
            }
        }
        Ok(Some(units.units))
    }

    /// The trees of the datasets that are still there.
    fn roots_of(&self, superblock: &Superblock) -> Result<Vec<Root>, StoreError> {
        let reader = self.core.page_reader();
        let mut roots = Vec::new();
        walk(DatasetId::ROOTS, superblock.roots_root, |missing| {
            let page = match reader.tree_page(missing) {
                Err(error) if error.is_damage() => return Ok(None),
                page => page?,
            };
            page.for_each_entry(|key, value| {
                if let Ok(RootsKey::Dataset(id)) = RootsKey::decode(key)
                    && let Ok(record) = RootsRecord::decode(value)
                {
                    roots.extend(Root::of(&self.core, id, record.root));
                }
            });
            Ok::<_, StoreError>(Some(page))
        })?;
        Ok(roots)
    }

    /// Pages of the segment table.
    fn table_in(&self, superblock: &Superblock, units: &mut Units) {
        let reader = PageReader {
            slots: &InSlot(superblock.segment_table_slot),
            ..self.core.page_reader()
        };
        let mut next = superblock.segment_table;
        let mut pages = 0;
        while let Some(pointer) = next.filter(|_| pages <= superblock.slots) {
            units.add(&pointer);
            let page = reader.table_page(&pointer, superblock.checkpoint).ok();
            next = page.and_then(|page| page.next);
            pages += 1;
        }
    }

    /// Pages of a tree. `false`: the pool is being closed.
    fn pages_in(
        &self,
        (tree, root): (DatasetId, Option<PagePointer>),
        seen: &mut HashSet<(DatasetId, Location)>,
        units: &mut Units,
    ) -> Result<bool, StoreError> {
        let reader = self.core.page_reader();
        let mut stopped = false;
        walk(tree, root, |missing| {
            units.add(&missing.pointer);
            stopped |= self.is_stopping();
            // Pages that members of a family share are gone through once. Inner pages have no
            // deltas, so their place says which they are.
            let is_leaf = missing.level == Some(0);
            if stopped || is_leaf || !seen.insert((tree, missing.pointer.base)) {
                return Ok(None);
            }
            match reader.tree_page(missing) {
                Err(error) if error.is_damage() => Ok(None),
                page => page.map(Some),
            }
        })?;
        Ok(!stopped)
    }

    /// Blocks that cleaning has moved there and that something refers to.
    fn blocks_in_pack(
        &self,
        pack: SegmentId,
        roots: &[Root],
        pin: &ReadPin,
    ) -> Result<Option<Vec<Unit>>, StoreError> {
        let sources = self.core.sources_of(&BTreeSet::from([pack]));
        let Some(marks) = mark(self, &sources, roots, BadPage::IsPassedOver, pin)? else {
            return Ok(None);
        };
        let mut units = Vec::new();
        for (segment, source) in &sources {
            let stretches = source.stretches.as_deref();
            let blocks = stretches.into_iter().flat_map(survivors);
            for (block, at) in blocks.filter(|(_, at)| at.segment == pack) {
                let marks = marks.of(*segment);
                let mark = marks.binary_search_by_key(&block, |(block, _)| *block);
                let mark = mark.ok().and_then(|found| marks.get(found));
                units.extend(mark.map(|(_, checksum)| Unit {
                    offset: at.offset,
                    bytes: BLOCK_BYTES,
                    checksum: Checksum::new(*checksum),
                }));
            }
        }
        Ok(Some(units))
    }
}

impl Unit {
    /// Where it lies.
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        let offset = u64::from(self.offset);
        offset..offset + self.bytes as u64
    }

    /// Whether one of these blocks, by their offsets, ascending, has a part of it.
    pub(super) fn touches(&self, blocks: &[u64]) -> bool {
        let range = self.range();
        let before = |at: &u64| to_usize(*at) + BLOCK_BYTES <= to_usize(range.start);
        let next = blocks.get(blocks.partition_point(before));
        next.is_some_and(|at| *at < range.end)
    }
}
