//! Segments whose live bytes lie in packs.
//!
//! What was copied is staged, and installed by the next checkpoint in the turn in which it takes
//! its state: from then on, and in that checkpoint, it lies where it was moved. CRASH: before the
//! checkpoint is durable the one before it names the older homes, which are intact; the packs are
//! in slots that nothing names. After it, the older homes pass the gate as everything else does.
//!
//! A pack is hidden from checkpoints until something staged in it was installed, so that an opening
//! finds its slot free.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{SegmentId, to_u32};
use engine_format::{CheckpointId, Redirect, SegmentKind, SegmentState};
use engine_log::Written;

use super::{LiveChange, Segment, Space, all_of};
use crate::places::{Home, Packed, Stretches};

/// What cleaning has copied and synced.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    /// Where the survivors of each source lie then, all of them.
    pub(crate) sources: Vec<(SegmentId, Stretches)>,
    /// The packs that were appended to.
    pub(crate) packs: Vec<Written>,
    /// Slots that it gives back beyond those that it took, about.
    pub(crate) gain: u32,
}

/// The redirects of a segment as the next checkpoint has them; `None`: it has none any more.
pub(crate) type RedirectChange = (SegmentId, Option<Arc<Stretches>>);

/// What is known of packed segments.
#[derive(Debug, Default)]
pub(super) struct Packing {
    packed: BTreeMap<SegmentId, Arc<Packed>>,
    staged: Option<Staged>,
    hidden: BTreeSet<SegmentId>,
    /// Those whose redirects the newest checkpoint does not have as they are.
    changed: BTreeSet<SegmentId>,
    memory: usize,
}

impl Packing {
    pub(super) fn hide(&mut self, pack: SegmentId) {
        self.hidden.insert(pack);
    }

    pub(super) fn show(&mut self, pack: SegmentId) {
        self.hidden.remove(&pack);
    }

    pub(super) fn is_shown(&self, pack: SegmentId) -> bool {
        !self.hidden.contains(&pack)
    }

    fn put(&mut self, segment: SegmentId, packed: Packed) {
        self.memory += memory_of(&packed.stretches);
        if let Some(before) = self.packed.insert(segment, Arc::new(packed)) {
            self.memory -= memory_of(&before.stretches);
        }
    }

    /// Nobody reads the bytes of a segment where they were before any more.
    pub(super) fn forget_older(&mut self, segment: SegmentId) {
        if let Some(packed) = self.packed.get_mut(&segment) {
            let stretches = Arc::clone(&packed.stretches);
            *packed = Arc::new(Packed {
                stretches,
                older: None,
            });
        }
    }

    /// Forgets a segment that is dead.
    pub(super) fn remove(&mut self, segment: SegmentId) {
        self.hidden.remove(&segment);
        if let Some(removed) = self.packed.remove(&segment) {
            self.memory -= memory_of(&removed.stretches);
            self.changed.insert(segment);
        }
    }
}

fn memory_of(stretches: &Stretches) -> usize {
    stretches.values().map(Redirect::memory_bytes).sum()
}

/// Bytes that these redirects name in each pack.
fn bytes_by_pack(stretches: &Stretches) -> BTreeMap<SegmentId, u32> {
    let mut bytes = BTreeMap::new();
    for part in stretches.values().flat_map(Redirect::parts) {
        *bytes.entry(part.at.segment).or_default() += part.blocks * to_u32(BLOCK_BYTES);
    }
    bytes
}

impl Space {
    /// The next checkpoint installs this.
    ///
    /// # Panics
    /// If something is staged already (programmer error).
    pub(crate) fn stage(&mut self, staged: Staged) {
        for pack in &staged.packs {
            self.wrote(pack.place.segment, pack.end, engine_base::Lsn::ZERO);
        }
        let before = self.packing.staged.replace(staged);
        assert!(before.is_none(), "one round is staged at a time");
    }

    pub(crate) const fn is_staged(&self) -> bool {
        self.packing.staged.is_some()
    }

    /// Slots that what is staged gives back, about.
    pub(crate) fn staged_gain(&self) -> u32 {
        self.packing.staged.as_ref().map_or(0, |staged| staged.gain)
    }

    /// Redirects that the next checkpoint writes.
    pub(crate) fn redirects_to_write(&self) -> usize {
        let staged = self.packing.staged.as_ref();
        let staged = staged.map_or(0, |staged| {
            staged
                .sources
                .iter()
                .map(|(_, stretches)| stretches.len())
                .sum()
        });
        staged + self.packing.changed.len()
    }

    /// Bytes that all redirects take in memory, about.
    pub(crate) const fn redirect_bytes(&self) -> usize {
        self.packing.memory
    }

    /// Seals an open pack that checkpoints know of and in which nothing is; whether it is one.
    pub(crate) fn seal_empty_pack(&mut self, pack: SegmentId) -> bool {
        let known = self.segments.get(&pack);
        let is_empty = known.is_some_and(|known| known.live == 0) && self.packing.is_shown(pack);
        if is_empty {
            self.seal(pack);
        }
        is_empty
    }

    pub(super) fn install(&mut self, checkpoint: CheckpointId) {
        let Some(staged) = self.packing.staged.take() else {
            return;
        };
        for (segment, stretches) in staged.sources {
            self.install_source(checkpoint, segment, stretches);
        }
        for pack in &staged.packs {
            self.packing.show(pack.place.segment);
            if pack.is_full {
                self.seal(pack.place.segment);
            }
        }
    }

    fn install_source(
        &mut self,
        checkpoint: CheckpointId,
        segment: SegmentId,
        stretches: Stretches,
    ) {
        // All of it may have died since.
        let Some(known) = self.segments.get_mut(&segment) else {
            return;
        };
        if known.state == SegmentState::Dead || known.live == 0 {
            return;
        }
        let older = match (known.state, known.slot) {
            (SegmentState::Sealed, Some(slot)) => Home::Slot(slot),
            _ => match self.packing.packed.get(&segment) {
                Some(packed) => Home::Packed(Arc::clone(packed)),
                None => panic!("{segment} is neither in a slot nor packed"),
            },
        };
        if known.state == SegmentState::Sealed {
            known.state = SegmentState::Moved;
        }
        self.let_go_of_packs(segment);
        for (pack, bytes) in bytes_by_pack(&stretches) {
            self.adjust(pack, LiveChange::Add(all_of(bytes)));
        }
        let packed = Packed {
            stretches: Arc::new(stretches),
            older: Some(older),
        };
        self.packing.put(segment, packed);
        self.packing.changed.insert(segment);
        self.leave(checkpoint, segment);
    }

    /// The packs in which this segment lies do not count it any more.
    pub(super) fn let_go_of_packs(&mut self, segment: SegmentId) {
        let Some(packed) = self.packing.packed.get(&segment) else {
            return;
        };
        for (pack, bytes) in bytes_by_pack(&packed.stretches) {
            self.adjust(pack, LiveChange::Subtract(all_of(bytes)));
        }
    }

    pub(super) fn take_redirect_changes(&mut self) -> Vec<RedirectChange> {
        let packing = &mut self.packing;
        let changed = std::mem::take(&mut packing.changed);
        let now = |segment| {
            packing
                .packed
                .get(&segment)
                .map(|packed| Arc::clone(&packed.stretches))
        };
        changed
            .into_iter()
            .map(|segment| (segment, now(segment)))
            .collect()
    }

    /// Notes a redirect of the checkpoint that is opened.
    pub(crate) fn load_redirects(&mut self, segment: SegmentId, stretches: Stretches) {
        let older = match self.segments.get(&segment) {
            Some(known) => known.slot.map(Home::Slot),
            None => None,
        };
        let stretches = Arc::new(stretches);
        self.packing.put(segment, Packed { stretches, older });
    }

    /// A segment that was packed and is not dead, but has no redirect, or one to what is no pack.
    pub(crate) fn lost_redirect(&self) -> Option<SegmentId> {
        let lacks = |(id, known): &(&SegmentId, &Segment)| {
            known.is_elsewhere() && !self.packing.packed.contains_key(id)
        };
        let lost = self.segments.iter().find(lacks).map(|(id, _)| *id);
        let is_pack = |pack: &SegmentId| {
            let known = self.segments.get(pack);
            known.is_some_and(|known| known.kind == SegmentKind::Pack && known.live > 0)
        };
        let leads_nowhere = |packed: &Packed| !bytes_by_pack(&packed.stretches).keys().all(is_pack);
        lost.or_else(|| {
            let mut packed = self.packed();
            packed
                .find(|(_, packed)| leads_nowhere(packed))
                .map(|(segment, _)| segment)
        })
    }

    /// The segments that were packed and are not dead, with their redirects.
    pub(crate) fn packed(&self) -> impl Iterator<Item = (SegmentId, &Arc<Packed>)> {
        let is_live = |(segment, _): &(&SegmentId, &Arc<Packed>)| {
            let known = self.segments.get(segment);
            known.is_some_and(|known| known.state != SegmentState::Dead)
        };
        let all = self.packing.packed.iter().filter(is_live);
        all.map(|(segment, packed)| (*segment, packed))
    }

    /// Where each segment in use lies.
    pub(crate) fn homes(&self) -> impl Iterator<Item = (SegmentId, Home)> {
        self.segments.iter().filter_map(|(id, segment)| {
            let home = match self.packing.packed.get(id) {
                Some(packed) => Home::Packed(Arc::clone(packed)),
                None => Home::Slot(segment.slot?),
            };
            Some((*id, home))
        })
    }
}

#[cfg(test)]
mod tests;
