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
    shares.record(&key(8192, 7, 4096), SharedRecord { bytes: 50 });
    shares.record(&key(8200, 9, 0), SharedRecord { bytes: 100 });
    assert!(shares.agree());
    for (position, content, offset, bytes) in [
        (8201, 9, 0, 100),
        (8200, 8, 0, 100),
        (8200, 9, 1, 100),
        (8200, 9, 0, 99),
    ] {
        let mut other = Shares::default();
        add(&mut other, 8200, 9, 0, 100);
        other.record(&key(position, content, offset), SharedRecord { bytes });
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
        let (at, bytes) = shares.record(&key, SharedRecord { bytes });
        assert_eq!(at.segment, key.segment);
        (at.offset, bytes)
    };
    assert_eq!(live(3, 4096, 1000), (4096, 1000));
    assert_eq!(live(3, 4096, 1000).1, 0);
    assert_eq!(live(3, 4500, 1000), (5096, 404));
    assert_eq!(live(3, 4600, 10).1, 0);
    assert_eq!(live(3, 5500, 1), (5500, 1));
    assert_eq!(live(3, 9000, 5), (9000, 5));
    assert_eq!(live(4, 4096, 7), (4096, 7), "another segment");
}
