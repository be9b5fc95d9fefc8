//! Space: which segment lies in which slot, how much of it is live, and when a slot may be used
//! again.
//!
//! The gate (the one place where space is given back): a segment that is dead in the state of
//! checkpoint N is released when checkpoint N+1 is durable, so that the two newest checkpoints can
//! both be opened, each with its journal; and not before every reader that may have looked it up is
//! done.
//!
//! Counting: the live bytes of journal segments are those that extents of heads refer to, adjusted
//! by apply, also after they were packed: they keep their names. Those of index segments are the
//! pages of the newest checkpoint, adjusted when a checkpoint has been written. Those of packs are
//! the blocks that redirects name in them, adjusted when a checkpoint takes its state.

mod admission;
mod adopted;
mod compaction;
mod gate;
mod live;
mod occupied;
mod packed;
mod table;
mod usage;
mod victims;

use std::collections::BTreeMap;

use engine_base::limits::BLOCK;
use engine_base::{Lsn, SegmentId, Slot};
use engine_device::Geometry;
use engine_format::{SegmentKind, SegmentState};
use engine_log::SegmentPlace;

pub use admission::Admitted;
pub(crate) use admission::{Admission, Reserve};
pub(crate) use compaction::{CompactionGoal, SealedIndex, choose_victims};
pub(crate) use gate::Generation;
pub use gate::ReadPin;
pub(crate) use gate::Taken;
pub(crate) use live::LiveChange;
use live::all_of;
pub(crate) use packed::{RedirectChange, Staged};
pub(crate) use table::{read_table, table_bytes, write_table};
pub(crate) use victims::{Candidate, PackingGoal, choose_packing};

/// What is known of a segment in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// `None` once it was packed and its slot given back.
    pub(crate) slot: Option<Slot>,
    pub(crate) kind: SegmentKind,
    pub(crate) state: SegmentState,
    pub(crate) written: u32,
    /// Live bytes, rounded up: zero only if there are none.
    pub(crate) live: u32,
    /// By how many sixteenths of a byte they are: compressed bytes count for less than one each.
    pub(crate) live_excess: u8,
    pub(crate) last_lsn: Lsn,
}

/// All segments and free slots. Behind one mutex; no call here waits.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) geometry: Geometry,
    pub(crate) segments: BTreeMap<SegmentId, Segment>,
    /// Slots that a sealed journal segment filled before: first choice for the journal, because
    /// overwriting them changes no metadata of the file system underneath.
    overwritten: Vec<Slot>,
    /// Other free slots, the lowest last, so that a thin pool stays at the front of its device.
    fresh: Vec<Slot>,
    occupied: occupied::Occupied,
    pub(crate) next_segment: SegmentId,
    /// How many of `segments` are [`Segment::is_reclaimable`].
    reclaimable: u32,
    /// How many are [`Segment::is_dead_name`].
    dead_names: u32,
    gate: gate::Gate,
    packing: packed::Packing,
}

impl Segment {
    /// Whether the next checkpoint finds it dead.
    const fn is_reclaimable(&self) -> bool {
        matches!(self.state, SegmentState::Sealed) && self.live == 0
    }

    /// Whether what is live of it lies in packs.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        matches!(self.state, SegmentState::Moved | SegmentState::Packed)
    }

    /// Whether it was packed and has died since: the next checkpoint lets go of the packs in which
    /// it lies, which may be all that is left in them.
    const fn is_dead_name(&self) -> bool {
        self.is_elsewhere() && self.live == 0
    }

    /// Gives up the slot of one that was moved.
    fn leave_slot(&mut self) -> Option<Slot> {
        if self.state == SegmentState::Moved {
            self.state = SegmentState::Packed;
        }
        self.slot.take()
    }
}

impl Space {
    /// The space of a pool with these segments in use; every other slot is free.
    pub(crate) fn new(
        geometry: Geometry,
        segments: BTreeMap<SegmentId, Segment>,
        next_segment: SegmentId,
    ) -> Self {
        let mut occupied = occupied::Occupied::new(geometry.slots);
        for slot in segments.values().filter_map(|segment| segment.slot) {
            occupied.enter(slot);
        }
        let slots = (0..geometry.slots).rev().map(Slot::new);
        let fresh = slots.filter(|slot| !occupied.has(*slot)).collect();
        let mut space = Self {
            geometry,
            segments,
            overwritten: Vec::new(),
            fresh,
            occupied,
            next_segment,
            reclaimable: 0,
            dead_names: 0,
            gate: gate::Gate::default(),
            packing: packed::Packing::default(),
        };
        space.count_reclaimable();
        space
    }

    /// Counts anew after `segments` was changed from outside.
    pub(crate) fn count_reclaimable(&mut self) {
        let all = || self.segments.values();
        let reclaimable = all().filter(|known| known.is_reclaimable()).count();
        let dead_names = all().filter(|known| known.is_dead_name()).count();
        self.reclaimable = engine_base::to_u32(reclaimable);
        self.dead_names = engine_base::to_u32(dead_names);
    }

    pub(crate) fn free_slots(&self) -> u32 {
        engine_base::to_u32(self.overwritten.len() + self.fresh.len())
    }

    /// Whether a segment lies in a slot: also one that is dead, or was packed, as long as a
    /// checkpoint that can be opened has it there.
    pub(crate) fn has_slot(&self, slot: Slot) -> bool {
        self.occupied.has(slot)
    }

    /// Takes a slot and an id.
    pub(crate) fn allocate(&mut self, kind: SegmentKind) -> Option<SegmentPlace> {
        let slot = match kind {
            SegmentKind::Journal => self.overwritten.pop().or_else(|| self.fresh.pop()),
            SegmentKind::Index | SegmentKind::Pack => {
                self.fresh.pop().or_else(|| self.overwritten.pop())
            }
        }?;
        let segment = self.next_segment;
        self.next_segment = segment.next();
        self.insert(SegmentPlace { segment, slot }, kind);
        if kind == SegmentKind::Pack {
            self.packing.hide(segment);
        }
        Some(SegmentPlace { segment, slot })
    }

    /// Gives back a slot in which nothing was written. Its id stays unused for ever.
    pub(crate) fn release_unused(&mut self, place: SegmentPlace) {
        let removed = self.segments.remove(&place.segment);
        assert!(
            removed.is_some_and(|segment| segment.live == 0),
            "only what is unused"
        );
        self.packing.show(place.segment);
        self.occupied.leave(place.slot);
        self.fresh.push(place.slot);
    }

    fn insert(&mut self, place: SegmentPlace, kind: SegmentKind) {
        let segment = Segment {
            slot: Some(place.slot),
            kind,
            state: SegmentState::Open,
            written: u32::try_from(BLOCK).unwrap_or(u32::MAX),
            live: 0,
            live_excess: 0,
            last_lsn: Lsn::ZERO,
        };
        let before = self.segments.insert(place.segment, segment);
        self.occupied.enter(place.slot);
        assert!(before.is_none(), "a segment id is used once");
    }

    /// Adjusts live bytes.
    pub(crate) fn adjust(&mut self, segment: SegmentId, change: LiveChange) {
        let Some(known) = self.segments.get_mut(&segment) else {
            panic!("{segment} has live bytes but is not in use");
        };
        let before = (known.is_reclaimable(), known.is_dead_name());
        let live = known.weight();
        let changed = match change {
            LiveChange::Add(weight) => live.checked_add(weight),
            LiveChange::Subtract(weight) => live.checked_sub(weight),
        };
        if changed
            .and_then(|changed| known.set_weight(changed))
            .is_none()
        {
            panic!("{segment}: live bytes {live:?} cannot change by {change:?}");
        }
        let after = (known.is_reclaimable(), known.is_dead_name());
        self.reclaimable = self.reclaimable + u32::from(after.0) - u32::from(before.0);
        self.dead_names = self.dead_names + u32::from(after.1) - u32::from(before.1);
    }

    /// Notes how far a segment is written, and by which LSN.
    pub(crate) fn wrote(&mut self, segment: SegmentId, end: u32, last_lsn: Lsn) {
        if let Some(known) = self.segments.get_mut(&segment) {
            known.written = known.written.max(end);
            known.last_lsn = known.last_lsn.max(last_lsn);
        }
    }

    /// Skips ids that may have been given out after the checkpoint that was opened: each took a
    /// slot, and slots come back only with a checkpoint.
    pub(crate) fn skip_segment_ids(&mut self) {
        let skipped = 3 * u64::from(self.geometry.slots) + 1;
        self.next_segment = SegmentId::new(self.next_segment.get() + skipped)
            .expect("a sum above zero is not zero");
    }

    /// Skips the ids of segments that were given up.
    pub(crate) fn skip_to(&mut self, segment: SegmentId) {
        self.next_segment = self.next_segment.max(segment);
    }

    pub(crate) fn seal(&mut self, segment: SegmentId) {
        if let Some(known) = self.segments.get_mut(&segment)
            && known.state == SegmentState::Open
        {
            known.state = SegmentState::Sealed;
            self.reclaimable += u32::from(known.is_reclaimable());
        }
    }

    /// The index segments that nothing is appended to any more and that are not empty, by id.
    pub(crate) fn sealed_index(&self) -> Vec<SealedIndex> {
        let is_sealed = |segment: &Segment| {
            let (kind, state) = (segment.kind, segment.state);
            kind == SegmentKind::Index && state == SegmentState::Sealed && segment.live > 0
        };
        let sealed = self.segments.iter().filter(|(_, known)| is_sealed(known));
        sealed
            .map(|(segment, known)| SealedIndex {
                segment: *segment,
                live: known.live,
            })
            .collect()
    }
}
