//! Writing the trees of a state.

use engine_base::limits::BLOCK;
use engine_base::{ByteCount, DatasetId, Location, SegmentId};
use engine_format::{KeptCut, PagePointer, REDIRECT_BLOCKS, RootsRecord, redirect_key, roots_key};
use engine_log::IndexStream;
use engine_tree::{CaptureReport, Captured, Remains, Tree};

use super::Pages;
use super::capture::{CapturedDataset, State};
use super::lines::Lines;
use super::sink::Sink;
use crate::StoreError;
use crate::core::Core;
use crate::pages::PageReader;
use crate::places::Stretches;

impl Core {
    /// Writes the trees of all datasets that changed, frees those of removed ones, and writes the
    /// tree of the roots.
    pub(super) fn write_datasets(
        &self,
        stream: &mut IndexStream,
        state: &mut State,
        pages: &mut Pages,
    ) -> Result<Option<PagePointer>, StoreError> {
        let reader = self.page_reader();
        let mut roots = self.roots.lock();
        let mut lines = self.lines.lock();
        lines.grow(&state.families.grown);
        for captured in std::mem::take(&mut state.datasets) {
            let id = captured.dataset.id();
            let record = self.write_dataset(stream, captured, &mut lines, pages)?;
            let (key, value) = (roots_key(id), record.encode());
            reader.with_pages(&mut roots, |roots| roots.put(&key, &value))?;
        }
        // Heads first: nothing went on from them.
        for (id, remains) in std::mem::take(&mut state.families.heads) {
            let above = lines.parent_pages(id);
            let is_kept = |at| above.is_some_and(|above| at < above);
            pages.freed.extend(free(reader, remains, is_kept)?);
            lines.remove(id);
            reader.with_pages(&mut roots, |roots| roots.delete(&roots_key(id)))?;
        }
        for id in std::mem::take(&mut state.families.snapshots) {
            let freed = lines.pages_of_removed(reader, &mut roots, id)?;
            pages.freed.extend(freed);
            lines.remove(id);
            reader.with_pages(&mut roots, |roots| roots.delete(&roots_key(id)))?;
        }
        for (segment, stretches) in std::mem::take(&mut state.space.redirects) {
            self.put_redirects(reader, &mut roots, segment, stretches.as_deref())?;
        }
        let captured = roots.capture();
        drop(roots);
        let report = write_tree(self, stream, captured)?;
        Ok(pages.add(self, report))
    }

    /// Makes the redirects of a segment these.
    fn put_redirects(
        &self,
        reader: PageReader<'_>,
        roots: &mut Tree,
        segment: SegmentId,
        stretches: Option<&Stretches>,
    ) -> Result<(), StoreError> {
        let blocks = u64::from(self.geometry.segment_bytes) / BLOCK;
        let all = u32::try_from(blocks.div_ceil(u64::from(REDIRECT_BLOCKS))).unwrap_or(u32::MAX);
        for stretch in 0..all {
            let key = redirect_key(segment, stretch);
            match stretches.and_then(|stretches| stretches.get(&stretch)) {
                Some(redirect) => {
                    let value = redirect.encode();
                    reader.with_pages(roots, |roots| roots.put(&key, &value))?;
                }
                None => {
                    reader.with_pages(roots, |roots| roots.delete(&key))?;
                }
            }
        }
        Ok(())
    }

    fn write_dataset(
        &self,
        stream: &mut IndexStream,
        captured: CapturedDataset,
        lines: &mut Lines,
        pages: &mut Pages,
    ) -> Result<RootsRecord, StoreError> {
        let CapturedDataset {
            dataset,
            tree,
            allocated,
        } = captured;
        let mut report = write_tree(self, stream, tree)?;
        if let Some(above) = lines.parent_pages(dataset.id()) {
            report.freed.retain(|(at, _)| *at >= above);
        }
        let root = pages.add(self, report);
        let kept = match dataset.kept() {
            None => None,
            Some(kept) => {
                let behind = stream.position(&*self.device, self)?;
                lines.wrote_snapshot(dataset.id(), behind);
                let _ = kept.pages.set(behind);
                dataset.forget(root);
                Some(KeptCut {
                    data: kept.data,
                    pages: behind,
                })
            }
        };
        Ok(RootsRecord {
            root,
            allocated: ByteCount::new(allocated.bytes),
            stored: allocated.stored,
            kept,
        })
    }
}

/// What a removed tree has on the device, but for what is kept. A damaged inner page costs the
/// space behind it, but must not keep the pool from being opened: nobody needs what it led to.
fn free(
    reader: PageReader<'_>,
    remains: Remains,
    is_kept: impl Fn(Location) -> bool,
) -> Result<Vec<(Location, u32)>, StoreError> {
    let tree: DatasetId = remains.tree();
    remains.free_unless(is_kept, |missing| match reader.tree_page(missing) {
        Ok(page) => Ok(Some(page)),
        Err(error @ StoreError::PageDamaged { .. }) => {
            tracing::error!(%tree, %error,
                "pages of a removed dataset stay in use: what leads to them is damaged");
            Ok(None)
        }
        Err(error) => Err(error),
    })
}

pub(super) fn write_tree(
    core: &Core,
    stream: &mut IndexStream,
    captured: Captured,
) -> Result<CaptureReport, StoreError> {
    let mut sink = Sink {
        stream,
        device: &*core.device,
        source: core,
    };
    Ok(captured.write(&mut sink)?)
}
