use engine_base::Sixteenths;
use proptest::prelude::{any, proptest};

use super::*;
use crate::{Unit, position_in_unit};

/// Tag, segment 1, block 2, 3 blocks, skip 4096, unit 65536, stored 5000, two checksums.
const GOLDEN: &str = "11 01 02 03 8020 808004 8827 01020304 05060708";

fn unit(bytes: u32, stored: u32) -> Unit {
    Unit::new("test", bytes, stored).unwrap()
}

fn sums(blocks: u32) -> Vec<u8> {
    (0..blocks).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn golden_bytes_of_a_part_of_a_unit() {
    let checksums = Checksums::from_bytes(&samples::CHECKSUM_BYTES).unwrap();
    let codec = Codec::Lz4(unit(65_536, 5000));
    let extent = ExtentRef::new(samples::place(1, 8192), 12_288, 4096, codec, checksums).unwrap();
    let encoded = ExtentBuf::new(&extent);
    assert_eq!(encoded.as_bytes(), unhex(GOLDEN));
    assert_eq!(ExtentRef::decode(&unhex(GOLDEN)), Ok(extent));
    assert_eq!(extent.stored_bytes(), 8192);
    assert_eq!(extent.position(), position_in_unit(8192, 4096));
    assert_eq!(extent.weight(), unit(65_536, 5000).weight(4096, 16_384));
    // 16 bytes of 2 blocks for each of the 16 blocks.
    assert_eq!(extent.weight(), Sixteenths::new(3 * 2 * 4096));
}

#[test]
fn every_flipped_bit_of_a_part_is_noticed_and_every_truncation_is_refused() {
    let owned = |bytes: &[u8]| ExtentBuf::copy_of(bytes).map(|extent| extent.as_bytes().to_vec());
    notices_every_flipped_bit(&unhex(GOLDEN), owned);
    refuses_every_truncation(&unhex(GOLDEN), owned);
}

#[test]
fn parts_that_no_writer_makes_are_refused() {
    let wrong = |hex: &str| refused(ExtentRef::decode(&unhex(hex)));
    assert_eq!(wrong("02 01 02 03 808004 8827 01020304 05060708"), "codec");
    assert_eq!(wrong("01 01 02 03 00 8827 01020304 05060708"), "unit");
    assert_eq!(wrong("01 01 02 03 818004 8827 01020304 05060708"), "unit");
    assert_eq!(wrong("01 01 02 03 808004 00 01020304 05060708"), "stored");
    // 61,441 bytes take 16 blocks.
    assert_eq!(wrong("01 01 02 03 808004 81e003"), "stored");
    assert_eq!(wrong("01 01 02 03 808004 8827 01020304"), "checksums");
    assert_eq!(
        wrong("11 01 02 03 00 808004 8827 01020304 05060708"),
        "skip"
    );
    assert_eq!(
        wrong("11 01 02 03 808004 808004 8827 01020304 05060708"),
        "skip"
    );
    assert_eq!(
        wrong("11 01 02 0f 8120 808004 8827 01020304 05060708"),
        "skip"
    );
}

#[test]
fn a_cut_of_a_unit_keeps_all_of_it() {
    let checksums = sums(2);
    let checksums = Checksums::from_bytes(&checksums).unwrap();
    let codec = Codec::Lz4(unit(20_000, 5000));
    let whole = ExtentRef::new(samples::place(1, 8192), 20_000, 0, codec, checksums).unwrap();
    let part = whole.cut(5000, 100).cut(99, 1);
    assert_eq!((part.skip(), part.bytes()), (5099, 1));
    assert_eq!(part.location(), whole.location());
    assert_eq!(part.checksums(), whole.checksums());
    assert_eq!(part.position(), whole.position() + 5099);
    assert_eq!(whole.cut(0, 20_000), whole);
}

#[test]
fn the_smallest_part_of_the_densest_unit_counts() {
    let densest = unit(65_536, 1);
    assert_eq!(densest.weight(0, 65_536), Sixteenths::of_bytes(4096));
    assert!((0..65_536).all(|at| densest.weight(at, at + 1) == Sixteenths::new(1)));
    assert_eq!(densest.weight(7, 7), Sixteenths::ZERO);
}

proptest! {
    #[test]
    fn parts_add_up_to_the_whole_and_none_counts_for_nothing(
        bytes in 4097u32..=65_536,
        stored in any::<u32>(),
        cuts in any::<[u32; 3]>(),
    ) {
        let blocks = bytes.div_ceil(4096);
        let unit = unit(bytes, 1 + stored % ((blocks - 1) * 4096));
        let mut cuts = cuts.map(|cut| cut % (bytes + 1));
        cuts.sort_unstable();
        let ends = [0, cuts[0], cuts[1], cuts[2], bytes];
        let mut sum = Sixteenths::ZERO;
        for pair in ends.windows(2) {
            let weight = unit.weight(pair[0], pair[1]);
            assert_eq!(weight == Sixteenths::ZERO, pair[0] == pair[1]);
            sum += weight;
        }
        assert_eq!(sum, Sixteenths::of_bytes(u64::from(unit.blocks()) * 4096));
    }

    #[test]
    fn round_trip_and_cuts_of_units(
        bytes in 4097u32..=65_536,
        stored in any::<u32>(),
        cut in any::<[u32; 2]>(),
    ) {
        let unit = unit(bytes, 1 + stored % ((bytes.div_ceil(4096) - 1) * 4096));
        let checksums = sums(unit.blocks());
        let checksums = Checksums::from_bytes(&checksums).unwrap();
        let place = samples::place(9, 4096);
        let whole = ExtentRef::new(place, bytes, 0, Codec::Lz4(unit), checksums).unwrap();
        let from = cut[0] % bytes;
        let length = 1 + cut[1] % (bytes - from);
        let part = whole.cut(from, length);
        assert_eq!(ExtentBuf::new(&part).extent(), part);
        assert_eq!(ExtentBuf::new(&part.shared()).extent(), part.shared());
        assert_eq!(part.weight(), unit.weight(from, from + length));
    }
}
