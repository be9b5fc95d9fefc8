use engine_device::{Device, Place};

use super::unsound_blocks;
use crate::testing::{Fixture, batch, device_of, wait};

#[test]
fn what_was_not_applied_is_not_looked_at() {
    let fixture = Fixture::new();
    for byte in 1..=2 {
        wait(fixture.journal.commit(batch(byte, 2))).unwrap();
    }
    let mut image = fixture.device.process_kill_image();
    let (groups, _) = fixture.replay(image.clone(), true).unwrap();
    let [first, second] = &groups[..] else {
        panic!("{} groups", groups.len());
    };
    let place = second.end.place;
    // The last block of the second group.
    let bad = u64::from(second.end.offset) - 4096;
    image.flip_bit(Place::slot(place.slot, bad + 5), 3);
    let device = device_of(image);
    let geometry = device.geometry().unwrap();
    let unsound = |end: u32| unsound_blocks(&*device, geometry, place, end, false);
    assert_eq!(unsound(second.end.offset), [bad]);
    assert_eq!(unsound(first.end.offset), []);
}
