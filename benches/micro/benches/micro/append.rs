//! Group commit: batches of one block each into the journal of a directory.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use benches_micro::{NothingApplied, Random, Ring, Work};
use criterion::{BatchSize, Criterion, Throughput};
use engine_base::limits::BLOCK_BYTES;
use engine_base::{DatasetId, EpochId, Lsn, PoolId};
use engine_device::{Geometry, OpenMode, PageBuf, open_path};
use engine_format::{BatchBuilder, Codec, ExtentPut};
use engine_log::{BatchData, Commit, Journal, JournalOptions, Poison};

/// Small, so that little of the disk is used; more than may be unsynced.
const GEOMETRY: Geometry = Geometry {
    segment_bytes: 4 << 20,
    slots: 48,
};

fn journal(at: &std::path::Path) -> Journal {
    let mode = OpenMode::Create { capacity: None };
    let device = open_path(at, mode).expect("a new directory").device;
    device.attach(GEOMETRY).expect("a directory has room");
    Journal::start(JournalOptions {
        device,
        geometry: GEOMETRY,
        pool: PoolId::new([1; 16]),
        epoch: EpochId::new([2; 16]),
        lsn: Lsn::ZERO,
        source: Arc::new(Ring::new(GEOMETRY.slots)),
        applier: Arc::new(NothingApplied),
        poison: Arc::new(Poison::default()),
    })
    .expect("the first segment is written")
}

fn batches(count: u64, random: &Random, data: &[u8]) -> Vec<BatchData> {
    let batch = |_| {
        let put = ExtentPut {
            offset: random.below(1 << 20) * 4096,
            bytes: 4096,
            data_offset: 0,
            skip: 0,
            codec: Codec::None,
        };
        let mut builder = BatchBuilder::new();
        builder.extent_put(DatasetId::FIRST_USER, &[], &put, &[7]);
        BatchData {
            mutations: builder.finish().expect("one mutation"),
            data: vec![PageBuf::copy_of(data)],
            streamed: false,
        }
    };
    (0..count).map(batch).collect()
}

/// Commits all of them as one group.
fn commit(journal: &Journal, batches: Vec<BatchData>) -> Lsn {
    let mut cx = Context::from_waker(Waker::noop());
    let plug = journal.plug();
    let mut commits: Vec<Pin<Box<Commit<'_>>>> = Vec::with_capacity(batches.len());
    for batch in batches {
        let mut commit = Box::pin(journal.commit(batch));
        assert!(commit.as_mut().poll(&mut cx).is_pending(), "it is plugged");
        commits.push(commit);
    }
    drop(plug);
    let mut last = Lsn::ZERO;
    for mut commit in commits {
        match commit.as_mut().poll(&mut cx) {
            Poll::Ready(Ok(lsn)) => last = lsn,
            other => panic!("dropping the plug has written the group: {other:?}"),
        }
    }
    last
}

pub(crate) fn groups(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let journal = journal(&directory.path().join("pool"));
    let random = Random::new(9);
    let data = random.bytes(BLOCK_BYTES);
    let mut work = Work::default();
    for count in [1, 8, 64] {
        let batches = batches(count, &random, &data);
        batches.iter().for_each(|batch| work.note(&batch.mutations));
        work.note_number(commit(&journal, batches).get());
    }
    work.print("append");
    let mut group = criterion.benchmark_group("append");
    for count in [1, 8, 64] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("group-of-{count}"), |bencher| {
            bencher.iter_batched(
                || batches(count, &random, &data),
                |batches| commit(&journal, batches),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}
