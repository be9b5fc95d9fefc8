//! Torn tails and damage, successors, and what is not of the chain.

mod unreadable;

use std::sync::Arc;

use engine_base::{EpochId, Lsn, Slot};
use engine_device::{Place, SimImage};

use crate::testing::{Fixture, OTHER_CHAIN, batch, device_of, replay_from, wait};
use crate::{JournalPosition, LogError};

/// Commits `count` batches of `blocks` blocks, one group each.
fn commit(fixture: &Fixture, count: u8, blocks: usize) {
    for byte in 0..count {
        wait(fixture.journal.commit(batch(byte + 1, blocks))).unwrap();
    }
}

fn sync(fixture: &Fixture) {
    wait(fixture.journal.durable(fixture.journal.applied_lsn())).unwrap();
}

/// Where the head of group `lsn` lies.
fn head_of(fixture: &Fixture, lsn: u64) -> Place {
    if lsn == 1 {
        return Place::slot(fixture.start.place.slot, fixture.start.offset.into());
    }
    let image = fixture.device.process_kill_image();
    let (groups, _) = fixture.replay(image, true).unwrap();
    let before = groups
        .iter()
        .find(|group| group.lsn.get() == lsn - 1)
        .unwrap();
    Place::slot(before.end.place.slot, before.end.offset.into())
}

fn lsns(image: SimImage, fixture: &Fixture) -> Vec<u64> {
    let (groups, _) = fixture.replay(image, false).unwrap();
    groups.iter().map(|group| group.lsn.get()).collect()
}

#[test]
fn an_empty_journal_ends_where_it_begins() {
    let fixture = Fixture::new();
    let (groups, end) = fixture
        .replay(fixture.device.crash_image(1), false)
        .unwrap();
    assert!(groups.is_empty());
    assert_eq!(
        (end.lsn, end.vouched, end.groups),
        (Lsn::ZERO, Lsn::ZERO, 0)
    );
    assert_eq!(end.segments.len(), 1);
}

#[test]
fn all_groups_come_back_in_order() {
    let fixture = Fixture::new();
    commit(&fixture, 50, 3);
    sync(&fixture);
    let image = fixture.device.crash_image(1);
    assert_eq!(lsns(image, &fixture), (1..=50).collect::<Vec<_>>());
}

/// Whatever a power cut leaves of the unsynced groups, a prefix with the synced ones comes back.
#[test]
fn a_torn_tail_ends_the_journal_without_an_error() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let fixture = Fixture::new();
        commit(&fixture, 5, 2);
        sync(&fixture);
        commit(&fixture, 5, 2);
        let found = lsns(fixture.device.crash_image(seed), &fixture);
        let count = found.len() as u64;
        assert!(count >= 5, "seed {seed}: {found:?}");
        assert_eq!(found, (1..=count).collect::<Vec<_>>(), "seed {seed}");
        ends.insert(count);
    }
    assert!(ends.len() > 3, "the seeds differ: {ends:?}");
}

#[test]
fn a_tail_with_torn_data_ends_before_it() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 2);
    let mut image = fixture.device.process_kill_image();
    let head = head_of(&fixture, 3);
    image.flip_bit(
        Place {
            offset: head.offset + 4096 + 5000,
            ..head
        },
        3,
    );
    assert_eq!(lsns(image, &fixture), [1, 2]);
}

#[test]
fn a_bad_head_that_a_later_group_vouches_for_is_damage() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 1);
    sync(&fixture);
    commit(&fixture, 3, 1);
    let mut image = fixture.device.process_kill_image();
    image.flip_bit(head_of(&fixture, 3), 0);
    let error = fixture.replay(image.clone(), false).unwrap_err();
    let LogError::Damaged {
        lsn,
        durable,
        place,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (lsn, durable, place),
        (Lsn::new(3), Lsn::new(4), head_of(&fixture, 3))
    );
    // With the override everything from there on is given up.
    let (groups, end) = fixture.replay(image, true).unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!((end.lsn, end.lost_from), (Lsn::new(2), Some(Lsn::new(3))));
}

#[test]
fn a_bad_head_that_nobody_vouches_for_is_a_torn_tail() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 1);
    sync(&fixture);
    // Durable, but no later group says so: the two cannot be told apart.
    let mut image = fixture.device.process_kill_image();
    image.flip_bit(head_of(&fixture, 4), 0);
    assert_eq!(lsns(image, &fixture), [1, 2, 3]);
}

#[test]
fn bad_data_of_a_group_that_is_vouched_for_is_left_to_its_readers() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 1);
    sync(&fixture);
    commit(&fixture, 1, 1);
    let mut image = fixture.device.process_kill_image();
    let head = head_of(&fixture, 2);
    image.flip_bit(
        Place {
            offset: head.offset + 4096,
            ..head
        },
        0,
    );
    assert_eq!(lsns(image, &fixture), [1, 2, 3, 4, 5]);
}

#[test]
fn the_chain_goes_on_in_the_successors() {
    let fixture = Fixture::new();
    commit(&fixture, 40, 100);
    sync(&fixture);
    let (groups, end) = fixture
        .replay(fixture.device.crash_image(2), false)
        .unwrap();
    assert_eq!(end.lsn, fixture.journal.applied_lsn());
    assert!(end.segments.len() > 5, "{:?}", end.segments);
    for pair in end.segments.windows(2) {
        assert!(pair[0].last_lsn < pair[1].last_lsn);
        assert!(pair[0].place.segment < pair[1].place.segment);
    }
    assert_eq!(
        groups.last().unwrap().end.place,
        fixture.journal.current_segment()
    );
}

#[test]
fn a_voucher_is_found_in_a_successor() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 100);
    sync(&fixture);
    commit(&fixture, 8, 100);
    assert!(fixture.journal.current_segment().slot > Slot::new(1));
    let mut image = fixture.device.process_kill_image();
    image.flip_bit(head_of(&fixture, 2), 0);
    let error = fixture.replay(image, false).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}

/// Whoever replays once more looks at the same segments: they have to be there still.
#[test]
fn the_end_tells_what_was_looked_at_and_not_accepted() {
    let fixture = Fixture::new();
    commit(&fixture, 40, 100);
    let mut image = fixture.device.process_kill_image();
    let (groups, end) = fixture.replay(image.clone(), false).unwrap();
    let places: Vec<_> = end.segments.iter().map(|used| used.place).collect();
    // At most a successor that nothing lies in yet.
    assert!(end.beyond.len() <= 1, "{:?}", end.beyond);
    assert!(end.beyond.iter().all(|place| !places.contains(place)));

    // Torn data in the second segment: no group from there on is accepted.
    let torn = groups
        .iter()
        .find(|group| group.end.place == places[1])
        .unwrap();
    let data = Place::slot(torn.end.place.slot, u64::from(torn.data.offset) + 5000);
    image.flip_bit(data, 3);
    let (_, torn_end) = fixture.replay(image, false).unwrap();
    assert_eq!(torn_end.torn, Some(torn.lsn));
    let mut expected = places[1..].to_vec();
    expected.extend(&end.beyond);
    assert_eq!(torn_end.segments.len(), 1);
    assert_eq!(torn_end.beyond, expected);
}

#[test]
fn another_epoch_or_chain_is_not_followed() {
    let fixture = Fixture::new();
    commit(&fixture, 4, 1);
    let image = fixture.device.process_kill_image();
    let other = EpochId::new([2; 16]);
    let (groups, _) = replay_from(device_of(image.clone()), other, fixture.start, false).unwrap();
    assert!(groups.is_empty());
    let start = JournalPosition {
        chain: OTHER_CHAIN,
        ..fixture.start
    };
    let (groups, _) = replay_from(device_of(image), fixture.epoch, start, false).unwrap();
    assert!(groups.is_empty());
}

/// The slots of an earlier epoch are used again; its groups lie behind the new ones, at the right
/// offsets.
#[test]
fn leftovers_of_a_recycled_slot_do_not_parse() {
    let old = Fixture::new();
    commit(&old, 30, 2);
    sync(&old);
    let device = device_of(old.device.crash_image(1));
    let new = Fixture::on(Arc::clone(&device), None, 2, 0);
    commit(&new, 3, 2);
    sync(&new);
    assert_eq!(lsns(new.device.crash_image(1), &new), [1, 2, 3]);
    // Nor does the old journal come back, although most of its bytes are there.
    let (groups, _) = old.replay(new.device.crash_image(1), false).unwrap();
    assert!(groups.is_empty());
}

/// The data of a client may be a copy of a group.
#[test]
fn data_that_looks_like_a_group_does_not_parse() {
    let fixture = Fixture::new();
    commit(&fixture, 2, 0);
    let mut head = vec![0; 4096];
    let at = head_of(&fixture, 2);
    assert!(fixture.device.process_kill_image().read(at, &mut head));
    let mut copy = batch(1, 1);
    copy.data[0].copy_from_slice(&head);
    // Checksums of the batch are those of other data: the group is the last one and torn.
    wait(fixture.journal.commit(copy)).unwrap();
    assert_eq!(lsns(fixture.device.process_kill_image(), &fixture), [1, 2]);
}

/// A segment that is left early is left in the middle of nothing: its last group must not be the
/// only one that names the way on.
#[test]
fn a_bad_last_group_of_a_segment_that_was_left_early_is_damage() {
    let fixture = Fixture::with_large_segments();
    for byte in 0..20 {
        wait(fixture.journal.commit(batch(byte, 1))).unwrap();
        sync(&fixture);
    }
    fixture.journal.prepare_early();
    let first = fixture.journal.current_segment();
    while fixture.journal.current_segment() == first {
        wait(fixture.journal.commit(batch(1, 1))).unwrap();
        sync(&fixture);
    }
    wait(fixture.journal.commit(batch(1, 1))).unwrap();
    let mut image = fixture.device.process_kill_image();
    let (_, end) = fixture.replay(image.clone(), false).unwrap();
    let last = end.segments[0].last_lsn.get();
    assert!(
        last < 30,
        "the segment was not left early but after {last} groups"
    );
    image.flip_bit(head_of(&fixture, last), 0);
    let error = fixture.replay(image, false).unwrap_err();
    assert!(matches!(error, LogError::Damaged { .. }), "{error}");
}
