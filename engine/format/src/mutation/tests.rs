use engine_base::{Checksum, DatasetId, Location};
use proptest::prelude::{any, prop, proptest};

use super::MutationRef;
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};
use crate::{
    BatchBuilder, Charge, Checksums, Codec, ExtentPut, ExtentPutRef, ExtentRef, ExtentShareRef,
    FormatError, SealRef, SessionId, Tag, samples,
};

const PUT: &str = "01 00 0300 05000000 1000000000000000 6b6579 76616c7565";
const DELETE: &str = "02 00 0400 00000000 1000000000000000 676f6e65";
const EXTENT_PUT: &str = concat!(
    "03 00 0100 1c000000 1000000000000000 70",
    "0807060504030201 01100000 00200000 3402 00 00 61626364 71727374",
);
const EXTENT_CLEAR: &str = "04 00 0000 10000000 1100000000000000 0010000000000000 0020000000000000";

const TOUCH: &str = concat!(
    "05 00 0100 20000000 1000000000000000 6b",
    "03 000000 0807060504030201 feffffffffffffff fdffffff 04000000 05000000",
);

const EXTENT_SHARE: &str = concat!(
    "06 00 0100 19000000 1000000000000000 70",
    "0807060504030201 0030000000000000 0040000000000000 71",
);

const CHARGE: &str = "08 00 0100 10000000 1000000000000000 6b feffffffffffffff 0300000000000000";

const DATASET: DatasetId = DatasetId::new(0x10);

fn decode(bytes: &[u8]) -> Result<MutationRef<'_>, FormatError> {
    let (mutation, rest) = MutationRef::take(bytes)?;
    assert!(rest.is_empty());
    Ok(mutation)
}

fn extent() -> ExtentPutRef<'static> {
    ExtentPutRef {
        offset: 0x0102_0304_0506_0708,
        bytes: 0x1001,
        data_offset: 0x2000,
        skip: 0x234,
        codec: Codec::None,
        checksums: Checksums::from_bytes(b"abcdqrst").unwrap(),
        seal: None,
    }
}

#[test]
fn golden_bytes() {
    let put = unhex(PUT);
    let expected = MutationRef::Put {
        dataset: DATASET,
        key: b"key",
        value: b"value",
    };
    assert_eq!(decode(&put), Ok(expected));
    let delete = unhex(DELETE);
    assert_eq!(
        decode(&delete),
        Ok(MutationRef::Delete {
            dataset: DATASET,
            key: b"gone"
        })
    );
    let extent_put = unhex(EXTENT_PUT);
    let expected = MutationRef::ExtentPut {
        dataset: DATASET,
        key: b"p",
        extent: extent(),
    };
    assert_eq!(decode(&extent_put), Ok(expected));
    assert_eq!((expected.dataset(), expected.key()), (DATASET, &b"p"[..]));
    let clear = unhex(EXTENT_CLEAR);
    let dataset = DatasetId::new(0x11);
    let expected = MutationRef::ExtentClear {
        dataset,
        key: b"",
        offset: 0x1000,
        bytes: 0x2000,
    };
    assert_eq!(decode(&clear), Ok(expected));
    let share = unhex(EXTENT_SHARE);
    let expected = MutationRef::ExtentShare {
        dataset: DATASET,
        key: b"p",
        share: ExtentShareRef {
            offset: 0x0102_0304_0506_0708,
            bytes: 0x3000,
            source: b"q",
            from: 0x4000,
        },
    };
    assert_eq!(decode(&share), Ok(expected));
    let touch = unhex(TOUCH);
    let expected = MutationRef::Touch {
        dataset: DATASET,
        key: b"k",
        touch: samples::touch(),
    };
    assert_eq!(decode(&touch), Ok(expected));
    let charge = unhex(CHARGE);
    let expected = MutationRef::Charge {
        dataset: DATASET,
        key: b"k",
        charge: Charge {
            bytes: -2,
            inodes: 3,
        },
    };
    assert_eq!(decode(&charge), Ok(expected));
}

#[test]
fn every_flipped_bit_is_noticed_and_every_truncation_is_refused() {
    for text in [
        PUT,
        DELETE,
        EXTENT_PUT,
        EXTENT_CLEAR,
        TOUCH,
        EXTENT_SHARE,
        CHARGE,
    ] {
        let bytes = unhex(text);
        // Some flips shorten the mutation: what is left over then is refused by the batch.
        let whole = |bytes: &[u8]| match MutationRef::take(bytes) {
            Ok((mutation, rest)) => Ok((format!("{mutation:?}"), rest.to_vec())),
            Err(error) => Err(error),
        };
        notices_every_flipped_bit(&bytes, whole);
        refuses_every_truncation(&bytes, whole);
    }
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |text: &str, at: usize, with: &[u8]| {
        let mut bytes = unhex(text);
        bytes[at..at + with.len()].copy_from_slice(with);
        bytes.resize(bytes.len() + 8192, 0);
        match MutationRef::take(&bytes) {
            Ok((mutation, _)) => panic!("accepted: {mutation:?}"),
            Err(error) => refused(Err::<(), _>(error)),
        }
    };
    assert_eq!(wrong(PUT, 0, &[0]), "kind");
    assert_eq!(wrong(PUT, 0, &[9]), "kind");
    assert_eq!(wrong(PUT, 1, &[1]), "reserved");
    assert_eq!(wrong(PUT, 2, &[0x01, 0x05]), "key_bytes");
    assert_eq!(wrong(PUT, 4, &[0x01, 0x10]), "payload_bytes");
    assert_eq!(wrong(PUT, 4, &[0xff; 4]), "payload_bytes");
    assert_eq!(wrong(PUT, 8, &[0; 8]), "dataset");
    assert_eq!(wrong(DELETE, 4, &[1]), "payload_bytes");
    assert_eq!(wrong(CHARGE, 4, &[0x11]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 2, &[0xf9, 0x04]), "key_bytes");
    assert_eq!(wrong(EXTENT_PUT, 4, &[0x13]), "truncated");
    assert_eq!(wrong(EXTENT_PUT, 4, &[0x14]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 4, &[0x1b]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 4, &[0x20]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 4, &[0x1c, 0x04]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 17, &[0xff; 8]), "offset");
    assert_eq!(wrong(EXTENT_PUT, 25, &[0; 4]), "bytes");
    assert_eq!(wrong(EXTENT_PUT, 25, &[1, 0, 0x10, 0]), "bytes");
    assert_eq!(wrong(EXTENT_PUT, 25, &[0xcc, 0x0d]), "payload_bytes");
    assert_eq!(wrong(EXTENT_PUT, 29, &[1]), "data_offset");
    assert_eq!(wrong(EXTENT_PUT, 29, &[0, 0xf0, 0x3f]), "data_offset");
    assert_eq!(wrong(EXTENT_PUT, 29, &[0, 0xf0, 0xff, 0xff]), "data_offset");
    assert_eq!(wrong(EXTENT_PUT, 33, &[0, 0x10]), "skip");
    assert_eq!(wrong(EXTENT_PUT, 35, &[2]), "codec");
    assert_eq!(wrong(EXTENT_PUT, 36, &[1]), "truncated");
    assert_eq!(wrong(EXTENT_PUT, 36, &[2]), "sealed");
    assert_eq!(wrong(EXTENT_CLEAR, 4, &[0x11]), "payload_bytes");
    assert_eq!(wrong(EXTENT_CLEAR, 24, &[0; 8]), "bytes");
    assert_eq!(wrong(EXTENT_CLEAR, 24, &[0xff; 8]), "offset");
}

#[test]
fn golden_bytes_of_a_sealed_extent() {
    // Behind the checksums session 7, number 5, two tags; 44 bytes more of payload.
    let tail = "07000000 0500000000000000 000102030405060708090a0b0c0d0e0f";
    let tail = unhex(&format!("{tail} 101112131415161718191a1b1c1d1e1f"));
    let mut bytes = [unhex(EXTENT_PUT), tail].concat();
    bytes[4] += 44;
    bytes[36] = 1;
    let tags: [Tag; 2] =
        [0, 16].map(|from| std::array::from_fn(|byte| from + u8::try_from(byte).unwrap()));
    let seal = SealRef::new("test", SessionId::new(7).unwrap(), 5, &tags).unwrap();
    let sealed = ExtentPutRef {
        seal: Some(seal),
        ..extent()
    };
    let expected = MutationRef::ExtentPut {
        dataset: DATASET,
        key: b"p",
        extent: sealed,
    };
    assert_eq!(decode(&bytes), Ok(expected));
    let mut builder = BatchBuilder::new();
    let put = ExtentPut {
        offset: sealed.offset,
        bytes: sealed.bytes,
        data_offset: sealed.data_offset,
        skip: sealed.skip,
        codec: sealed.codec,
    };
    let sums: Vec<u32> = sealed.checksums.iter().map(Checksum::get).collect();
    builder.sealed_extent_put(DATASET, b"p", &put, (&sums, Some(seal)));
    assert!(builder.finish().unwrap().ends_with(&bytes));
    assert_eq!(
        sealed.extent(samples::place(7, 0x3000)).unwrap().seal(),
        Some(seal)
    );
    let wrong = |at: usize, with: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = with;
        refused(MutationRef::take(&bytes))
    };
    assert_eq!(wrong(36, 2), "sealed");
    assert_eq!(wrong(36, 0), "payload_bytes");
    assert_eq!(wrong(45, 0), "session");
    let mut short = bytes;
    short.pop();
    short[4] -= 1;
    assert_eq!(refused(MutationRef::take(&short)), "tags");
}

#[test]
fn data_lies_within_the_group() {
    let mutation = MutationRef::ExtentPut {
        dataset: DATASET,
        key: b"",
        extent: extent(),
    };
    assert_eq!(mutation.check_data(0x4000), Ok(()));
    assert_eq!(refused(mutation.check_data(0x3fff)), "data_offset");
    let delete = MutationRef::Delete {
        dataset: DATASET,
        key: b"",
    };
    assert_eq!(delete.check_data(0), Ok(()));
}

#[test]
fn an_extent_lies_behind_the_start_of_the_data() {
    let at = |offset| samples::place(7, offset);
    let checksums = extent().checksums;
    let expected = ExtentRef::new(at(0x5000), 0x1001, 0x234, Codec::None, checksums);
    assert_eq!(extent().extent(at(0x3000)), expected);
    let end = Location {
        offset: (1 << 30) - 0x3000,
        ..at(0)
    };
    assert_eq!(refused(extent().extent(end)), "block");
    let end = Location {
        offset: u32::MAX - 0xfff,
        ..at(0)
    };
    assert_eq!(refused(extent().extent(end)), "data_offset");
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..256),
        kind in 1u8..=8,
        (key, payload) in (0u16..40, 0u32..80),
    ) {
        let mut bytes = bytes;
        let _ = MutationRef::take(&bytes);
        let head = [&[kind, 0][..], &key.to_le_bytes(), &payload.to_le_bytes(), &[1]].concat();
        bytes.splice(..bytes.len().min(head.len()), head);
        let _ = MutationRef::take(&bytes);
    }
}
