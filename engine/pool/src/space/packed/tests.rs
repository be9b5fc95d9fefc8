//! What becomes of redirects.

use engine_base::{Location, Lsn, Slot};
use engine_device::Geometry;
use engine_log::SegmentPlace;

use super::*;
use crate::space::Generation;

const DEAD: SegmentId = SegmentId::new(153).expect("not zero");
const PACK: SegmentId = SegmentId::new(162).expect("not zero");
const NEXT: SegmentId = SegmentId::new(166).expect("not zero");

/// A segment that was packed, and is dead now, in a slot that came back when the checkpoint that
/// says so was durable.
fn space() -> Space {
    let segment = |slot, kind, state, live| Segment {
        slot: Some(Slot::new(slot)),
        kind,
        state,
        written: 1 << 20,
        live,
        live_excess: 0,
        last_lsn: Lsn::ZERO,
    };
    let segments = BTreeMap::from([
        (
            DEAD,
            segment(9, SegmentKind::Journal, SegmentState::Dead, 0),
        ),
        (
            PACK,
            segment(18, SegmentKind::Pack, SegmentState::Sealed, 4096),
        ),
    ]);
    let geometry = Geometry {
        segment_bytes: 2 << 20,
        slots: 32,
    };
    let mut space = Space::new(geometry, segments, NEXT);
    let at = Location {
        segment: PACK,
        offset: 4096,
    };
    let redirect = Redirect::new([(7, at)]).expect("there is a survivor");
    space.load_redirects(DEAD, Stretches::from([(0, redirect)]));
    space
}

/// The journal went on in the slot, and the power went. The opening forgot the dead segment and not
/// its redirects: the next checkpoint had them without their segment, and could not be opened.
#[test]
fn redirects_go_with_a_dead_segment_whose_slot_was_used_again() {
    let mut space = space();
    space.adopt_journal(SegmentPlace {
        segment: NEXT,
        slot: Slot::new(9),
    });
    let mut generation = Generation::default();
    let taken = space.capture(CheckpointId::new(12), Lsn::new(85), &mut generation);
    let in_use: Vec<_> = taken.entries.iter().map(|entry| entry.segment).collect();
    assert_eq!(in_use, [PACK, NEXT]);
    let changes: Vec<_> = taken
        .redirects
        .iter()
        .map(|(id, now)| (*id, now.is_none()))
        .collect();
    assert_eq!(changes, [(DEAD, true)]);
    assert_eq!(space.redirect_bytes(), 0);
}
