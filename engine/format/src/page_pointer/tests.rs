use engine_base::{Checksum, Location, SegmentId};
use proptest::prelude::{any, proptest};

use super::{DeltaPointer, PAGE_POINTER_BYTES, PagePointer};
use crate::FormatError;

fn location(segment: u64, offset: u32) -> Location {
    Location {
        segment: SegmentId::new(segment).unwrap(),
        offset,
    }
}

fn full() -> PagePointer {
    PagePointer {
        base: location(0x0102_0304_0506_0708, 0x0010_2000),
        checksum: Checksum::new(0xaabb_ccdd),
        copy: Some(location(0x11, 0x4000)),
        delta: Some(DeltaPointer {
            location: location(0x22, 0x5008),
            bytes: 0x123,
            checksum: Checksum::new(0x0bad_cafe),
        }),
    }
}

#[test]
fn golden_bytes() {
    let expected: [u8; PAGE_POINTER_BYTES] = [
        8, 7, 6, 5, 4, 3, 2, 1, 0, 0x20, 0x10, 0, 0xdd, 0xcc, 0xbb, 0xaa, // page
        0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, // copy
        0x23, 1, 0, 0, 0x22, 0, 0, 0, 0, 0, 0, 0, 8, 0x50, 0, 0, 0xfe, 0xca, 0xad, 0x0b,
    ];
    assert_eq!(full().encode(), expected);
    assert_eq!(PagePointer::decode(&expected), Ok(full()));
}

fn field_refused(bytes: &[u8]) -> &'static str {
    match PagePointer::decode_option(bytes) {
        Err(FormatError::Field { name, .. }) => name,
        other => panic!("{bytes:02x?} gave {other:?}"),
    }
}

#[test]
fn no_page_is_all_zero() {
    let zero = PagePointer::encode_option(&None);
    assert_eq!(zero, [0; PAGE_POINTER_BYTES]);
    assert_eq!(PagePointer::decode_option(&zero), Ok(None));
    assert!(PagePointer::decode(&zero).is_err());
    for byte in 8..PAGE_POINTER_BYTES {
        let mut bytes = zero;
        bytes[byte] = 1;
        assert_eq!(field_refused(&bytes), "rest of a pointer to no page");
    }
}

fn refused(change: impl FnOnce(&mut PagePointer)) -> &'static str {
    let mut pointer = full();
    change(&mut pointer);
    field_refused(&pointer.encode())
}

#[test]
fn impossible_pointers_are_refused() {
    assert_eq!(refused(|pointer| pointer.base.offset = 4095), "offset");
    assert_eq!(
        refused(|pointer| pointer.base.offset = (1 << 30) - 16383),
        "offset"
    );
    assert_eq!(
        refused(|pointer| pointer.copy = Some(location(1, 0))),
        "copy_offset"
    );
    assert_eq!(
        refused(|pointer| pointer.copy = Some(pointer.base)),
        "copy_offset"
    );
    for offset in [8, 4095, 0x5001, u32::MAX - 7] {
        let change = |pointer: &mut PagePointer| {
            pointer.delta.as_mut().unwrap().location.offset = offset;
        };
        assert_eq!(refused(change), "delta_offset");
    }
    for bytes in [0, 1, 23, 4097, u32::MAX] {
        let change = |pointer: &mut PagePointer| pointer.delta.as_mut().unwrap().bytes = bytes;
        assert_eq!(refused(change), "delta_bytes");
    }
}

#[test]
fn half_filled_pointers_are_refused() {
    let mut bytes = full().encode();
    bytes[16..24].fill(0);
    assert_eq!(field_refused(&bytes), "copy_offset");
    let mut bytes = full().encode();
    bytes[32..40].fill(0);
    assert_eq!(field_refused(&bytes), "delta_bytes");
    for (byte, name) in [(40, "delta_offset"), (44, "delta_crc32c")] {
        let mut bytes = PagePointer {
            delta: None,
            ..full()
        }
        .encode();
        bytes[byte] = 1;
        assert_eq!(field_refused(&bytes), name);
    }
}

#[test]
fn parts_are_page_copy_and_delta() {
    let parts: Vec<_> = full().parts().map(|(_, bytes)| bytes).collect();
    assert_eq!(parts, [16384, 16384, 0x123]);
}

proptest! {
    #[test]
    fn what_decodes_encodes_to_the_same_bytes(bytes in any::<[u8; 32]>(), mask in any::<u8>()) {
        // Raw noise is nearly always out of place: aim the offsets at real ones.
        let mut raw = full().encode();
        for (at, byte) in bytes.iter().enumerate() {
            if mask & (1 << (at % 8)) != 0 {
                raw[at % 48] = *byte;
            }
        }
        if let Ok(pointer) = PagePointer::decode_option(&raw) {
            assert_eq!(PagePointer::encode_option(&pointer), raw);
        }
    }

    #[test]
    fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = PagePointer::decode_option(&bytes);
    }
}
