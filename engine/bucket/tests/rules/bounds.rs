//! However large a file, a directory or a list of uploads is, an operation looks at a few pages at
//! a time and changes it in batches of a bounded size.

use engine_bucket::{
    Ack, Allocate, Bucket, NewKind, Node, ObjectMetadata, Seek, UploadInfo, WriteAt,
};
use engine_pool::{Pool, block_on};

use crate::{OWNER, World, create, put};

/// Pages that one look may keep: of two paths through the tree, and of a stretch of leaves.
const PAGES_MAX: u64 = 10;

/// One block in two: no two of the extents are neighbours.
fn write_scattered(bucket: &Bucket, file: &Node, count: u64) {
    for index in 0..count {
        let at = WriteAt::Byte(index * 8192);
        let data = [u8::try_from(index % 251).unwrap(); 4096];
        block_on(bucket.write(file, at, &data, Ack::Written)).unwrap();
    }
}

fn look_pages(pool: &Pool) -> u64 {
    pool.metrics().look_pages_max
}

#[test]
fn a_file_of_many_extents_is_cut_a_few_pages_at_a_time() {
    let count = 12_000;
    for what in 0..4 {
        let world = World::with(256 << 20, 1 << 20);
        let file = create(&world.bucket, &world.bucket.root(), b"f", NewKind::File);
        write_scattered(&world.bucket, &file, count);
        world.buckets.pool().close().unwrap();
        let world = world.kill();
        let (bucket, root) = (&world.bucket, world.bucket.root());
        let pool = world.buckets.pool();
        let groups = pool.metrics().journal.groups;
        let (file, info) = block_on(bucket.lookup(&root, b"f")).unwrap();
        assert_eq!(info.allocated, count * 4096);
        match what {
            0 => block_on(bucket.truncate(&file, 4096, Ack::Written)).unwrap(),
            1 => {
                let range = 8192..1 << 49;
                let zero = bucket.allocate(&file, range, Allocate::Punch, Ack::Written);
                block_on(zero).unwrap();
                let hole = block_on(bucket.seek(&file, 8192, Seek::Data)).unwrap();
                assert_eq!(hole, None);
            }
            2 => drop(put(bucket, b"f", &[1; 4096])),
            _ => block_on(bucket.unlink(&root, b"f", Ack::Written)).unwrap(),
        }
        block_on(pool.clean_up()).unwrap();
        let left = if what == 3 { 0 } else { 4096 };
        assert_eq!(world.allocated(), left, "{what}");
        if what < 2 {
            let info = block_on(bucket.info(&file)).unwrap();
            assert_eq!(info.allocated, 4096, "{what}");
        }
        let most = look_pages(pool);
        assert!(most <= PAGES_MAX, "{what}: {most} pages in one look");
        // Steps of 256 extents, or of 1 MiB.
        let steps = pool.metrics().journal.groups - groups;
        assert!(steps >= count / 256, "{what}: only {steps} batches");
    }
}

#[test]
fn a_sparse_file_is_passed_over_in_a_few_batches() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    for at in [0, 1 << 40, (1 << 50) - 5000] {
        let at = WriteAt::Byte(at);
        block_on(bucket.write(&file, at, &[1; 5000], Ack::Written)).unwrap();
    }
    let next = block_on(bucket.seek(&file, 10_000, Seek::Data)).unwrap();
    assert_eq!(next, Some(1 << 40));
    let groups = world.buckets.pool().metrics().journal.groups;
    let punch = bucket.allocate(&file, 100..1 << 50, Allocate::Punch, Ack::Written);
    block_on(punch).unwrap();
    let batches = world.buckets.pool().metrics().journal.groups - groups;
    assert!(batches < 12, "{batches} batches");
    let data = block_on(bucket.read(&file, 0, 5000)).unwrap();
    assert!(data[..100] == [1; 100] && data[100..] == [0; 4900]);
}

#[test]
fn names_that_are_not_shown_are_passed_over_a_few_pages_at_a_time() {
    let world = World::with(256 << 20, 1 << 20);
    let long = "x".repeat(256);
    for index in 0..4_000 {
        let key = format!("d/{index:05}{long}").into_bytes();
        let upload = world.bucket.upload();
        let object = ObjectMetadata::default();
        block_on(upload.finish(&key, OWNER, &object, None, Ack::Written)).unwrap();
    }
    put(&world.bucket, b"d/y", b"");
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    let bucket = &world.bucket;
    let (d, _) = block_on(bucket.lookup(&bucket.root(), b"d")).unwrap();
    let mut stream = bucket.read_directory(&d).unwrap();
    let entries = block_on(stream.read(0, 100)).unwrap();
    assert_eq!(entries.len(), 1);
    let most = look_pages(world.buckets.pool());
    // 256 entries of 400 bytes each.
    assert!(most <= 2 * PAGES_MAX, "{most} pages in one look");
}

#[test]
fn uploads_are_listed_in_pages() {
    let world = World::with(256 << 20, 1 << 20);
    let bucket = &world.bucket;
    let mut expected = Vec::new();
    for index in 0..600_u32 {
        let key = format!("k/{:03}", index * 7 % 200).into_bytes();
        let object = ObjectMetadata {
            metadata: vec![(b"meta.x".to_vec(), vec![b'x'; 2000])],
            ..ObjectMetadata::default()
        };
        let id = block_on(bucket.create_upload(&key, OWNER, &object, Ack::Written)).unwrap();
        expected.push((key, id));
        if index % 100 == 0 {
            for number in 1..=300 {
                let upload = bucket.upload();
                block_on(upload.finish_part(id, number, b"t", &[7; 256], Ack::Written)).unwrap();
            }
        }
    }
    expected.sort();
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    let bucket = &world.bucket;
    let mut seen: Vec<UploadInfo> = Vec::new();
    loop {
        let last = seen.last();
        let (key, id) = last.map_or((Vec::new(), None), |last| (last.key.clone(), Some(last.id)));
        let page = block_on(bucket.uploads_after(b"k/", &key, id, 250)).unwrap();
        assert!(page.0.len() <= 250);
        seen.extend(page.0);
        if !page.1 {
            break;
        }
    }
    let ids = |all: &[UploadInfo]| -> Vec<_> {
        all.iter().map(|one| (one.key.clone(), one.id)).collect()
    };
    assert_eq!(ids(&seen), expected);
    let (some, more) = block_on(bucket.uploads_after(b"k/1", b"k/100", None, 4)).unwrap();
    assert!(more && some.iter().all(|one| one.key > b"k/100".to_vec()));
    assert_eq!(ids(&block_on(bucket.uploads(b"")).unwrap()), expected);
    let most = look_pages(world.buckets.pool());
    // 64 uploads of more than 2,000 bytes each, apart from each other.
    assert!(most <= 3 * PAGES_MAX, "{most} pages in one look");
}
