use engine_base::Location;
use proptest::prelude::{Strategy, any, prop, proptest};

use super::{Codec, EXTENT_VALUE_BYTES_MAX, ExtentBuf, ExtentRef};
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};
use crate::{Checksums, samples};

/// Tag, segment 300, block 0x321, 4097 bytes, skip 0x234, two checksums.
const GOLDEN: &str = "30 ac02 a106 8120 b404 01020304 05060708";

fn whole_blocks(checksums: &[u8]) -> ExtentRef<'_> {
    let checksums = Checksums::from_bytes(checksums).unwrap();
    let bytes = u32::try_from(checksums.len() * 4096).unwrap();
    ExtentRef::new(samples::place(1, 4096), bytes, 0, Codec::None, checksums).unwrap()
}

#[test]
fn golden_bytes() {
    let bytes = unhex(GOLDEN);
    let encoded = ExtentBuf::new(&samples::extent());
    assert_eq!(encoded.as_bytes(), bytes);
    assert_eq!(ExtentRef::decode(&bytes), Ok(samples::extent()));
    assert_eq!(ExtentBuf::copy_of(&bytes), Ok(encoded.clone()));
    assert_eq!(encoded.extent(), samples::extent());
    // The common one: a block of a volume. Tag, segment 1, block 1, 1 block, one checksum.
    let block = ExtentBuf::new(&whole_blocks(&[9, 8, 7, 6]));
    assert_eq!(block.as_bytes(), unhex("00 01 01 01 09080706"));
    assert_eq!(block.extent().stored_bytes(), 4096);
    let shared = ExtentBuf::new(&block.extent().shared());
    assert_eq!(shared.as_bytes(), unhex("40 01 01 01 09080706"));
    assert!(shared.extent().is_shared() && shared.extent().cut(1, 2).is_shared());
}

#[test]
fn every_flipped_bit_is_noticed_and_every_truncation_is_refused() {
    let owned = |bytes: &[u8]| ExtentBuf::copy_of(bytes).map(|extent| extent.as_bytes().to_vec());
    notices_every_flipped_bit(&unhex(GOLDEN), owned);
    refuses_every_truncation(&unhex(GOLDEN), owned);
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |hex: &str| refused(ExtentRef::decode(&unhex(hex)));
    assert_eq!(wrong(""), "truncated");
    assert_eq!(wrong("02 01 01 01 09080706"), "codec");
    assert_eq!(wrong("80 01 01 01 09080706"), "checksums");
    assert_eq!(wrong("00 00 01 01 09080706"), "segment");
    assert_eq!(wrong("00 8100 01 01 09080706"), "segment");
    assert_eq!(wrong("00 01 00 01 09080706"), "block");
    assert_eq!(wrong("00 01 808010 01 09080706"), "block");
    assert_eq!(wrong("00 01 ffff0f 02 09080706 09080706"), "block");
    assert_eq!(wrong("00 01 01 00"), "length");
    assert_eq!(wrong("00 01 01 8102 09080706"), "length");
    assert_eq!(wrong("20 01 01 8020 09080706"), "length");
    assert_eq!(wrong("20 01 01 818040 09080706"), "length");
    assert_eq!(wrong("10 01 01 01 00 09080706 09080706"), "skip");
    assert_eq!(wrong("10 01 01 01 8020 09080706 09080706"), "skip");
    assert_eq!(wrong("10 01 01 01 01 09080706"), "checksums");
    assert_eq!(wrong("00 01 01 01 09080706 09080706"), "checksums");
    assert_eq!(wrong("00 01 01 01 090807"), "checksums");
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused() {
    let sums = Checksums::from_bytes(&[0; 8]).unwrap();
    let new = |place, bytes, skip| refused(ExtentRef::new(place, bytes, skip, Codec::None, sums));
    let place = samples::place(1, 4096);
    assert_eq!(new(place, 0, 0), "bytes");
    assert_eq!(new(place, (1 << 20) + 1, 0), "bytes");
    assert_eq!(new(place, u32::MAX, 0), "bytes");
    assert_eq!(new(place, 4096, 4096), "skip");
    assert_eq!(new(place, 4096, 0), "checksums");
    assert_eq!(new(Location { offset: 0, ..place }, 8192, 0), "block");
    assert_eq!(
        new(
            Location {
                offset: 4097,
                ..place
            },
            8192,
            0
        ),
        "block"
    );
    assert_eq!(
        new(
            Location {
                offset: (1 << 30) - 4096,
                ..place
            },
            8192,
            0
        ),
        "block"
    );
}

#[test]
fn the_longest_value_fits_its_buffer() {
    let checksums = vec![0xff; 4 * 257];
    let checksums = Checksums::from_bytes(&checksums).unwrap();
    let place = samples::place(u64::MAX, (1 << 30) - 257 * 4096);
    let longest = ExtentRef::new(place, (1 << 20) - 1, 4095, Codec::None, checksums).unwrap();
    let encoded = ExtentBuf::new(&longest);
    assert_eq!(encoded.as_bytes().len(), EXTENT_VALUE_BYTES_MAX);
    assert_eq!(encoded.extent(), longest);
}

#[test]
fn a_cut_through_a_block_keeps_its_checksum_on_both_sides() {
    let sums: Vec<u8> = (0..12).collect();
    let extent = whole_blocks(&sums);
    let left = extent.cut(0, 4097);
    assert_eq!((left.location(), left.skip()), (extent.location(), 0));
    assert_eq!(left.checksums().as_bytes(), &sums[..8]);
    let right = extent.cut(4097, 8191);
    assert_eq!(right.location(), extent.location().advanced(4096));
    assert_eq!((right.skip(), right.bytes()), (1, 8191));
    assert_eq!(right.checksums().as_bytes(), &sums[4..]);
    assert_eq!(extent.cut(0, extent.bytes()), extent);
}

#[test]
#[should_panic(expected = "a cut lies in the extent")]
fn a_cut_over_the_end_is_refused() {
    let _ = samples::extent().cut(4096, 2);
}

fn parts() -> impl Strategy<Value = (u64, u32, u32, u16)> {
    (1u64.., 1u32..200_000, 1u32..=1 << 20, 0u16..4096).prop_map(|(segment, block, bytes, skip)| {
        match bytes % 3 {
            0 => (segment, block, bytes, skip),
            1 => (segment, block, bytes, 0),
            _ => (segment, block, bytes.next_multiple_of(4096), 0),
        }
    })
}

proptest! {
    #[test]
    fn round_trip_and_cuts((segment, block, bytes, skip) in parts(), cut in any::<[u32; 2]>()) {
        let blocks = (u32::from(skip) + bytes).div_ceil(4096);
        let sums: Vec<u8> = (0..blocks).flat_map(u32::to_le_bytes).collect();
        let sums = Checksums::from_bytes(&sums).unwrap();
        let place = samples::place(segment, block * 4096);
        let extent = ExtentRef::new(place, bytes, skip, Codec::None, sums).unwrap();
        assert_eq!(ExtentBuf::new(&extent).extent(), extent);
        let from = cut[0] % bytes;
        let length = 1 + cut[1] % (bytes - from);
        let part = extent.cut(from, length);
        let checked =
            ExtentRef::new(part.location(), length, part.skip(), Codec::None, part.checksums());
        assert_eq!(checked, Ok(part));
        // The first byte of the part is the byte of the whole that it was, with that block's
        // checksum.
        let byte = |extent: &ExtentRef<'_>| extent.location().offset + u32::from(extent.skip());
        assert_eq!(byte(&part), byte(&extent) + from);
        let first = (part.location().offset - place.offset) / 4096;
        assert_eq!(part.checksums().get(0).unwrap().get(), first);
    }

    #[test]
    fn what_is_accepted_is_the_one_form(
        tag in 0u8..128,
        bytes in prop::collection::vec(any::<u8>(), 0..32),
        small in prop::collection::vec(0u8..4, 0..16),
    ) {
        for tail in [bytes, small] {
            let value = [vec![tag], tail].concat();
            if let Ok(extent) = ExtentRef::decode(&value) {
                assert_eq!(ExtentBuf::new(&extent).as_bytes(), value);
            }
        }
    }
}

mod sealed;
mod units;
