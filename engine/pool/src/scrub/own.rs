//! Which of the extents that members of a family share is verified with which of them.

use engine_base::Location;

use crate::Dataset;
use crate::core::Core;
use crate::family::{Fate, Released};

/// What of a dataset is verified with it, and not with the snapshot that it went on from.
pub(super) struct Own {
    fate: Fate,
    released: Released,
}

impl Own {
    pub(super) fn of(core: &Core, dataset: &Dataset) -> Self {
        Self {
            fate: core.fate(dataset),
            released: dataset.with_record(|record| record.map(Released::by).unwrap_or_default()),
        }
    }

    pub(super) fn has(&self, start: u64, location: Location) -> bool {
        !self.released.has(start, location) && self.fate.dies(start, location)
    }
}
