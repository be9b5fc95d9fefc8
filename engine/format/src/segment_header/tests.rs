use engine_base::{Lsn, PoolId, SegmentId, Slot};
use proptest::prelude::{any, prop, proptest};

use super::{SEGMENT_HEADER_BYTES, SegmentHeader, SegmentKind};
use crate::testing::{
    Golden, reference_crc32c, refused, refuses_every_flipped_bit, refuses_every_torn_write,
};
use crate::{FormatError, samples};

const SLOT: Slot = Slot::new(0x1112_1314);

fn decode(bytes: &[u8]) -> Result<SegmentHeader, FormatError> {
    SegmentHeader::decode(bytes.try_into().unwrap(), samples::POOL, SLOT)
}

fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = samples::segment_header().encode().to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    let crc = reference_crc32c(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn golden() -> Vec<u8> {
    Golden::zeroed(4096)
        .at(0, "54 52 45 46 53 45 47 1a")
        .at(8, "304cec7e")
        .at(12, "01000000")
        .at(16, "11111111111111111111111111111111")
        .at(32, "0807060504030201 14131211 01")
        .at(48, "33333333333333333333333333333333")
        .at(64, "2827262524232221 0707060504030201")
        .bytes()
}

#[test]
fn golden_bytes() {
    let bytes = golden();
    assert_eq!(bytes[8..12], reference_crc32c(&bytes[12..]).to_le_bytes());
    assert_eq!(samples::segment_header().encode()[..], bytes);
    assert_eq!(decode(&bytes), Ok(samples::segment_header()));
}

#[test]
fn every_flipped_bit_is_refused() {
    refuses_every_flipped_bit(&golden(), decode);
}

#[test]
fn every_torn_write_is_refused() {
    let old = SegmentHeader {
        segment: SegmentId::new(9).unwrap(),
        ..samples::segment_header()
    };
    let old = SegmentHeader {
        previous_segment: None,
        ..old
    };
    refuses_every_torn_write(&golden(), &old.encode(), decode);
    refuses_every_torn_write(&golden(), &[0; SEGMENT_HEADER_BYTES], decode);
}

#[test]
fn headers_of_other_slots_and_pools_are_refused() {
    let bytes = samples::segment_header().encode();
    let other_slot = SegmentHeader::decode(&bytes, samples::POOL, Slot::new(7));
    assert_eq!(refused(other_slot), "slot");
    let other_pool = SegmentHeader::decode(&bytes, PoolId::new([0x12; 16]), SLOT);
    assert_eq!(refused(other_pool), "pool_id");
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let wrong = |at, with: &[u8]| refused(decode(&patched(at, with)));
    assert_eq!(wrong(0, b"X"), "magic");
    assert_eq!(wrong(12, &[2]), "version");
    assert_eq!(wrong(16, &[0; 16]), "pool_id");
    assert_eq!(wrong(32, &[0; 8]), "segment");
    assert_eq!(wrong(44, &[0]), "kind");
    assert_eq!(wrong(44, &[4]), "kind");
    assert_eq!(wrong(44, &[2]), "first_lsn");
    assert_eq!(wrong(45, &[1]), "reserved");
    assert_eq!(wrong(48, &[0; 16]), "epoch");
    assert_eq!(wrong(72, &[8]), "previous_segment");
    assert_eq!(wrong(80, &[1]), "reserved");
    assert_eq!(wrong(4095, &[1]), "reserved");
}

#[test]
#[should_panic(expected = "refusing to write a segment header")]
fn what_could_not_be_read_is_not_encoded() {
    let header = SegmentHeader {
        kind: SegmentKind::Index,
        ..samples::segment_header()
    };
    let _ = header.encode();
}

proptest! {
    #[test]
    fn round_trip(
        (id, slot) in (2u64.., any::<u32>()),
        (lsn, journal) in (any::<u64>(), any::<bool>()),
    ) {
        let header = SegmentHeader {
            pool_id: samples::POOL,
            segment: SegmentId::new(id).unwrap(),
            slot: Slot::new(slot),
            kind: if journal { SegmentKind::Journal } else { SegmentKind::Index },
            epoch: samples::EPOCH,
            first_lsn: Lsn::new(if journal { lsn } else { 0 }),
            previous_segment: SegmentId::new(if journal { lsn % id } else { 0 }),
        };
        let decoded = SegmentHeader::decode(&header.encode(), samples::POOL, Slot::new(slot));
        assert_eq!(decoded, Ok(header));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), SEGMENT_HEADER_BYTES),
        at in 12usize..100,
        value in any::<[u8; 8]>(),
    ) {
        decode(&bytes).unwrap_err();
        let _ = decode(&patched(at, &value));
    }
}
