//! Places of the journal that cannot be read.

use engine_base::Lsn;
use engine_device::{Area, Device, Fault};

use super::{commit, sync};
use crate::LogError;
use crate::testing::{Fixture, Replayed, device_of, replay_from};

/// The file of a segment that a group names is gone.
#[test]
fn a_missing_segment_is_given_up_only_with_the_override() {
    let fixture = Fixture::new();
    commit(&fixture, 8, 100);
    sync(&fixture);
    let image = fixture.device.process_kill_image();
    let (groups, _) = fixture.replay(image.clone(), false).unwrap();
    let moved = |group: &&Replayed| group.end.place != fixture.start.place;
    let first = groups.iter().find(moved).unwrap();
    let device = device_of(image);
    device.discard(first.end.place.slot).unwrap();
    let image = device.process_kill_image();

    let error = fixture.replay(image.clone(), false).unwrap_err();
    let LogError::Unreadable { lsn, place, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(
        (lsn, place.area),
        (first.lsn, Area::Segment(first.end.place.slot))
    );
    let (left, end) = fixture.replay(image, true).unwrap();
    assert_eq!(left.len() as u64, first.lsn.get() - 1);
    assert_eq!(end.lost_from, Some(first.lsn));
    // So is the one in which the checkpoint begins.
    device.discard(fixture.start.place.slot).unwrap();
    let (left, end) = fixture.replay(device.process_kill_image(), true).unwrap();
    assert!(left.is_empty());
    assert_eq!(end.lost_from, Some(Lsn::new(1)));
}

/// What lies behind a group does not matter for reading it.
#[test]
fn a_group_is_read_although_the_place_behind_it_cannot_be() {
    let fixture = Fixture::new();
    commit(&fixture, 3, 0);
    sync(&fixture);
    let device = device_of(fixture.device.process_kill_image());
    // The first read takes more than the group.
    device.inject(Fault::FailRead { nth: 0 });
    let (groups, _) = replay_from(device, fixture.epoch, fixture.start, false).unwrap();
    assert_eq!(groups.len(), 3);
}
