use engine_base::limits::VOLUME_BYTES_MAX;
use engine_base::{ByteCount, DatasetId};
use proptest::prelude::{any, prop, proptest};

use super::{
    Above, DatasetKind, DatasetName, DatasetRecord, DatasetState, Descent, Encryption, dataset_key,
    dataset_of_key,
};
use crate::samples;
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};

const GOLDEN: &str = concat!(
    "01 01 01 00 0006050403020100 0006050403020000 2827262524232221 0700 0000",
    "6469736b2dc3a9",
);

#[test]
fn golden_bytes() {
    let bytes = unhex(GOLDEN);
    assert_eq!(samples::dataset_record().encode(), bytes);
    assert_eq!(DatasetRecord::decode(&bytes), Ok(samples::dataset_record()));
    let record = DatasetRecord {
        cleanup_from: None,
        ..samples::dataset_record()
    };
    assert_eq!(record.encode()[12..20], [0xff; 8]);
    assert_eq!(DatasetRecord::decode(&record.encode()), Ok(record));
}

#[test]
fn encryption_is_said_in_one_byte() {
    let record = DatasetRecord {
        encryption: Encryption::Aes256Gcm,
        ..samples::dataset_record()
    };
    let mut bytes = unhex(GOLDEN);
    bytes[30] = 1;
    assert_eq!(record.encode(), bytes);
    assert_eq!(DatasetRecord::decode(&bytes), Ok(record));
    bytes[30] = 2;
    assert_eq!(refused(DatasetRecord::decode(&bytes)), "encryption");
    let mut bucket = unhex(REVERTED);
    bucket[30] = 1;
    assert_eq!(refused(DatasetRecord::decode(&bucket)), "encryption");
    bytes[30..32].copy_from_slice(&[0, 1]);
    assert_eq!(refused(DatasetRecord::decode(&bytes)), "reserved");
}

const KEPT: &str = concat!(
    "02 01 03 00 0006050403020100 ffffffffffffffff 2827262524232221 0700 0000",
    "1000000000000000 1100000000000000 1200000000000000 1300000000000000 0807060504030201",
    "6469736b2dc3a9",
);

fn snapshot() -> DatasetRecord {
    DatasetRecord {
        state: DatasetState::Snapshot,
        cleanup_from: None,
        descent: Some(Descent {
            family: DatasetId::new(16),
            lineage: DatasetId::new(17),
            parent: Some(DatasetId::new(18)),
            head: Some(DatasetId::new(19)),
            released: 0x0102_0304_0506_0708,
            above: Above::default(),
        }),
        ..samples::dataset_record()
    }
}

#[test]
fn golden_bytes_of_a_snapshot() {
    let bytes = unhex(KEPT);
    assert_eq!(snapshot().encode(), bytes);
    assert_eq!(DatasetRecord::decode(&bytes), Ok(snapshot()));
    notices_every_flipped_bit(&bytes, DatasetRecord::decode);
    refuses_every_truncation(&bytes, DatasetRecord::decode);
    let wrong = |at: usize, with: u8| {
        let mut bytes = unhex(KEPT);
        bytes[at] = with;
        refused(DatasetRecord::decode(&bytes))
    };
    assert_eq!(wrong(2, 1), "head");
    assert_eq!(wrong(32, 0), "family");
    assert_eq!(wrong(40, 2), "lineage");
    assert_eq!(wrong(48, 15), "parent");
    assert_eq!(wrong(56, 0), "head");
}

const REVERTED: &str = concat!(
    "03 02 01 00 0000000000000000 ffffffffffffffff 2827262524232221 0700 0000",
    "1000000000000000 1100000000000000 1200000000000000 0000000000000000 0000000000000000",
    "1817161514131211 3837363534333231 6469736b2dc3a9",
);

#[test]
fn golden_bytes_of_a_bucket_that_was_reverted() {
    let descent = snapshot().descent.map(|descent| Descent {
        head: None,
        released: 0,
        above: Above {
            inode: 0x1112_1314_1516_1718,
            changes: 0x3132_3334_3536_3738,
        },
        ..descent
    });
    let record = DatasetRecord {
        kind: DatasetKind::Bucket,
        state: DatasetState::Live,
        size: ByteCount::ZERO,
        descent,
        ..snapshot()
    };
    let bytes = unhex(REVERTED);
    assert_eq!(record.encode(), bytes);
    assert_eq!(DatasetRecord::decode(&bytes), Ok(record));
    notices_every_flipped_bit(&bytes, DatasetRecord::decode);
    refuses_every_truncation(&bytes, DatasetRecord::decode);
    let mut of_volume = bytes.clone();
    of_volume[1] = 1;
    assert_eq!(refused(DatasetRecord::decode(&of_volume)), "version");
    let mut nothing = bytes;
    nothing[72..88].fill(0);
    assert_eq!(refused(DatasetRecord::decode(&nothing)), "above");
}

#[test]
fn every_flipped_bit_is_noticed_and_every_truncation_is_refused() {
    notices_every_flipped_bit(&unhex(GOLDEN), DatasetRecord::decode);
    refuses_every_truncation(&unhex(GOLDEN), DatasetRecord::decode);
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |at: usize, with: &[u8]| {
        let mut bytes = unhex(GOLDEN);
        bytes[at..at + with.len()].copy_from_slice(with);
        refused(DatasetRecord::decode(&bytes))
    };
    assert_eq!(wrong(0, &[4]), "version");
    assert_eq!(wrong(0, &[2]), "truncated");
    assert_eq!(wrong(1, &[0]), "kind");
    assert_eq!(wrong(1, &[2]), "size");
    assert_eq!(wrong(1, &[3]), "kind");
    assert_eq!(wrong(2, &[0]), "state");
    assert_eq!(wrong(2, &[3]), "head");
    assert_eq!(wrong(2, &[4]), "state");
    assert_eq!(wrong(3, &[2]), "compression");
    assert_eq!(wrong(4, &(VOLUME_BYTES_MAX + 1).to_le_bytes()), "size");
    assert_eq!(wrong(28, &[6]), "name_bytes");
    assert_eq!(wrong(28, &[8]), "truncated");
    assert_eq!(wrong(30, &[2]), "encryption");
    assert_eq!(wrong(31, &[1]), "reserved");
    assert_eq!(wrong(32, b"-"), "name");
    assert_eq!(wrong(33, b"/"), "name");
    assert_eq!(wrong(33, b"\xff"), "name");
    let nameless = [&unhex(GOLDEN)[..28], &[0; 4]].concat();
    assert_eq!(refused(DatasetRecord::decode(&nameless)), "name");
}

#[test]
fn keys_sort_as_the_ids_do() {
    let key = dataset_key(DatasetId::new(0x0102_0304_0506_0708));
    assert_eq!(key, [b'd', 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        dataset_of_key(&key),
        Ok(DatasetId::new(0x0102_0304_0506_0708))
    );
    assert_eq!(refused(dataset_of_key(&key[..8])), "truncated");
    assert_eq!(refused(dataset_of_key(b"e12345678")), "prefix");
}

proptest! {
    #[test]
    fn round_trip(
        size in 0..=VOLUME_BYTES_MAX,
        (cleanup, created, deleting) in (any::<Option<u64>>(), any::<u64>(), any::<bool>()),
        name in "[a-z_][a-zA-Z0-9 .:_-]{0,63}",
    ) {
        let record = DatasetRecord {
            state: if deleting { DatasetState::Deleting } else { DatasetState::Live },
            size: ByteCount::new(size),
            cleanup_from: cleanup.filter(|from| *from != u64::MAX),
            created_unix_nanos: created,
            name: DatasetName::new(&name).unwrap(),
            ..samples::dataset_record()
        };
        assert_eq!(DatasetRecord::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn what_is_accepted_is_the_one_form(
        at in 0usize..39,
        with in prop::collection::vec(any::<u8>(), 1..8),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut golden = unhex(GOLDEN);
        golden.splice(at..golden.len().min(at + with.len()), with);
        for bytes in [golden, bytes] {
            if let Ok(record) = DatasetRecord::decode(&bytes) {
                assert_eq!(record.encode(), bytes);
            }
        }
    }
}
