use engine_base::{Checksum, DatasetId, Location, SegmentId, to_u32};
use proptest::prelude::{any, proptest};

use super::{DeltaBuilder, DeltaChange, DeltaRef};
use crate::{DELTA_BYTES_MAX, DeltaPointer, FormatError, PagePointer};

const TREE: DatasetId = DatasetId::new(17);
const BASE: Checksum = Checksum::new(0x1234_5678);

fn pointer_to(bytes: &[u8]) -> PagePointer {
    let location = |offset| Location {
        segment: SegmentId::FIRST,
        offset,
    };
    let checksum = Checksum::new(crc32c::crc32c(bytes));
    let delta = DeltaPointer {
        location: location(65536),
        bytes: to_u32(bytes.len()),
        checksum,
    };
    PagePointer {
        base: location(4096),
        checksum: BASE,
        copy: None,
        delta: Some(delta),
    }
}

const CHANGES: [DeltaChange<'static>; 4] = [
    DeltaChange {
        key: b"",
        value: Some(b"empty key"),
    },
    DeltaChange {
        key: b"a",
        value: None,
    },
    DeltaChange {
        key: b"ab",
        value: Some(b""),
    },
    DeltaChange {
        key: b"b",
        value: Some(b"xyz"),
    },
];

fn build(changes: &[DeltaChange<'_>]) -> Vec<u8> {
    let mut builder = DeltaBuilder::default();
    builder.start(TREE, BASE);
    changes.iter().for_each(|change| builder.push(*change));
    builder.finish().0.to_vec()
}

fn verify(bytes: &[u8]) -> Result<DeltaRef<'_>, FormatError> {
    DeltaRef::verify(bytes, &pointer_to(bytes), TREE)
}

#[test]
fn golden_bytes() {
    let bytes = build(&CHANGES);
    let mut expected = b"TDLT\x78\x56\x34\x12\x11\0\0\0\0\0\0\0\x40\0\0\0\x04\0\0\0".to_vec();
    expected.extend_from_slice(b"\x01\0\0\0\x09\0empty key");
    expected.extend_from_slice(b"\x02\0\x01\0\0\0a");
    expected.extend_from_slice(b"\x01\0\x02\0\0\0ab");
    expected.extend_from_slice(b"\x01\0\x01\0\x03\0bxyz");
    assert_eq!(bytes, expected);
    let delta = verify(&bytes).unwrap();
    assert_eq!(delta.count(), 4);
    assert_eq!(delta.changes().collect::<Vec<_>>(), CHANGES);
}

#[test]
fn a_builder_is_used_again() {
    let mut builder = DeltaBuilder::default();
    builder.start(TREE, Checksum::new(1));
    builder.push(CHANGES[3]);
    let _ = builder.finish();
    builder.start(TREE, BASE);
    CHANGES.iter().for_each(|change| builder.push(*change));
    assert_eq!(builder.finish().0, build(&CHANGES));
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = build(&CHANGES);
    let pointer = pointer_to(&bytes);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = DeltaRef::verify(&flipped, &pointer, TREE).unwrap_err();
        assert!(
            matches!(error, FormatError::Checksum { .. }),
            "bit {bit}: {error}"
        );
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = build(&CHANGES);
    let pointer = pointer_to(&bytes);
    for length in 0..bytes.len() {
        assert!(
            DeltaRef::verify(&bytes[..length], &pointer, TREE).is_err(),
            "{length}"
        );
        assert!(verify(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let good = build(&CHANGES);
    let wrong = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        verify(&bytes).unwrap_err()
    };
    assert!(matches!(wrong(0, b'X'), FormatError::BadMagic { .. }));
    assert!(matches!(
        wrong(4, 0),
        FormatError::Misplaced {
            name: "base_crc32c",
            ..
        }
    ));
    assert!(matches!(
        wrong(8, 18),
        FormatError::Misplaced { name: "tree", .. }
    ));
    for (at, value) in [
        (16, 63),
        (20, 3),
        (20, 5),
        (24, 0),
        (24, 3),
        (25, 1),
        (26, 1),
        (27, 8),
    ] {
        let error = wrong(at, value);
        let expected = matches!(
            error,
            FormatError::Field { .. } | FormatError::Truncated { .. }
        );
        assert!(expected, "byte {at} = {value}: {error}");
    }
    let reversed: Vec<_> = build(&CHANGES[..2])[..24].to_vec();
    let mut bytes = reversed;
    bytes.extend_from_slice(b"\x02\0\x01\0\0\0b\x02\0\x01\0\0\0b");
    bytes[16] = u8::try_from(bytes.len()).unwrap();
    assert!(matches!(
        verify(&bytes),
        Err(FormatError::Field {
            name: "changes",
            ..
        })
    ));
}

#[test]
fn of_another_tree_base_or_length_is_refused() {
    let bytes = build(&CHANGES);
    let pointer = pointer_to(&bytes);
    assert!(DeltaRef::verify(&bytes, &pointer, DatasetId::POOL).is_err());
    let other = PagePointer {
        checksum: Checksum::new(9),
        ..pointer
    };
    assert!(DeltaRef::verify(&bytes, &other, TREE).is_err());
    let none = PagePointer {
        delta: None,
        ..pointer
    };
    assert!(DeltaRef::verify(&bytes, &none, TREE).is_err());
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(DeltaRef::verify(&longer, &pointer, TREE).is_err());
}

#[test]
#[should_panic(expected = "ascend")]
fn unsorted_changes_are_not_written() {
    build(&[CHANGES[1], CHANGES[0]]);
}

#[test]
#[should_panic(expected = "delta of")]
fn too_long_a_delta_is_not_written() {
    build(&[DeltaChange {
        key: b"k",
        value: Some(&[0; DELTA_BYTES_MAX - 30]),
    }]);
}

proptest! {
    #[test]
    fn any_bytes_behind_a_right_checksum_decode_or_err(
        tail in proptest::collection::vec(any::<u8>(), 0..200),
        count in 0..6_u32,
        small in any::<bool>(),
    ) {
        let mut bytes = build(&[]);
        // Small numbers look like lengths and kinds more often than noise does.
        bytes.extend(tail.iter().map(|byte| if small { byte % 3 } else { *byte }));
        let length = to_u32(bytes.len());
        bytes[16..20].copy_from_slice(&length.to_le_bytes());
        bytes[20..24].copy_from_slice(&count.to_le_bytes());
        if let Ok(delta) = verify(&bytes) {
            assert_eq!(build(&delta.changes().collect::<Vec<_>>()), bytes);
        }
    }
}
