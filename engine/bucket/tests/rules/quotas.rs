//! Rule 19: what a directory and all below it may take.

mod crossing;
mod hands;
mod uploads;
mod whole;

use std::sync::Arc;

use engine_bucket::{
    Ack, Allocate, Bucket, BucketError, Info, NewKind, ObjectHead, ObjectMetadata, QuotaInfo,
    QuotaLimits, WriteAt,
};
use engine_device::Device;
use engine_pool::{CheckOptions, block_on};

use crate::{OWNER, World, create, device, new, pattern, put};

/// Sets the quota of a directory; 0 is no limit.
fn limit(bucket: &Bucket, path: &str, bytes: u64, inodes: u64) -> QuotaInfo {
    let limits = QuotaLimits {
        bytes: Some(bytes),
        inodes: Some(inodes),
    };
    block_on(bucket.set_quota(path.as_bytes(), limits)).unwrap()
}

/// What counts for a quota.
fn used(bucket: &Bucket, path: &str) -> (u64, u64) {
    let info = block_on(bucket.quota(path.as_bytes())).unwrap();
    (info.bytes_used, info.inodes_used)
}

fn try_put(bucket: &Bucket, key: &str, data: &[u8]) -> Result<Info, BucketError> {
    let mut upload = bucket.upload();
    block_on(upload.for_key(key.as_bytes(), data.len() as u64))?;
    block_on(upload.write(data))?;
    let object = ObjectMetadata::default();
    block_on(upload.finish(key.as_bytes(), OWNER, &object, None, Ack::Written))
}

fn refused<T: std::fmt::Debug>(result: Result<T, BucketError>) -> &'static str {
    match result {
        Err(BucketError::Quota { what, .. }) => what,
        other => panic!("a quota is in the way: {other:?}"),
    }
}

/// Counts anew what the records on the device count, and compares.
fn recount(world: &World) {
    world.buckets.pool().checkpoint().unwrap();
    let checked = device(world.image()) as Arc<dyn Device>;
    let report = engine_pool::check(checked, &CheckOptions::default(), &mut |_| ()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}

#[test]
fn rule_19_what_would_pass_the_limit_is_refused_and_changes_nothing() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    limit(bucket, "", 100_000, 6);
    assert_eq!(used(bucket, ""), (0, 1));
    put(bucket, b"d/a", &pattern(60_000, 1));
    assert_eq!(used(bucket, ""), (60_000, 3));
    assert_eq!(refused(try_put(bucket, "d/b", &[7; 40_001])), "bytes");
    assert_eq!(refused(try_put(bucket, "e/f/g/h", &[7])), "inodes");
    assert_eq!(used(bucket, ""), (60_000, 3));
    let (a, _) = {
        let (d, _) = block_on(bucket.lookup(&root, b"d")).unwrap();
        block_on(bucket.lookup(&d, b"a")).unwrap()
    };
    let end = WriteAt::End;
    let more = bucket.write(&a, end, &[1; 40_001], Ack::Written);
    assert_eq!(refused(block_on(more)), "bytes");
    let room = Allocate::Room { keep_size: false };
    let more = bucket.allocate(&a, 60_000..100_001, room, Ack::Written);
    assert_eq!(refused(block_on(more)), "bytes");
    assert_eq!(block_on(bucket.info(&a)).unwrap().size, 60_000);
    // In place, and by a hole, nothing is added.
    block_on(bucket.write(&a, WriteAt::Byte(5), &[1; 50_000], Ack::Written)).unwrap();
    block_on(bucket.truncate(&a, 1 << 40, Ack::Written)).unwrap();
    block_on(bucket.truncate(&a, 60_000, Ack::Written)).unwrap();
    block_on(bucket.write(&a, end, &[1; 40_000], Ack::Written)).unwrap();
    assert_eq!(used(bucket, ""), (100_000, 3));
    for name in [b"x", b"y", b"z"] {
        create(bucket, &root, name, NewKind::File);
    }
    let file = new(NewKind::Symlink(b"t"));
    let made = block_on(bucket.create(&root, b"s", &file, Ack::Written));
    assert!(matches!(made, Err(BucketError::Quota { .. })));
    // A name more is no inode more.
    block_on(bucket.link(&a, (&root, b"again"), Ack::Written)).unwrap();
    assert_eq!(used(bucket, ""), (100_000, 6));
    recount(&world);
    let world = world.kill();
    assert_eq!(used(&world.bucket, ""), (100_000, 6));
}

#[test]
fn rule_19_room_comes_back_at_once_and_a_full_quota_can_be_replaced() {
    let world = World::new();
    let bucket = &world.bucket;
    limit(bucket, "", 4_000_000, 0);
    let data = pattern(4_000_000, 3);
    try_put(bucket, "a", &data).unwrap();
    assert_eq!(refused(try_put(bucket, "b", &data)), "bytes");
    // In the place of what is there.
    try_put(bucket, "a", &data).unwrap();
    assert_eq!(used(bucket, ""), (4_000_000, 2));
    assert_eq!(
        refused(try_put(bucket, "a", &pattern(4_000_001, 1))),
        "bytes"
    );
    block_on(bucket.remove(b"a", None, Ack::Written)).unwrap();
    assert_eq!(used(bucket, ""), (0, 1));
    try_put(bucket, "b", &data).unwrap();
    // Open without a name it still counts.
    let (node, _) = block_on(bucket.lookup(&bucket.root(), b"b")).unwrap();
    let held = block_on(bucket.open(&node)).unwrap();
    block_on(bucket.unlink(&bucket.root(), b"b", Ack::Written)).unwrap();
    assert_eq!(used(bucket, ""), (4_000_000, 2));
    block_on(held.close()).unwrap();
    assert_eq!(used(bucket, ""), (0, 1));
    recount(&world);
}

#[test]
fn rule_19_a_write_of_several_steps_is_refused_before_the_first() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    limit(bucket, "", 3_000_000, 0);
    let data = pattern(3_000_001, 3);
    let written = bucket.write(&file, WriteAt::Byte(0), &data, Ack::Written);
    assert_eq!(refused(block_on(written)), "bytes");
    assert_eq!(block_on(bucket.info(&file)).unwrap().size, 0);
    let written = bucket.write(&file, WriteAt::Byte(0), &data[1..], Ack::Written);
    block_on(written).unwrap();
    assert_eq!(used(bucket, ""), (3_000_000, 2));
    // What was claimed is given back: what is removed can be added again.
    block_on(bucket.truncate(&file, 0, Ack::Written)).unwrap();
    let written = bucket.write(&file, WriteAt::Byte(0), &data[1..], Ack::Written);
    block_on(written).unwrap();
    recount(&world);
}

#[test]
fn rule_19_shared_bytes_count_once_for_each_file() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"a", &pattern(1_000_000, 1));
    limit(bucket, "", 2_500_000, 0);
    assert_eq!(used(bucket, ""), (1_000_000, 2));
    let plain = |_: &ObjectHead| Ok(Vec::new());
    block_on(bucket.copy_object(b"a", b"b", OWNER, &plain, None)).unwrap();
    assert_eq!(used(bucket, ""), (2_000_000, 3));
    let copied = block_on(bucket.copy_object(b"a", b"c", OWNER, &plain, None));
    assert_eq!(refused(copied), "bytes");
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    let (a, _) = block_on(bucket.lookup(&bucket.root(), b"a")).unwrap();
    let copied = bucket.copy_range((&a, 0), (&file, 0), 500_001, Ack::Written);
    assert_eq!(refused(block_on(copied)), "bytes");
    let copied = bucket.copy_range((&a, 0), (&file, 0), 500_000, Ack::Written);
    assert_eq!(block_on(copied).unwrap(), 500_000);
    assert_eq!(used(bucket, ""), (2_500_000, 4));
    recount(&world);
}

#[test]
fn rule_19_the_space_that_is_shown_is_that_of_the_quota() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let dir = create(bucket, &root, b"d", NewKind::Directory);
    let pool = block_on(bucket.space_at(&root)).unwrap();
    assert_eq!((pool.capacity, pool.inodes), (bucket.space().0, None));
    limit(bucket, "d", 50_000, 10);
    put(bucket, b"d/a", &pattern(20_000, 1));
    let shown = block_on(bucket.space_at(&dir)).unwrap();
    assert_eq!((shown.capacity.get(), shown.free.get()), (50_000, 30_000));
    assert_eq!(shown.available.get(), 30_000);
    assert_eq!(shown.inodes, Some((10, 8)));
    let pool = block_on(bucket.space_at(&root)).unwrap();
    assert_eq!(pool.capacity, bucket.space().0);
}
