//! The tree: lookups and inserts in memory and beyond it, extents.

use std::sync::Arc;

use benches_micro::{PageStore, Random, Work, number_key};
use criterion::{Criterion, Throughput};
use engine_base::{ByteCount, DatasetId, Location, SegmentId};
use engine_format::{Checksums, Codec, ExtentRef};
use engine_tree::{EntryMap, MemoryBudget, Tree, extent_put};

/// Blocks of 4 KiB: a volume of 800 MiB.
const KEYS: u64 = 200_000;
const VALUE: [u8; 12] = [7; 12];

fn empty(memory: u64) -> (Tree, Arc<MemoryBudget>) {
    let budget = MemoryBudget::new(ByteCount::new(memory));
    let tree = Tree::empty(DatasetId::FIRST_USER, Arc::clone(&budget));
    (tree, budget)
}

/// All keys in a random order, all in memory.
fn resident(seed: u64) -> Tree {
    let (mut tree, _) = empty(1 << 30);
    let random = Random::new(seed);
    for _ in 0..KEYS {
        put(&mut tree, random.below(KEYS));
    }
    tree
}

fn put(tree: &mut Tree, number: u64) {
    tree.put(&number_key(number), &VALUE)
        .expect("all of it is in memory");
}

fn print_entries(tree: &Tree, what: &str) {
    let mut work = Work::default();
    let scanned = tree.scan(&[], |key, value| {
        work.note(key);
        work.note(value);
        std::ops::ControlFlow::Continue(())
    });
    scanned.expect("all of it is in memory");
    work.print(what);
}

pub(crate) fn lookup(criterion: &mut Criterion) {
    let tree = resident(3);
    print_entries(&tree, "tree/lookup");
    let random = Random::new(4);
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(1));
    group.bench_function("lookup", |bencher| {
        bencher.iter(|| {
            let key = number_key(random.below(KEYS));
            tree.get(&key, |value| value.is_some())
        });
    });
    group.finish();
}

pub(crate) fn insert(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(1));
    let (mut tree, random) = (resident(5), Random::new(6));
    print_entries(&tree, "tree/insert-resident");
    group.bench_function("insert-resident", |bencher| {
        // A value that differs, so that each put is a change.
        let mut count = 0_u64;
        bencher.iter(|| {
            count += 1;
            let mut value = VALUE;
            value[..8].copy_from_slice(&count.to_le_bytes());
            let key = number_key(random.below(KEYS));
            tree.put(&key, &value)
        });
    });
    // About a fifth of the tree fits.
    let (mut tree, budget) = empty(1 << 20);
    let mut store = PageStore::new(Arc::clone(&budget));
    let random = Random::new(7);
    let mut insert = |count: u64| {
        let mut value = VALUE;
        value[..8].copy_from_slice(&count.to_le_bytes());
        let key = number_key(random.below(KEYS));
        store.with_pages(&mut tree, |tree| tree.put(&key, &value));
        if !budget.checkpoint_due() {
            return 0;
        }
        let report = store.checkpoint(&mut tree);
        report.written_bytes()
    };
    let mut work = Work::default();
    (0..KEYS).for_each(|count| work.note_number(insert(count)));
    work.print("tree/insert-beyond-memory");
    group.bench_function("insert-beyond-memory", |bencher| {
        let mut count = KEYS;
        bencher.iter(|| {
            count += 1;
            insert(count)
        });
    });
    group.finish();
}

/// One block of data, at a place that depends on `number`.
fn put_extent<M: EntryMap>(tree: &mut M, block: u64, number: u64) -> u64 {
    let checksum = number.to_le_bytes();
    let checksums = Checksums::from_bytes(&checksum[..4]).expect("one checksum");
    let segment = SegmentId::new(1 + number / 4096).expect("above zero");
    let offset = u32::try_from(1 + number % 4096).expect("small") * 4096;
    let location = Location { segment, offset };
    let extent = ExtentRef::new(location, 4096, 0, Codec::None, checksums).expect("it is valid");
    let mut freed = 0;
    let count = &mut |_, bytes: u32| freed += u64::from(bytes);
    let done = extent_put(tree, &[], block * 4096, &extent, count);
    assert!(done.is_ok(), "all of it is in memory");
    freed
}

pub(crate) fn extents(criterion: &mut Criterion) {
    let (mut tree, _) = empty(1 << 30);
    for block in 0..KEYS {
        put_extent(&mut tree, block, block);
    }
    print_entries(&tree, "tree/extent-overwrite");
    let random = Random::new(8);
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(1));
    group.bench_function("extent-overwrite", |bencher| {
        let mut number = KEYS;
        bencher.iter(|| {
            number += 1;
            put_extent(&mut tree, random.below(KEYS), number)
        });
    });
    group.finish();
}
