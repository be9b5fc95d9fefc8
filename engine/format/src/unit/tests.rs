use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};

use super::{compress_unit, decompress_unit};
use crate::{FormatError, UNIT_BYTES_MAX, Unit};

/// A unit and its stored blocks.
fn stored(bytes: &[u8]) -> Option<(Unit, Vec<u8>)> {
    compress_unit(bytes, |unit, compressed| {
        let mut stored = compressed.to_vec();
        stored.resize(compressed.len().next_multiple_of(4096), 0);
        (unit, stored)
    })
}

fn back(unit: &Unit, stored: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut bytes = vec![0xaa; unit.bytes() as usize];
    decompress_unit(unit, stored, &mut bytes).map(|()| bytes)
}

/// Random bytes of a seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn golden_bytes() {
    let (unit, stored) = stored(&[7; 8192]).unwrap();
    // One literal, a match of 8,186 bytes one before, five literals.
    let mut golden = vec![0x1f, 7, 1, 0];
    golden.extend([0xff; 32]);
    golden.push(7);
    golden.extend([0x50, 7, 7, 7, 7, 7]);
    assert_eq!(stored.len(), 4096);
    assert_eq!(back(&unit, &stored), Ok(vec![7; 8192]));
    let length = golden.len();
    golden.resize(4096, 0);
    let fixed = Unit::new("test", 8192, u32::try_from(length).unwrap()).unwrap();
    assert_eq!(back(&fixed, &golden), Ok(vec![7; 8192]));
}

#[test]
fn what_saves_no_block_is_not_compressed() {
    assert!(stored(&[]).is_none());
    assert!(stored(&[0; 4096]).is_none(), "there is no smaller place");
    assert!(stored(&[0; 4097]).is_some());
    assert!(stored(&noise(1, UNIT_BYTES_MAX)).is_none());
    let mut half = noise(2, 4096);
    half.resize(8192, 0);
    assert!(stored(&half).is_none(), "just over a block");
}

#[test]
#[should_panic(expected = "a unit is 64 KiB at most")]
fn more_than_a_unit_is_refused() {
    let _ = stored(&vec![0; UNIT_BYTES_MAX + 1]);
}

#[test]
fn a_full_unit_of_zeroes_takes_a_block() {
    let (unit, stored) = stored(&vec![0; UNIT_BYTES_MAX]).unwrap();
    assert_eq!(
        (unit.bytes(), unit.blocks(), stored.len()),
        (65_536, 1, 4096)
    );
    assert_eq!(back(&unit, &stored), Ok(vec![0; UNIT_BYTES_MAX]));
}

/// Checksums are verified before: this is about the decoder alone.
#[test]
fn no_flipped_bit_makes_the_decoder_panic_or_take_another_length() {
    let mut bytes = noise(3, 3000);
    bytes.extend(b"some words that come again ".repeat(200));
    let (unit, stored) = stored(&bytes).unwrap();
    let compressed = usize::from(unit.stored());
    for bit in 0..compressed * 8 {
        let mut damaged = stored.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = back(&unit, &damaged);
    }
    for at in compressed..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] = 1;
        assert!(back(&unit, &damaged).is_err(), "padding at {at}");
    }
    for length in 0..compressed {
        assert!(back(&unit, &stored[..length]).is_err(), "cut at {length}");
    }
    let shorter = Unit::new("test", unit.bytes() - 1, unit.stored().into()).unwrap();
    let longer = Unit::new("test", unit.bytes() + 1, unit.stored().into()).unwrap();
    assert!(back(&shorter, &stored).is_err());
    assert!(back(&longer, &stored).is_err());
    let mut short = vec![0; bytes.len() - 1];
    assert!(decompress_unit(&unit, &stored, &mut short).is_err());
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u64>(), 1usize..9000).prop_map(|(seed, length)| noise(seed, length)),
        (any::<u8>(), 1usize..20_000).prop_map(|(byte, length)| vec![byte; length]),
        (any::<u64>(), 1usize..30, 1usize..500)
            .prop_map(|(seed, length, times)| noise(seed, length).repeat(times)),
    ];
    let all = prop::collection::vec(piece, 1..8);
    all.prop_map(|pieces| {
        let mut bytes = pieces.concat();
        bytes.truncate(UNIT_BYTES_MAX);
        bytes
    })
}

proptest! {
    #[test]
    fn round_trip(bytes in pieces()) {
        if let Some((unit, stored)) = stored(&bytes) {
            assert_eq!(unit.bytes() as usize, bytes.len());
            assert!(stored.len() < bytes.len().next_multiple_of(4096));
            assert!(back(&unit, &stored) == Ok(bytes));
        }
    }

    /// Whatever is there and whatever it should be.
    #[test]
    fn the_decoder_takes_any_bytes(
        stored in prop_oneof![prop::collection::vec(any::<u8>(), 0..9000), pieces()],
        bytes in 4097u32..=65_536,
        length in 1u32..9000,
    ) {
        if let Ok(unit) = Unit::new("test", bytes, length) {
            let _ = back(&unit, &stored);
        }
    }

    /// A valid stream with bytes replaced gets far into the decoder.
    #[test]
    fn the_decoder_takes_spoilt_streams(
        bytes in pieces(),
        spoil in prop::collection::vec((any::<u16>(), any::<u8>()), 1..8),
    ) {
        if let Some((unit, mut stored)) = stored(&bytes) {
            for (at, byte) in spoil {
                stored[usize::from(at) % usize::from(unit.stored())] = byte;
            }
            let _ = back(&unit, &stored);
        }
    }
}
