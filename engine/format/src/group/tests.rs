use engine_base::{Checksum, Location};
use proptest::prelude::{any, prop, proptest};

use super::{
    GROUP_HEADER_BYTES, GroupHead, GroupHeader, HeadSizes, decode_head, encode_head,
    head_bytes_for, peek_head,
};
use crate::testing::{
    Golden, reference_crc32c, refused, refuses_every_flipped_bit, refuses_every_torn_write,
    refuses_every_truncation,
};
use crate::{FormatError, samples};

fn decode(bytes: &[u8]) -> Result<GroupHead, FormatError> {
    decode_head(bytes, samples::group_place())
}

/// Gives `head` the checksum that fits its bytes, the seed included.
fn seal(head: &mut [u8], place: Location) {
    let mut covered = place.segment.get().to_le_bytes().to_vec();
    covered.extend_from_slice(&place.offset.to_le_bytes());
    covered.extend_from_slice(&head[8..]);
    head[4..8].copy_from_slice(&reference_crc32c(&covered).to_le_bytes());
}

fn patched(at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = samples::group_head();
    bytes[at..at + with.len()].copy_from_slice(with);
    seal(&mut bytes, samples::group_place());
    bytes
}

fn golden() -> Vec<u8> {
    let first = concat!(
        "81000000 0400 0000",
        "01 00 0300 05000000 1000000000000000 6b6579 76616c7565",
        "02 00 0400 00000000 1000000000000000 676f6e65",
        "03 00 0100 1c000000 1000000000000000 70",
        "0807060504030201 01100000 00200000 3402 00 00 61626364 71727374",
        "04 00 0000 10000000 1100000000000000 0010000000000000 0020000000000000",
    );
    let second = "18000000 0100 0000 01 00 0000 00000000 0100000000000000";
    Golden::zeroed(4096)
        .at(0, "54475250 a3c86197")
        .at(8, "1817161514131211")
        .at(16, "33333333333333333333333333333333")
        .at(32, "a1a2a3a4 00100000 00500000 99000000 02000000 34333231")
        .at(56, "0907060504030201 1717161514131211")
        .at(80, first)
        .at(80 + 0x81, second)
        .bytes()
}

#[test]
fn golden_bytes() {
    let bytes = golden();
    let mut sealed = bytes.clone();
    seal(&mut sealed, samples::group_place());
    assert_eq!(sealed, bytes);
    assert_eq!(samples::group_head(), bytes);
    let head = decode(&bytes).unwrap();
    assert_eq!(head.header, samples::group_header());
    assert_eq!(bytes[head.mutations.clone()], samples::mutations());
    assert_eq!(head.checksum.get().to_le_bytes(), bytes[4..8]);
    let sizes = HeadSizes {
        head_bytes: 4096,
        data_bytes: 0x5000,
        mutation_bytes: 0x99,
    };
    assert_eq!(head.sizes, sizes);
    assert_eq!(sizes.group_bytes(), 0x6000);
    assert_eq!(peek_head(&bytes, samples::group_place()), Ok(sizes));
}

#[test]
fn every_flipped_bit_is_refused() {
    refuses_every_flipped_bit(&golden(), decode);
}

#[test]
fn every_truncation_is_refused() {
    refuses_every_truncation(&golden(), decode);
    let longer = [golden(), vec![0xff; 4096]].concat();
    assert_eq!(decode(&longer).unwrap().header, samples::group_header());
}

#[test]
fn every_torn_write_is_refused() {
    let header = GroupHeader {
        chain: Checksum::new(1),
        ..samples::group_header()
    };
    let mut other = vec![0; 4096];
    let mutations: Vec<u8> = samples::mutations();
    encode_head(&header, &mutations, samples::group_place(), &mut other);
    refuses_every_torn_write(&golden(), &other, decode);
    refuses_every_torn_write(&golden(), &[0; 4096], decode);
    refuses_every_torn_write(&golden(), &[0xff; 4096], decode);
}

#[test]
fn a_group_of_another_place_is_refused() {
    let place = samples::group_place();
    let next_segment = Location {
        segment: place.segment.next(),
        ..place
    };
    for elsewhere in [place.advanced(4096), next_segment] {
        assert_eq!(refused(decode_head(&golden(), elsewhere)), "crc32c");
    }
}

#[test]
fn sizes_are_bounded_before_the_checksum_is_known() {
    let place = samples::group_place();
    let wrong = |at: usize, with: &[u8]| {
        let mut bytes = golden();
        bytes[at..at + with.len()].copy_from_slice(with);
        assert_eq!(
            refused(peek_head(&bytes, place)),
            refused(decode_head(&bytes, place))
        );
        refused(peek_head(&bytes, place))
    };
    assert_eq!(wrong(0, b"X"), "magic");
    assert_eq!(wrong(36, &[0, 0x20]), "head_bytes");
    assert_eq!(wrong(36, &[0; 4]), "head_bytes");
    assert_eq!(wrong(40, &[1]), "data_bytes");
    assert_eq!(wrong(40, &[0, 0x10, 0x40, 0]), "data_bytes");
    assert_eq!(wrong(44, &[0x01, 0, 8, 0]), "mutation_bytes");
    assert_eq!(wrong(44, &[0xff; 4]), "mutation_bytes");
    let end = Location {
        offset: (1 << 30) - 0x5000,
        ..place
    };
    assert_eq!(refused(peek_head(&golden(), end)), "data_bytes");
    assert_eq!(refused(peek_head(&[], place)), "truncated");
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let wrong = |at, with: &[u8]| refused(decode(&patched(at, with)));
    assert_eq!(wrong(8, &[0; 8]), "lsn");
    assert_eq!(wrong(16, &[0; 16]), "epoch");
    assert_eq!(wrong(48, &[0]), "batches");
    assert_eq!(wrong(48, &[1]), "batches");
    assert_eq!(wrong(48, &[3]), "batches");
    assert_eq!(wrong(56, &[0; 8]), "next_slot");
    assert_eq!(wrong(56, &[8]), "next_segment");
    assert_eq!(wrong(64, &[0x18]), "durable_lsn");
    assert_eq!(wrong(72, &[1]), "reserved");
    assert_eq!(wrong(40, &[0, 0x30]), "data_offset");
    assert_eq!(wrong(80, &[0x80]), "truncated");
    assert_eq!(wrong(84, &[3]), "bytes");
    assert_eq!(wrong(84, &[5]), "truncated");
    assert_eq!(wrong(86, &[1]), "preconditions");
    assert_eq!(wrong(80 + 0x99, &[1]), "padding");
    assert_eq!(wrong(4095, &[1]), "padding");
}

#[test]
fn an_empty_group_carries_only_what_is_durable() {
    let header = GroupHeader {
        batches: 0,
        data_bytes: 0,
        ..samples::group_header()
    };
    let mut head = vec![0; head_bytes_for(0)];
    assert_eq!(head.len(), 4096);
    let checksum = encode_head(&header, &[], samples::group_place(), &mut head);
    let decoded = decode(&head).unwrap();
    assert_eq!(decoded.header, header);
    assert_eq!(decoded.checksum, checksum);
    assert!(decoded.mutations.is_empty());
}

#[test]
fn heads_are_whole_blocks() {
    let fits = 4096 - GROUP_HEADER_BYTES;
    assert_eq!(head_bytes_for(fits), 4096);
    assert_eq!(head_bytes_for(fits + 1), 8192);
}

#[test]
#[should_panic(expected = "refusing to write a group")]
fn what_could_not_be_read_is_not_encoded() {
    let header = samples::group_header();
    let header = GroupHeader {
        durable_lsn: header.lsn,
        ..header
    };
    let mutations = samples::mutations();
    let mut out = vec![0; head_bytes_for(mutations.len())];
    encode_head(&header, &mutations, samples::group_place(), &mut out);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..8192)) {
        let mut bytes = bytes;
        decode(&bytes).unwrap_err();
        if let Some(magic) = bytes.get_mut(..4) {
            magic.copy_from_slice(b"TGRP");
        }
        let _ = decode(&bytes);
    }

    #[test]
    fn arbitrary_mutations_behind_a_right_checksum_never_panic(
        at in 80usize..80 + 0x99,
        with in prop::collection::vec(any::<u8>(), 1..16),
    ) {
        let _ = decode(&patched(at, &with));
    }
}
