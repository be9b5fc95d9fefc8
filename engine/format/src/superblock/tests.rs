use engine_base::{EpochId, Location, SegmentId, Slot};
use proptest::prelude::{any, prop, proptest};

use super::{SUPERBLOCK_BYTES, Superblock, superblock_offset};
use crate::testing::{
    Golden, reference_crc32c, refused, refuses_every_flipped_bit, refuses_every_torn_write,
};
use crate::{CheckpointId, FormatError, samples};

fn decode(bytes: &[u8]) -> Result<Superblock, FormatError> {
    Superblock::decode(bytes.try_into().unwrap(), 1)
}

/// The sample with other bytes at `at` and the checksum that fits them.
fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = samples::superblock().encode(1).to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    let crc = reference_crc32c(&bytes[12..]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn golden() -> Vec<u8> {
    let pointer = "0101000000000000 00000100 b1b2b3b4 0201000000000000 00000200";
    Golden::zeroed(4096)
        .at(0, "54 52 45 46 4f 49 4c 1a")
        .at(8, "8fd2d7f5")
        .at(12, "01000000")
        .at(40, "11111111111111111111111111111111")
        .at(56, "22222222222222222222222222222222")
        .at(72, "01000000")
        .at(80, "0807060504030201")
        .at(88, "1817161514131211")
        .at(96, "33333333333333333333333333333333")
        .at(112, "44444444444444444444444444444444")
        .at(128, "0000000400000000")
        .at(136, "03020000 21000000 0608000000000000 00300201 c1c2c3c4")
        .at(160, "0908000000000000 7700000000000000 2827262524232221")
        .at(
            184,
            &format!("{pointer} 40000000 0301000000000000 08500000 d1d2d3d4"),
        )
        .at(232, pointer)
        .at(280, "0101000000000000 00000100 b1b2b3b4")
        .at(328, "0708000000000000 31000000 41000000")
        .bytes()
}

#[test]
fn golden_bytes() {
    let bytes = golden();
    assert_eq!(bytes[8..12], reference_crc32c(&bytes[12..]).to_le_bytes());
    assert_eq!(samples::superblock().encode(1)[..], bytes);
    assert_eq!(decode(&bytes), Ok(samples::superblock()));
}

#[test]
fn every_flipped_bit_is_refused() {
    refuses_every_flipped_bit(&golden(), decode);
}

#[test]
fn every_torn_write_is_refused() {
    let old = Superblock {
        checkpoint: CheckpointId::FIRST,
        ..samples::superblock()
    };
    let old = old.encode(1);
    refuses_every_torn_write(&golden(), &old, decode);
    refuses_every_torn_write(&golden(), &[0; SUPERBLOCK_BYTES], decode);
}

#[test]
fn the_copies_lie_in_both_halves_of_the_label_and_are_not_exchanged() {
    assert_eq!(superblock_offset(0), 0);
    assert_eq!(superblock_offset(1), 524_288);
    let copy = samples::superblock().encode(0);
    assert_eq!(Superblock::decode(&copy, 0), Ok(samples::superblock()));
    assert_eq!(refused(Superblock::decode(&copy, 1)), "copy");
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let wrong = |at, with: &[u8]| refused(decode(&patched(at, with)));
    assert_eq!(wrong(0, b"X"), "magic");
    assert_eq!(wrong(12, &[2]), "version");
    assert_eq!(wrong(12, &[0]), "version");
    assert_eq!(wrong(39, &[128]), "features_incompatible");
    assert_eq!(wrong(40, &[0; 16]), "pool_id");
    assert_eq!(wrong(56, &[0; 16]), "device_id");
    assert_eq!(wrong(72, &[0]), "copy");
    assert_eq!(wrong(76, &[1]), "reserved");
    assert_eq!(wrong(96, &[0; 16]), "epoch");
    assert_eq!(wrong(128, &(1u64 << 20).to_le_bytes()), "segment_bytes");
    assert_eq!(wrong(128, &(1u64 << 31).to_le_bytes()), "segment_bytes");
    assert_eq!(wrong(128, &(3u64 << 20).to_le_bytes()), "segment_bytes");
    assert_eq!(wrong(128, &(1u64 << 32).to_le_bytes()), "segment_bytes");
    assert_eq!(wrong(136, &[31, 0]), "slots");
    assert_eq!(wrong(140, &[3, 2]), "journal_slot");
    assert_eq!(wrong(144, &[0; 8]), "journal_segment");
    assert_eq!(wrong(152, &[0; 4]), "journal_offset");
    assert_eq!(wrong(152, &[1]), "journal_offset");
    assert_eq!(
        wrong(152, &((64u32 << 20) + 4096).to_le_bytes()),
        "journal_offset"
    );
    assert_eq!(wrong(160, &[0; 8]), "next_segment");
    assert_eq!(wrong(160, &[7]), "next_segment");
    assert_eq!(wrong(168, &[15]), "next_dataset");
    assert_eq!(wrong(184, &[0; 8]), "rest of a pointer to no page");
    assert_eq!(wrong(280, &[0; 48]), "segment_table_slot");
    assert_eq!(wrong(328, &[6]), "journal_next_segment");
    assert_eq!(wrong(328, &[0; 8]), "journal_next_slot");
    assert_eq!(wrong(336, &[3, 2]), "journal_next_slot");
    assert_eq!(wrong(340, &[3, 2]), "segment_table_slot");
    assert_eq!(wrong(344, &[1]), "reserved");
    assert_eq!(wrong(4095, &[1]), "reserved");
}

#[test]
fn the_journal_may_go_on_at_the_end_of_its_segment() {
    let end = patched(152, &(64u32 << 20).to_le_bytes());
    assert_eq!(decode(&end).unwrap().journal.location.offset, 64 << 20);
}

#[test]
fn features_that_may_be_ignored_are_kept() {
    let bytes = patched(16, &[5]);
    let superblock = decode(&bytes).unwrap();
    assert!(!superblock.is_read_only());
    assert_eq!(superblock.encode(1)[..], bytes);
    let superblock = decode(&patched(24, &[8])).unwrap();
    assert!(superblock.is_read_only());
}

#[test]
#[should_panic(expected = "refusing to write a superblock")]
fn what_could_not_be_opened_is_not_encoded() {
    let mut superblock = samples::superblock();
    superblock.journal.slot = Slot::new(superblock.slots);
    let _ = superblock.encode(0);
}

proptest! {
    #[test]
    fn round_trip(
        (numbers, slots, copy) in (any::<[u64; 4]>(), 32u32.., 0u8..2),
        (shift, block) in (21u32..=30, 1u32..=512),
        (id, parent) in (1u64..u64::MAX, any::<[u8; 16]>()),
    ) {
        let parent = EpochId::new(parent);
        let mut superblock = samples::superblock();
        superblock.checkpoint = CheckpointId::new(numbers[0]);
        superblock.lsn = engine_base::Lsn::new(numbers[1]);
        superblock.created_unix_nanos = numbers[2];
        superblock.features_compatible = numbers[3];
        superblock.slots = slots;
        superblock.segment_bytes = 1 << shift;
        superblock.parent_epoch = (parent != EpochId::NONE).then_some(parent);
        let segment = SegmentId::new(id).unwrap();
        superblock.journal.slot = Slot::new(slots - 1);
        superblock.journal.location = Location { segment, offset: block * 4096 };
        superblock.journal.successor = None;
        superblock.next_segment = segment.next();
        let bytes = superblock.encode(copy);
        assert_eq!(Superblock::decode(&bytes, copy), Ok(superblock));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), SUPERBLOCK_BYTES),
        at in 12usize..400,
        value in any::<[u8; 8]>(),
    ) {
        decode(&bytes).unwrap_err();
        let _ = decode(&patched(at, &value));
    }
}
