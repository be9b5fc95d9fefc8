//! Writing the trees of a state.

use engine_base::{DatasetId, Location};
use engine_format::{PagePointer, RootsRecord, roots_key};
use engine_log::IndexStream;
use engine_tree::{CaptureReport, Captured, Remains};

use super::Pages;
use super::capture::State;
use super::sink::Sink;
use crate::StoreError;
use crate::core::Core;
use crate::pages::PageReader;

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
        for captured in std::mem::take(&mut state.datasets) {
            let report = write_tree(self, stream, captured.tree)?;
            let record = RootsRecord {
                root: pages.add(self, report),
                allocated: captured.allocated,
            };
            let (key, value) = (roots_key(captured.id), record.encode());
            reader.with_pages(&mut roots, |roots| roots.put(&key, &value))?;
        }
        for remains in std::mem::take(&mut state.removed) {
            let key = roots_key(remains.tree());
            pages.freed.extend(free(reader, remains)?);
            reader.with_pages(&mut roots, |roots| roots.delete(&key))?;
        }
        let captured = roots.capture();
        drop(roots);
        let report = write_tree(self, stream, captured)?;
        Ok(pages.add(self, report))
    }
}

/// What a removed tree has on the device. A damaged inner page costs the space behind it, but must
/// not keep the pool from being opened: nobody needs what it led to.
fn free(reader: PageReader<'_>, remains: Remains) -> Result<Vec<(Location, u32)>, StoreError> {
    let tree: DatasetId = remains.tree();
    remains.free(|missing| match reader.tree_page(missing) {
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
