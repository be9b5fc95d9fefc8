//! Any bytes: what is left is printed, and nothing panics.

use engine_base::SeededEntropy;
use engine_device::Place;
use engine_format::superblock_offset;

use super::samples::{INDEX, JOURNAL, image};
use super::{RECORD, json, look, targets};
use crate::{SegmentName, Target};

/// Where something lies: first byte and length.
const PLACES: [(Place, u64); 5] = [
    (Place::label(0), 4096),
    (Place::slot(JOURNAL, 0), 4096),
    (Place::slot(JOURNAL, 4096), 4096),
    (Place::slot(INDEX, 0), 4096),
    (Place::slot(INDEX, 4096), 40_960),
];

fn shifted(place: Place, by: u64) -> Place {
    let offset = place.offset + by;
    Place { offset, ..place }
}

#[test]
fn a_spoilt_superblock_is_shown_and_still_tells_the_geometry() {
    let mut image = image();
    image.flip_bit(Place::label(superblock_offset(0) + 90), 1);
    let value = json(&image, Target::Superblock);
    assert_eq!(value["parts"][0]["valid"], false);
    assert_eq!(value["parts"][0]["fields"]["checkpoint"], 41);
    let segment = Target::Segment(SegmentName::Slot(JOURNAL));
    assert_eq!(json(&image, segment)["fields"]["segment"], 11);
}

#[test]
fn a_spoilt_group_is_shown_with_what_is_wrong() {
    let mut image = image();
    image.flip_bit(Place::slot(JOURNAL, 4096 + 64), 0);
    let value = json(&image, RECORD);
    assert_eq!(value["valid"], false);
    assert_eq!(value["fields"]["lsn"], 100);
    assert_eq!(value["parts"][0]["parts"][0]["what"], "put");
}

#[test]
fn no_flipped_bit_makes_it_panic() {
    let whole = image();
    for (place, bytes) in PLACES {
        for bit in (0..bytes.min(512) * 8).chain(4096 * 8..4096 * 8 + 512) {
            if bit / 8 >= bytes {
                continue;
            }
            let mut image = whole.clone();
            image.flip_bit(shifted(place, bit / 8), u8::try_from(bit % 8).unwrap());
            let with_segments = if bit % 61 == 0 { 7 } else { 5 };
            for target in targets().into_iter().take(with_segments) {
                let _printed_or_refused = look(&image, target, bit % 2 == 0);
            }
        }
    }
}

#[test]
fn no_random_bytes_make_it_panic() {
    const SEED: u64 = 0x1459;
    let random = SeededEntropy::new(SEED);
    let whole = image();
    for round in 0..400 {
        let mut image = whole.clone();
        for (place, bytes) in PLACES {
            // The magic stays, so that there is something to look at.
            for _ in 0..random.next_u64() % 40 {
                let within = 8 + random.next_u64() % (bytes.min(700) - 8);
                let value = random.next_u64().to_le_bytes();
                let length = usize::try_from(1 + random.next_u64() % 8).unwrap();
                image.write(shifted(place, within), &value[..length]);
            }
        }
        for target in targets() {
            let printed = look(&image, target, round % 2 == 0);
            if let (Ok(text), true) = (printed, round % 2 == 0) {
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(&text);
                assert!(parsed.is_ok(), "seed {SEED}, round {round}: {text}");
            }
        }
    }
}
