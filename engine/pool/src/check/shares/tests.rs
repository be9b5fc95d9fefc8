use engine_base::Location;
use engine_format::{Checksums, Codec, InodeId};

use super::*;

fn segment(number: u64) -> SegmentId {
    SegmentId::new(number).unwrap()
}

fn key(position: u32, content: u64, offset: u64) -> SharedKey {
    SharedKey {
        segment: segment(3),
        position,
        content: InodeId::new(content).unwrap(),
        offset,
    }
}

fn plain(bytes: u32) -> SharedRecord {
    SharedRecord { bytes, part: None }
}

/// An extent of less than a block.
fn add(shares: &mut Shares, position: u32, content: u64, offset: u64, bytes: u32) {
    let location = Location {
        segment: segment(3),
        offset: position / 4096 * 4096,
    };
    let skip = u16::try_from(position % 4096).unwrap();
    let sums = Checksums::from_bytes(&[0; 4]).unwrap();
    let extent = ExtentRef::new(location, bytes, skip, Codec::None, sums).unwrap();
    shares.extent(Some(content), offset, &extent.shared());
}

#[test]
fn extents_and_records_agree_in_any_order() {
    let mut shares = Shares::default();
    assert!(shares.agree());
    add(&mut shares, 8200, 9, 0, 100);
    add(&mut shares, 8192, 7, 4096, 50);
    assert!(!shares.agree(), "no records yet");
    shares.record(&key(8192, 7, 4096), plain(50));
    shares.record(&key(8200, 9, 0), plain(100));
    assert!(shares.agree());
    for (position, content, offset, bytes) in [
        (8201, 9, 0, 100),
        (8200, 8, 0, 100),
        (8200, 9, 1, 100),
        (8200, 9, 0, 99),
    ] {
        let mut other = Shares::default();
        add(&mut other, 8200, 9, 0, 100);
        other.record(&key(position, content, offset), plain(bytes));
        assert!(!other.agree());
    }
}

#[test]
fn what_records_cover_is_counted_once() {
    let mut shares = Shares::default();
    let mut live = |segment_of: u64, position, bytes| {
        let key = SharedKey {
            segment: segment(segment_of),
            ..key(position, 1, 0)
        };
        let (at, covered) = shares.record(&key, plain(bytes));
        assert_eq!(at.segment, key.segment);
        (at.offset, covered.bytes())
    };
    assert_eq!(live(3, 4096, 1000), (4096, 1000));
    assert_eq!(live(3, 4096, 1000).1, 0);
    assert_eq!(live(3, 4500, 1000), (5096, 404));
    assert_eq!(live(3, 4600, 10).1, 0);
    assert_eq!(live(3, 5500, 1), (5500, 1));
    assert_eq!(live(3, 9000, 5), (9000, 5));
    assert_eq!(live(4, 4096, 7), (4096, 7), "another segment");
}

#[test]
fn what_records_cover_of_a_unit_is_counted_once_and_in_any_order() {
    let unit = Unit::new("test", 65_536, 4096).unwrap();
    let other = Unit::new("test", 8192, 100).unwrap();
    let mut shares = Shares::default();
    let mut live = |position, unit, from: u16, bytes, offset| {
        let part = Some((unit, from));
        let record = SharedRecord { bytes, part };
        let (at, covered) = shares.record(&key(position, 1, offset), record);
        assert_eq!(at.offset, position);
        covered.get()
    };
    // Each byte counts for a sixteenth of one.
    assert_eq!(live(4096, unit, 1000, 1000, 0), 1000);
    assert_eq!(live(4096, unit, 500, 1000, 1000), 500);
    assert_eq!(live(4096, unit, 600, 1200, 2000), 0);
    assert_eq!(live(4096, unit, 0, 65_535, 3000), 64_035);
    assert_eq!(live(8192, other, 0, 8192, 0), 65_536);
    assert_eq!(live(8192, other, 0, 8192, 1), 0);
}

#[test]
fn a_part_of_a_unit_and_its_record_agree() {
    let unit = Unit::new("test", 9000, 4097).unwrap();
    let sums = Checksums::from_bytes(&[0; 8]).unwrap();
    let location = Location {
        segment: segment(3),
        offset: 8192,
    };
    let extent = ExtentRef::new(location, 70, 4096, Codec::Lz4(unit), sums).unwrap();
    let part = |unit, from| {
        let mut shares = Shares::default();
        shares.extent(Some(9), 5, &extent.shared());
        let part = Some((unit, from));
        shares.record(&key(8192, 9, 5), SharedRecord { bytes: 70, part });
        shares.agree()
    };
    assert!(part(unit, 4096));
    assert!(!part(unit, 4095));
    assert!(!part(Unit::new("test", 9001, 4097).unwrap(), 4096));
    assert!(!part(Unit::new("test", 9000, 4098).unwrap(), 4096));
}
