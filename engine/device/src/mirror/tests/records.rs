//! Membership records that rot.

use engine_format::{MEMBERSHIP_BYTES, Membership, membership_offset};

use super::{Rig, health, rig, write};
use crate::{Device, Fault, MemberHealth, OwnRecords, Place};

fn record(rig: &Rig, member: usize, copy: u8) -> Option<Membership> {
    let mut bytes = [0; MEMBERSHIP_BYTES];
    let at = Place::label(membership_offset(copy));
    rig.sims[member].read(at, &mut bytes).unwrap();
    Membership::decode(&bytes, copy).ok()
}

fn rot(rig: &Rig, member: usize, copy: u8) {
    rig.sims[member].flip_bit(Place::label(membership_offset(copy) + 70), 3);
    assert_eq!(record(rig, member, copy), None);
}

/// A pool in its second generation: each of two that are left has one record of each.
fn two_generations() -> Rig {
    let rig = super::rig_of(3);
    rig.sims[2].inject(Fault::FailWrite { nth: 0 });
    write(&rig.mirror, 4).unwrap();
    assert_eq!(health(&rig.mirror)[2], MemberHealth::Failed);
    rig
}

#[test]
fn a_scrub_rewrites_a_rotten_membership_record() {
    for rotten in [[0].as_slice(), &[1], &[0, 1]] {
        let rig = two_generations();
        let newest = [0, 1]
            .into_iter()
            .filter_map(|copy| record(&rig, 0, copy))
            .max_by_key(|record| record.generation)
            .unwrap();
        assert_eq!(rig.mirror.scrub_own().found, 0);
        rotten.iter().for_each(|copy| rot(&rig, 0, *copy));
        let found = rotten.len() as u64;
        let expected = OwnRecords {
            bytes: 4 * MEMBERSHIP_BYTES as u64,
            found,
            repaired: found,
        };
        assert_eq!(rig.mirror.scrub_own(), expected);
        assert_eq!(rig.mirror.scrub_own().found, 0);
        let again = super::label::read_record(&*rig.sims[0]);
        assert_eq!(again.map(|(record, _)| record), Some(newest));
        for copy in rotten {
            assert!(record(&rig, 0, *copy).is_some());
        }
        // The next generation goes over an older one, on both.
        let sims = &rig.sims;
        sims[1].inject(Fault::FailWrite { nth: 0 });
        write(&rig.mirror, 5).unwrap();
        let (last, _) = super::label::read_record(&*sims[0]).unwrap();
        assert_eq!(last.generation, 3);
        assert!([0, 1].iter().all(|copy| record(&rig, 0, *copy).is_some()));
    }
}

#[test]
fn what_was_never_written_is_not_rotten() {
    let rig = rig();
    let found = rig.mirror.scrub_own();
    assert_eq!((found.found, found.repaired), (0, 0));
    assert_eq!(record(&rig, 0, 1), None);
}

/// The newest one was bad when the pool was opened, so that the older one is all there is: it is
/// not written over before the newest is there again.
#[test]
fn the_only_good_record_is_not_written_over() {
    let rig = two_generations();
    rig.mirror.state.lock().next_copy[0] = 1;
    rot(&rig, 0, 1);
    let older = record(&rig, 0, 0).unwrap();
    assert_eq!(older.generation, 1);
    let found = rig.mirror.scrub_own();
    assert_eq!((found.found, found.repaired), (1, 1));
    assert_eq!(record(&rig, 0, 0), Some(older));
    assert_eq!(record(&rig, 0, 1).unwrap().generation, 2);
    assert_eq!(rig.mirror.state.lock().next_copy[0], 0);
}

#[test]
fn a_member_on_which_a_record_cannot_be_rewritten_is_out() {
    let rig = rig();
    rot(&rig, 1, 0);
    rig.sims[1].inject(Fault::FailWrite { nth: 0 });
    rig.mirror.scrub_own();
    assert_eq!(
        health(&rig.mirror),
        [MemberHealth::Current, MemberHealth::Failed]
    );
    assert_eq!(rig.mirror.scrub_own().found, 0);
}
