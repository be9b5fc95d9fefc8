//! Where what several members of a family refer to is counted.

use engine_base::{DatasetId, Location};
use engine_format::{DatasetRecord, KeptCut};

use super::trees::{Records, Roots};
use crate::family::{Fate, Released};

/// What of a dataset is counted there, and not where it came from.
#[derive(Clone, Copy, Default)]
pub(super) struct PlaceInFamily {
    pub(super) family: Option<DatasetId>,
    fate: Fate,
    released: Released,
    /// Pages before this place are not.
    pub(super) pages: Option<Location>,
}

impl PlaceInFamily {
    /// Whether an extent that begins at `start`, or bytes that are recorded, are counted there.
    pub(super) fn counts(&self, start: u64, at: Location) -> bool {
        !self.is_released(start, at) && self.fate.dies(start, at)
    }

    /// Whether the dataset, which is being deleted, has let go of them: they may be gone.
    pub(super) fn is_released(&self, start: u64, at: Location) -> bool {
        self.released.has(start, at)
    }
}

pub(super) fn place_of(
    record: Option<&DatasetRecord>,
    records: &Records,
    roots: &Roots,
) -> PlaceInFamily {
    let Some((record, descent)) = record.and_then(|record| Some((record, record.descent?))) else {
        return PlaceInFamily::default();
    };
    let kept = |id: Option<DatasetId>| roots.get(&id?)?.kept;
    let parent = descent.parent.and_then(|id| records.get(&id));
    let above = parent.and_then(|parent| kept(parent.descent?.parent));
    let moment = kept(descent.parent);
    let data = |kept: Option<KeptCut>| kept.map(|kept| kept.data);
    PlaceInFamily {
        family: Some(descent.family),
        fate: Fate::below(data(moment), parent, data(above)),
        released: Released::by(record),
        pages: moment.map(|moment| moment.pages),
    }
}
