//! What lies in the victims of a round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_base::SegmentId;

use super::marks::{Marks, Source};
use crate::StoreError;
use crate::core::Core;

impl Core {
    /// Whose blocks lie in these segments: themselves, or what was packed there.
    pub(crate) fn sources_of(&self, victims: &BTreeSet<SegmentId>) -> BTreeMap<SegmentId, Source> {
        let space = self.space.lock();
        let mut sources = BTreeMap::new();
        for (segment, packed) in space.packed() {
            let parts = || {
                packed
                    .stretches
                    .values()
                    .flat_map(|redirect| redirect.parts())
            };
            if parts().any(|part| victims.contains(&part.at.segment)) {
                let stretches = Some(Arc::clone(&packed.stretches));
                sources.insert(segment, Source::new(segment, stretches, victims));
            }
        }
        for victim in victims {
            let known = space.segments.get(victim);
            if known.is_some_and(|known| known.kind == engine_format::SegmentKind::Journal) {
                sources.insert(*victim, Source::new(*victim, None, victims));
            }
        }
        sources
    }

    /// A segment that is moved as a whole has at least as many blocks marked as its counter says.
    pub(super) fn check_marks(
        &self,
        marks: &Marks,
        sources: &BTreeMap<SegmentId, Source>,
    ) -> Result<(), StoreError> {
        let space = self.space.lock();
        for (segment, _) in sources.iter().filter(|(_, source)| source.is_whole()) {
            let live = space.segments.get(segment).map_or(0, |known| known.live);
            let found = marks.of(*segment).len() as u64 * engine_base::limits::BLOCK;
            if found < u64::from(live) {
                return Err(StoreError::Inconsistent {
                    what: format!(
                        "{segment} counts {live} live bytes, but {found} are in blocks that \
                         anything refers to"
                    ),
                });
            }
        }
        Ok(())
    }
}
