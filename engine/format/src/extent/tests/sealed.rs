//! Extents of sealed data.

use proptest::prelude::{any, prop, proptest};

use super::super::{Codec, EXTENT_VALUE_BYTES_MAX, ExtentBuf, ExtentRef, Unit};
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};
use crate::{Checksums, SEALED_BLOCKS_MAX, SealRef, SessionId, Tag, samples};

/// Tag, segment 1, block 1, 2 blocks, session 300, number 5, two checksums, two tags.
const GOLDEN: &str = concat!(
    "80 01 01 02 ac02 05 01020304 05060708",
    "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f",
);

fn tags(count: usize) -> Vec<Tag> {
    let bytes =
        |at: usize| std::array::from_fn(|byte| u8::try_from((at * 16 + byte) % 256).unwrap());
    (0..count).map(bytes).collect()
}

fn seal(first: u64, tags: &[Tag]) -> SealRef<'_> {
    SealRef::new("test", SessionId::new(300).unwrap(), first, tags).unwrap()
}

#[test]
fn golden_bytes() {
    let bytes = unhex(GOLDEN);
    let tags = tags(2);
    let sums = Checksums::from_bytes(&samples::CHECKSUM_BYTES).unwrap();
    let plain = ExtentRef::new(samples::place(1, 4096), 8192, 0, Codec::None, sums).unwrap();
    let sealed = plain.with_seal(Some(seal(5, &tags))).unwrap();
    assert_eq!(ExtentBuf::new(&sealed).as_bytes(), bytes);
    assert_eq!(ExtentRef::decode(&bytes), Ok(sealed));
    let owned = |bytes: &[u8]| ExtentBuf::copy_of(bytes).map(|extent| extent.as_bytes().to_vec());
    notices_every_flipped_bit(&bytes, owned);
    refuses_every_truncation(&bytes, owned);
    assert_eq!(refused(plain.with_seal(Some(seal(5, &tags[..1])))), "tags");
    // A cut takes the numbers along; where it goes through a block both sides have its number.
    let left = sealed.cut(0, 4097).seal().unwrap();
    assert_eq!((left.first(), left.tags()), (5, &tags[..]));
    let right = sealed.cut(4097, 4095).seal().unwrap();
    assert_eq!((right.first(), right.tags()), (6, &tags[1..]));
}

#[test]
fn what_no_writer_makes_is_refused() {
    let tag = "000102030405060708090a0b0c0d0e0f";
    let wrong = |head: &str| refused(ExtentRef::decode(&unhex(&format!("{head} {tag}"))));
    assert_eq!(wrong("80 01 01 01 00 05 01020304"), "session");
    assert_eq!(wrong("80 01 01 01 8080808010 05 01020304"), "session");
    assert_eq!(
        wrong("80 01 01 01 01 ffffffffffffffffff01 01020304"),
        "number"
    );
    assert_eq!(wrong("80 01 01 01 01 05 01020304 05060708"), "tags");
    assert_eq!(wrong("80 01 01 02 01 05 01020304 05060708"), "tags");
    assert_eq!(wrong("80 01 01 10 01 05"), "checksums");
}

#[test]
fn a_part_of_a_unit_keeps_all_of_its_blocks() {
    let codec = Codec::Lz4(Unit::new("test", 20_000, 8000).unwrap());
    let tags = tags(2);
    let sums = Checksums::from_bytes(&samples::CHECKSUM_BYTES).unwrap();
    let plain = ExtentRef::new(samples::place(1, 8192), 20_000, 0, codec, sums).unwrap();
    let sealed = plain.with_seal(Some(seal(1 << 40, &tags))).unwrap();
    let part = sealed.cut(9000, 5);
    assert_eq!(part.seal(), sealed.seal());
    assert_eq!(ExtentBuf::new(&part.shared()).extent(), part.shared());
}

#[test]
fn the_longest_value_is_not_the_longest_of_all() {
    let tags = tags(SEALED_BLOCKS_MAX);
    let sums = vec![0xff; 4 * SEALED_BLOCKS_MAX];
    let sums = Checksums::from_bytes(&sums).unwrap();
    let place = samples::place(u64::MAX, (1 << 30) - 33 * 4096);
    let plain = ExtentRef::new(place, (128 << 10) - 1, 4095, Codec::None, sums).unwrap();
    let session = SessionId::new(u32::MAX).unwrap();
    let seal = SealRef::new("test", session, u64::MAX - 33, &tags).unwrap();
    let longest = ExtentBuf::new(&plain.with_seal(Some(seal)).unwrap());
    assert_eq!(longest.extent().seal(), Some(seal));
    assert!(longest.as_bytes().len() < EXTENT_VALUE_BYTES_MAX);
}

proptest! {
    #[test]
    fn what_is_accepted_is_the_one_form(
        tag in 128u8..,
        small in prop::collection::vec(0u8..3, 0..16),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let value = [vec![tag], small, rest].concat();
        if let Ok(extent) = ExtentRef::decode(&value) {
            assert_eq!(ExtentBuf::new(&extent).as_bytes(), value);
        }
    }
}
