use proptest::prelude::{any, prop, proptest};

use super::{VARINT_BYTES_MAX, put, take};
use crate::testing::refused;

fn encode(value: u64) -> Vec<u8> {
    let mut bytes = [0; VARINT_BYTES_MAX];
    let left = put(value, &mut bytes).len();
    bytes[..VARINT_BYTES_MAX - left].to_vec()
}

fn decode(bytes: &[u8]) -> Result<(u64, &[u8]), crate::FormatError> {
    take(bytes, "test", "value")
}

#[test]
fn golden_bytes() {
    let golden: [(u64, &[u8]); 6] = [
        (0, &[0]),
        (127, &[0x7f]),
        (128, &[0x80, 0x01]),
        (300, &[0xac, 0x02]),
        (
            1 << 63,
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
        ),
        (
            u64::MAX,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ),
    ];
    for (value, bytes) in golden {
        assert_eq!(encode(value), bytes);
        assert_eq!(decode(bytes), Ok((value, &[][..])));
    }
}

#[test]
fn longer_forms_are_refused() {
    assert_eq!(refused(decode(&[0x80, 0])), "value");
    assert_eq!(refused(decode(&[0xac, 0x82, 0])), "value");
    assert_eq!(
        refused(decode(&[
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2
        ])),
        "value"
    );
    assert_eq!(refused(decode(&[0x80; 11])), "value");
    assert_eq!(refused(decode(&[0x80; 9])), "truncated");
    assert_eq!(refused(decode(&[])), "truncated");
}

proptest! {
    #[test]
    fn round_trip(value in any::<u64>(), shift in 0u32..64, tail in any::<[u8; 2]>()) {
        let value = value >> shift;
        let bytes = [encode(value), tail.to_vec()].concat();
        assert_eq!(decode(&bytes), Ok((value, &tail[..])));
    }

    #[test]
    fn what_is_accepted_is_the_one_form(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
        if let Ok((value, rest)) = decode(&bytes) {
            assert_eq!(encode(value), bytes[..bytes.len() - rest.len()]);
        }
    }
}
