use engine_base::DatasetId;
use engine_base::limits::BATCH_MUTATION_BYTES_MAX;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

use super::{BatchBuilder, ExtentPut, batches, rebase_data_offsets};
use crate::testing::refused;
use crate::{Charge, Codec, ExtentShareRef, FormatError, MutationRef, Touch, samples};

/// A mutation as the model keeps it.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Put(u64, Vec<u8>, Vec<u8>),
    Delete(u64, Vec<u8>),
    ExtentPut(u64, Vec<u8>, ExtentPut, Vec<u32>),
    ExtentClear(u64, Vec<u8>, u64, u64),
    Release(u64, Vec<u8>, u64, u64),
    Touch(u64, Vec<u8>, Touch),
    Charge(u64, Vec<u8>, Charge),
    Share(u64, Vec<u8>, Vec<u8>, [u64; 3]),
}

impl Owned {
    fn add(&self, to: &mut BatchBuilder) {
        match self {
            Self::Put(dataset, key, value) => to.put(DatasetId::new(*dataset), key, value),
            Self::Delete(dataset, key) => to.delete(DatasetId::new(*dataset), key),
            Self::ExtentPut(dataset, key, put, checksums) => {
                to.extent_put(DatasetId::new(*dataset), key, put, checksums);
            }
            Self::ExtentClear(dataset, key, offset, bytes) => {
                to.extent_clear(DatasetId::new(*dataset), key, *offset, *bytes);
            }
            Self::Release(dataset, key, offset, bytes) => {
                to.extent_release(DatasetId::new(*dataset), key, *offset, *bytes);
            }
            Self::Touch(dataset, key, touch) => to.touch(DatasetId::new(*dataset), key, touch),
            Self::Charge(dataset, key, charge) => {
                to.charge(DatasetId::new(*dataset), key, charge);
            }
            Self::Share(dataset, key, source, [offset, bytes, from]) => {
                let share = ExtentShareRef {
                    offset: *offset,
                    bytes: *bytes,
                    source,
                    from: *from,
                };
                to.extent_share(DatasetId::new(*dataset), key, &share);
            }
        }
    }

    fn of(mutation: &MutationRef<'_>) -> Self {
        let (dataset, key) = (mutation.dataset().get(), mutation.key().to_vec());
        match *mutation {
            MutationRef::Put { value, .. } => Self::Put(dataset, key, value.to_vec()),
            MutationRef::Delete { .. } => Self::Delete(dataset, key),
            MutationRef::ExtentPut { extent, .. } => {
                let put = ExtentPut {
                    offset: extent.offset,
                    bytes: extent.bytes,
                    data_offset: extent.data_offset,
                    skip: extent.skip,
                    codec: extent.codec,
                };
                let checksums = extent.checksums.iter().map(|checksum| checksum.get());
                Self::ExtentPut(dataset, key, put, checksums.collect())
            }
            MutationRef::ExtentClear { offset, bytes, .. } => {
                Self::ExtentClear(dataset, key, offset, bytes)
            }
            MutationRef::ExtentRelease { offset, bytes, .. } => {
                Self::Release(dataset, key, offset, bytes)
            }
            MutationRef::Touch { touch, .. } => Self::Touch(dataset, key, touch),
            MutationRef::Charge { charge, .. } => Self::Charge(dataset, key, charge),
            MutationRef::ExtentShare { share, .. } => Self::Share(
                dataset,
                key,
                share.source.to_vec(),
                [share.offset, share.bytes, share.from],
            ),
        }
    }
}

fn encode(mutations: &[Owned]) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    mutations
        .iter()
        .for_each(|mutation| mutation.add(&mut batch));
    assert_eq!(
        (batch.len(), batch.is_empty()),
        (mutations.len(), mutations.is_empty())
    );
    let bytes = batch.bytes();
    let encoded = batch.finish().unwrap();
    assert_eq!(encoded.len(), bytes);
    encoded
}

fn decode(bytes: &[u8]) -> Result<Vec<Vec<Owned>>, FormatError> {
    batches(bytes)
        .map(|batch| {
            batch?
                .mutations()
                .map(|mutation| Ok(Owned::of(&mutation?)))
                .collect()
        })
        .collect()
}

fn extent_put() -> impl Strategy<Value = (ExtentPut, Vec<u32>)> {
    let parts = (
        any::<u32>(),
        1u32..=1 << 20,
        0u32..256,
        0u16..4096,
        any::<u32>(),
    );
    parts.prop_map(|(offset, bytes, block, skip, checksum)| {
        let blocks = (u32::from(skip) + bytes).div_ceil(4096);
        let checksums = (0..blocks)
            .map(|block| checksum.wrapping_add(block))
            .collect();
        let (offset, data_offset) = (offset.into(), block * 4096);
        (
            ExtentPut {
                offset,
                bytes,
                data_offset,
                skip,
                codec: Codec::None,
            },
            checksums,
        )
    })
}

fn mutation() -> impl Strategy<Value = Owned> {
    let id = || (1u64.., prop::collection::vec(any::<u8>(), 0..20));
    let value = prop::collection::vec(any::<u8>(), 0..50);
    prop_oneof![
        (id(), value).prop_map(|((dataset, key), value)| Owned::Put(dataset, key, value)),
        id().prop_map(|(dataset, key)| Owned::Delete(dataset, key)),
        (id(), extent_put())
            .prop_map(|((dataset, key), (put, sums))| Owned::ExtentPut(dataset, key, put, sums)),
        (id(), any::<u32>(), 1u64..1 << 60).prop_map(|((dataset, key), offset, bytes)| {
            Owned::ExtentClear(dataset, key, offset.into(), bytes)
        }),
        (id(), any::<u32>(), 1u64..1 << 60).prop_map(|((dataset, key), offset, bytes)| {
            Owned::Release(dataset, key, offset.into(), bytes)
        }),
    ]
}

#[test]
fn no_bytes_are_no_batches_and_a_batch_may_be_empty() {
    assert_eq!(decode(&[]), Ok(vec![]));
    let empty = BatchBuilder::default().finish().unwrap();
    assert_eq!(empty, [8, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decode(&empty), Ok(vec![vec![]]));
    let batch = batches(&empty).next().unwrap().unwrap();
    assert!(batch.is_empty());
    assert_eq!((batch.len(), batch.as_bytes()), (0, &empty[..]));
}

#[test]
fn every_truncation_is_refused_or_between_two_batches() {
    let bytes = samples::mutations();
    let first = samples::batch().len();
    for length in 1..bytes.len() {
        assert!(
            decode(&bytes[..length]).is_err() != (length == first),
            "{length} bytes"
        );
    }
}

#[test]
fn an_error_is_the_last_item() {
    let mut bytes = samples::batch();
    bytes[4] = 5;
    assert_eq!(
        batches(&bytes).next().unwrap().unwrap().mutations().count(),
        5
    );
    bytes[0] = 0xff;
    bytes.extend_from_slice(&samples::batch());
    assert_eq!(batches(&bytes).count(), 2);
    bytes[6] = 1;
    assert_eq!(batches(&bytes).count(), 1);
}

#[test]
fn batches_over_the_limits_are_refused() {
    let mut batch = BatchBuilder::new();
    let value = [0; 4096];
    while batch.bytes() + 16 + 4096 <= BATCH_MUTATION_BYTES_MAX {
        batch.put(DatasetId::POOL, b"", &value);
    }
    let room = BATCH_MUTATION_BYTES_MAX - batch.bytes() - 16;
    batch.put(DatasetId::POOL, b"", &value[..room]);
    let full = batch.finish().unwrap();
    assert_eq!(full.len(), BATCH_MUTATION_BYTES_MAX);
    assert_eq!(decode(&full).unwrap().len(), 1);
    let mut larger = full.clone();
    larger.push(0);
    larger[..4].copy_from_slice(&(BATCH_MUTATION_BYTES_MAX as u64 + 1).to_le_bytes()[..4]);
    assert_eq!(refused(decode(&larger)), "bytes");
    let mut batch = BatchBuilder::reusing(full);
    (0..64).for_each(|_| batch.put(DatasetId::POOL, b"", &value));
    assert_eq!(refused(batch.finish()), "bytes");
}

#[test]
fn data_offsets_move_within_a_group() {
    let before = decode(&samples::batch()).unwrap().remove(0);
    let mut batch = samples::batch();
    rebase_data_offsets(&mut batch, 0x3000).unwrap();
    let after = decode(&batch).unwrap().remove(0);
    for (before, after) in before.into_iter().zip(after) {
        let expected = match before {
            Owned::ExtentPut(dataset, key, put, sums) => {
                let put = ExtentPut {
                    data_offset: put.data_offset + 0x3000,
                    ..put
                };
                Owned::ExtentPut(dataset, key, put, sums)
            }
            other => other,
        };
        assert_eq!(after, expected);
    }
}

#[test]
fn data_offsets_that_leave_the_group_are_refused() {
    let refuse = |bytes: &mut [u8], add| refused(rebase_data_offsets(bytes, add));
    assert_eq!(refuse(&mut samples::batch(), 1), "data_offset");
    assert_eq!(refuse(&mut samples::batch(), 4 << 20), "data_offset");
    let most = u32::MAX - 0xfff;
    assert_eq!(refuse(&mut samples::batch(), most), "data_offset");
    assert_eq!(refuse(&mut samples::mutations(), 0), "bytes");
    assert_eq!(refuse(&mut [], 0), "truncated");
    let mut trailing = samples::batch();
    trailing[4] = 3;
    assert_eq!(refuse(&mut trailing, 0), "bytes");
}

#[test]
#[should_panic(expected = "refusing to commit a mutation")]
fn a_mutation_that_could_not_be_replayed_is_not_added() {
    BatchBuilder::new().put(DatasetId::POOL, &[0; 1281], b"");
}

#[test]
#[should_panic(expected = "refusing to commit a mutation")]
fn an_extent_without_its_checksums_is_not_added() {
    let put = ExtentPut {
        offset: 0,
        bytes: 4096,
        data_offset: 0,
        skip: 1,
        codec: Codec::None,
    };
    BatchBuilder::new().extent_put(DatasetId::POOL, b"", &put, &[1]);
}

proptest! {
    #[test]
    fn round_trip(
        groups in prop::collection::vec(prop::collection::vec(mutation(), 0..8), 0..4),
        blocks in Just(3u32),
    ) {
        let encoded: Vec<_> = groups.iter().map(|batch| encode(batch)).collect();
        assert_eq!(decode(&encoded.concat()), Ok(groups));
        for mut batch in encoded {
            let original = batch.clone();
            rebase_data_offsets(&mut batch, blocks * 4096).unwrap();
            assert_eq!(decode(&batch).unwrap().len(), 1);
            assert_eq!(batch.len(), original.len());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..400),
        at in 0usize..0x81,
        with in any::<[u8; 4]>(),
        add in any::<u32>(),
    ) {
        let _ = decode(&bytes);
        let _ = rebase_data_offsets(&mut bytes, add);
        let mut bytes = samples::batch();
        let end = bytes.len().min(at + 4);
        bytes[at..end].copy_from_slice(&with[..end - at]);
        let _ = decode(&bytes);
        let _ = rebase_data_offsets(&mut bytes, add);
    }
}
