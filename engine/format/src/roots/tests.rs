use engine_base::{DatasetId, Location, SegmentId};
use proptest::prelude::{any, prop, proptest};

use super::{KeptCut, RootsKey, RootsRecord, redirect_key, roots_key};
use crate::samples;
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};

const GOLDEN: &str = concat!(
    "0101000000000000 00000100 b1b2b3b4 0201000000000000 00000200 40000000",
    "0301000000000000 08500000 d1d2d3d4 0807060504030201",
);

#[test]
fn golden_bytes() {
    let bytes = unhex(GOLDEN);
    assert_eq!(samples::roots_record().encode()[..], bytes);
    assert_eq!(RootsRecord::decode(&bytes), Ok(samples::roots_record()));
    let empty = RootsRecord {
        root: None,
        ..samples::roots_record()
    };
    assert_eq!(empty.encode()[..48], [0; 48]);
    assert_eq!(RootsRecord::decode(&empty.encode()), Ok(empty));
}

#[test]
fn golden_bytes_of_a_snapshot() {
    let golden = format!("{GOLDEN} 0102000000000000 0103000000000000 00100000 80000000");
    let at = |segment, offset| Location {
        segment: SegmentId::new(segment).unwrap(),
        offset,
    };
    let record = RootsRecord {
        kept: Some(KeptCut {
            data: at(0x201, 0x1000),
            pages: at(0x301, 0x80),
        }),
        ..samples::roots_record()
    };
    let bytes = unhex(&golden);
    assert_eq!(record.encode()[..], bytes);
    assert_eq!(RootsRecord::decode(&bytes), Ok(record));
    notices_every_flipped_bit(&bytes, RootsRecord::decode);
    let no_segment = [&bytes[..56], &[0; 24]].concat();
    assert_eq!(refused(RootsRecord::decode(&no_segment)), "data cut");
}

#[test]
fn every_flipped_bit_is_noticed_and_other_lengths_are_refused() {
    notices_every_flipped_bit(&unhex(GOLDEN), RootsRecord::decode);
    refuses_every_truncation(&unhex(GOLDEN), RootsRecord::decode);
    assert_eq!(
        refused(RootsRecord::decode(&unhex(&format!("{GOLDEN}00")))),
        "truncated"
    );
}

#[test]
fn keys_sort_as_the_ids_do() {
    let key = roots_key(DatasetId::new(0x0102_0304_0506_0708));
    assert_eq!(key, [1, 2, 3, 4, 5, 6, 7, 8]);
    let dataset = DatasetId::new(0x0102_0304_0506_0708);
    assert_eq!(RootsKey::decode(&key), Ok(RootsKey::Dataset(dataset)));
    assert!(roots_key(DatasetId::new(255)) < roots_key(DatasetId::new(256)));
    assert_eq!(refused(RootsKey::decode(&key[1..])), "truncated");
}

#[test]
fn keys_of_redirects_lie_behind_those_of_datasets() {
    let segment = SegmentId::new(0x0102_0304_0506_0708).unwrap();
    let key = redirect_key(segment, 15);
    assert_eq!(key, [255, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 15]);
    let decoded = RootsKey::Redirect {
        segment,
        stretch: 15,
    };
    assert_eq!(RootsKey::decode(&key), Ok(decoded));
    assert!(key[..] > RootsKey::REDIRECTS[..]);
    assert!(roots_key(DatasetId::new(u64::MAX >> 8))[..] < RootsKey::REDIRECTS[..]);
    let wrong = |at: usize, with: &[u8]| {
        let mut key = key.clone();
        key[at..at + with.len()].copy_from_slice(with);
        refused(RootsKey::decode(&key))
    };
    assert_eq!(wrong(0, &[254]), "prefix");
    assert_eq!(wrong(1, &[0; 8]), "segment");
    assert_eq!(wrong(12, &[16]), "stretch");
    assert_eq!(refused(RootsKey::decode(&key[1..])), "truncated");
}

proptest! {
    #[test]
    fn what_is_accepted_is_the_one_form(bytes in prop::collection::vec(any::<u8>(), 56)) {
        if let Ok(record) = RootsRecord::decode(&bytes) {
            assert_eq!(record.encode()[..], bytes);
        }
    }
}
