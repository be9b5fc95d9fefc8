use engine_base::limits::PAGE_BYTES;
use proptest::prelude::{any, prop, proptest};

use super::{SEGMENT_ENTRIES_MAX, SegmentEntry, SegmentTablePage};
use crate::testing::{Golden, notices_every_flipped_bit, refused};
use crate::{CheckpointId, FormatError, samples};

fn decode(bytes: &[u8]) -> Result<SegmentTablePage, FormatError> {
    SegmentTablePage::decode(
        bytes.try_into().unwrap(),
        samples::segment_table().checkpoint,
    )
}

fn golden() -> Vec<u8> {
    let written_live = "24232201 24232200";
    Golden::zeroed(PAGE_BYTES)
        .at(0, "54534754 06000000 4847464544434241")
        .at(
            16,
            "0101000000000000 00000100 b1b2b3b4 0201000000000000 00000200 40000000",
        )
        .at(48, "0301000000000000 08500000 d1d2d3d4")
        .at(
            64,
            &format!("0807060504030201 14131211 01 02 0000 {written_live}"),
        )
        .at(88, "3837363534333231")
        .at(
            96,
            &format!("0807060504030201 14131211 02 01 0000 {written_live}"),
        )
        .at(
            128,
            &format!("0807060504030201 14131211 01 03 0000 {written_live}"),
        )
        .at(152, "3837363534333231")
        .at(
            160,
            &format!("0807060504030201 14131211 03 01 0000 {written_live}"),
        )
        .at(
            192,
            &format!("0807060504030201 14131211 01 04 0000 {written_live}"),
        )
        .at(216, "3837363534333231")
        .at(
            224,
            &format!("0807060504030201 ffffffff 01 05 0000 {written_live}"),
        )
        .at(248, "3837363534333231")
        .bytes()
}

#[test]
fn golden_bytes() {
    assert_eq!(samples::segment_table().encode()[..], golden());
    assert_eq!(decode(&golden()), Ok(samples::segment_table()));
}

#[test]
fn every_flipped_bit_is_noticed() {
    notices_every_flipped_bit(&golden(), decode);
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |at: usize, with: &[u8]| {
        let mut bytes = golden();
        bytes[at..at + with.len()].copy_from_slice(with);
        refused(decode(&bytes))
    };
    assert_eq!(wrong(0, b"X"), "magic");
    assert_eq!(wrong(4, &[5]), "unused entries");
    assert_eq!(wrong(4, &[7]), "segment");
    assert_eq!(wrong(4, &[0xff, 0x01]), "count");
    assert_eq!(wrong(4, &[0xff; 4]), "count");
    assert_eq!(wrong(8, &[0x47]), "checkpoint");
    assert_eq!(wrong(16, &[0; 8]), "rest of a pointer to no page");
    assert_eq!(wrong(64, &[0; 8]), "segment");
    assert_eq!(wrong(76, &[0]), "kind");
    assert_eq!(wrong(76, &[4]), "kind");
    assert_eq!(wrong(76, &[2]), "last_lsn");
    assert_eq!(wrong(76, &[3]), "last_lsn");
    assert_eq!(wrong(77, &[0]), "state");
    assert_eq!(wrong(77, &[5]), "slot");
    assert_eq!(wrong(77, &[6]), "state");
    assert_eq!(wrong(72, &[0xff; 4]), "slot");
    assert_eq!(wrong(109, &[4]), "state");
    assert_eq!(wrong(104, &[0xff; 4]), "slot");
    assert_eq!(wrong(232, &[0; 4]), "slot");
    assert_eq!(wrong(78, &[16]), "live_excess");
    assert_eq!(wrong(79, &[1]), "reserved");
    assert_eq!(wrong(80, &[1, 0, 0, 0x40]), "written_bytes");
    assert_eq!(wrong(84, &[0x25, 0x23, 0x22, 0x01]), "live_bytes");
    assert_eq!(wrong(PAGE_BYTES - 1, &[1]), "unused entries");
}

#[test]
fn a_page_holds_510_entries() {
    let entry = samples::segment_table().entries[0];
    let page = SegmentTablePage {
        checkpoint: CheckpointId::FIRST,
        next: None,
        entries: vec![entry; SEGMENT_ENTRIES_MAX],
    };
    let bytes = page.encode();
    assert_eq!(
        SegmentTablePage::decode(&bytes, CheckpointId::FIRST),
        Ok(page)
    );
}

#[test]
#[should_panic(expected = "refusing to write a segment table")]
fn what_could_not_be_read_is_not_encoded() {
    let mut page = samples::segment_table();
    let entry = &mut page.entries[0];
    *entry = SegmentEntry {
        live_bytes: entry.written_bytes + 1,
        ..*entry
    };
    let _ = page.encode();
}

proptest! {
    #[test]
    fn what_is_accepted_is_the_one_form(
        at in 0usize..280,
        with in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut bytes = golden();
        bytes[at..at + with.len()].copy_from_slice(&with);
        if let Ok(page) = decode(&bytes) {
            assert_eq!(page.encode()[..], bytes);
        }
        let random: Vec<u8> = with.iter().copied().cycle().take(PAGE_BYTES).collect();
        assert!(decode(&random).is_err());
    }
}
