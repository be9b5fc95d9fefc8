//! The allocation map.

use std::ops::ControlFlow;

use engine_base::VolumeOffset;
use engine_pool::StoreError;
use engine_tree::{ExtentError, Missing, Piece, Tree, extent_lookup};

use crate::Volume;

/// What a range holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// Stored data.
    Data,
    /// Nothing: reads as zeroes.
    Hole,
}

/// One run of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapExtent {
    /// Its length.
    pub bytes: u64,
    /// What it holds.
    pub kind: MapKind,
}

impl Volume {
    /// The first `max` runs of the map of `bytes` bytes from `at`; neighbours differ in kind.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] past the end; [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn map(
        &self,
        at: VolumeOffset,
        bytes: u64,
        max: usize,
    ) -> Result<Vec<MapExtent>, StoreError> {
        self.check(at, bytes)?;
        let mut map = Map {
            runs: Vec::new(),
            max,
            covered: 0,
        };
        let _pin = self.pool.read_pin();
        // What was fetched stays: snapshots can hold more memory than there is to spare.
        let (mut kept, mut kept_from) = (Vec::new(), 0);
        while map.covered < bytes {
            let from = at.get() + map.covered;
            let left = bytes - map.covered;
            if map.covered > kept_from {
                (kept_from, kept) = (map.covered, Vec::new());
            }
            match self.dataset.with_tree(|tree| map.extend(tree, from, left)) {
                Ok(()) => break,
                // What was seen stays; the look goes on behind it once the page is there.
                Err(ExtentError::Map(missing)) => {
                    let pages = &mut kept;
                    self.pool
                        .fetch_and_keep(&self.dataset, missing, pages)
                        .await?;
                }
                Err(error) => self.pool.fetch_for_extents(&self.dataset, error).await?,
            }
        }
        Ok(map.runs)
    }
}

struct Map {
    runs: Vec<MapExtent>,
    max: usize,
    covered: u64,
}

impl Map {
    fn extend(&mut self, tree: &Tree, from: u64, bytes: u64) -> Result<(), ExtentError<Missing>> {
        extent_lookup(tree, &[], from, bytes, |piece| {
            let (bytes, kind) = match piece {
                Piece::Hole { bytes, .. } => (bytes, MapKind::Hole),
                Piece::Data { bytes, .. } => (u64::from(bytes), MapKind::Data),
            };
            let is_full = self.runs.len() == self.max;
            match self.runs.last_mut() {
                Some(last) if last.kind == kind => last.bytes += bytes,
                _ if is_full => return ControlFlow::Break(()),
                _ => self.runs.push(MapExtent { bytes, kind }),
            }
            self.covered += bytes;
            ControlFlow::Continue(())
        })
    }
}
