//! Rule 20, in the engine: a snapshot is all of a bucket at one moment, nothing changes it, and
//! whatever goes first, in the end nothing is left. Rule 13: numbers of inodes and of changes do
//! not come again, not even after a revert.

mod space;

use engine_bucket::{
    Ack, Bucket, BucketError, Completion, ListOptions, NewKind, ObjectHead, ObjectMetadata,
    QuotaLimits, WriteAt,
};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, new, pattern, put};

fn live(world: &World) -> u64 {
    world.buckets.pool().status().live_data.get()
}

fn copy(bucket: &Bucket, from: &[u8], to: &[u8]) {
    let plain = |_: &ObjectHead| Ok(Vec::new());
    block_on(bucket.copy_object(from, to, OWNER, &plain, None)).unwrap();
}

fn remove(bucket: &Bucket, key: &[u8]) {
    assert!(
        block_on(bucket.remove(key, None, Ack::Durable))
            .unwrap()
            .existed
    );
}

fn take(world: &World, label: &str) -> Bucket {
    block_on(world.buckets.take_snapshot(label, &["b"])).unwrap();
    kept(world, label)
}

fn kept(world: &World, label: &str) -> Bucket {
    block_on(world.buckets.open_snapshot("b", label)).unwrap()
}

fn delete(world: &World, label: &str) {
    block_on(world.buckets.delete_snapshot("b", label)).unwrap();
}

fn exclusive(world: &World, label: &str) -> u64 {
    block_on(world.buckets.exclusive_bytes("b", label))
        .unwrap()
        .get()
}

fn keys(bucket: &Bucket) -> Vec<String> {
    let options = ListOptions {
        max: 1000,
        ..ListOptions::default()
    };
    let items = block_on(bucket.list(&options)).unwrap().items;
    let text = |item: &engine_bucket::ListItem| String::from_utf8_lossy(item.key()).into_owned();
    items.iter().map(text).collect()
}

/// Everything goes, and the pool is empty.
fn ends_empty(world: World) {
    for info in world.buckets.snapshots("b").unwrap() {
        delete(&world, &info.label);
    }
    for info in world.buckets.list() {
        block_on(world.buckets.delete_with_contents(&info.name)).unwrap();
    }
    block_on(world.buckets.pool().clean_up()).unwrap();
    assert_eq!(live(&world), 0);
    let pages = |world: &World| {
        for _ in 0..3 {
            world.buckets.pool().checkpoint().unwrap();
        }
        world.buckets.pool().status().live_index.get()
    };
    let left = pages(&world);
    let empty = World::new();
    block_on(empty.buckets.delete("b")).unwrap();
    block_on(empty.buckets.pool().clean_up()).unwrap();
    assert_eq!(left, pages(&empty), "pages that nobody refers to");
}

#[test]
fn a_snapshot_shows_what_the_bucket_was() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"d/large", &pattern(3_000_000, 1));
    put(bucket, b"d/small", b"small");
    let link = create(
        bucket,
        &bucket.root(),
        b"link",
        NewKind::Symlink(b"d/small"),
    );
    let snapshot = take(&world, "one");
    put(bucket, b"d/large", &pattern(2_000_000, 2));
    remove(bucket, b"d/small");
    put(bucket, b"later", b"later");
    block_on(bucket.unlink(&bucket.root(), b"link", Ack::Written)).unwrap();
    let world = world.kill();
    for snapshot in [snapshot, kept(&world, "one")].into_iter().skip(1) {
        assert_eq!(keys(&snapshot), ["d/large", "d/small"]);
        assert!(get(&snapshot, b"d/large").unwrap() == pattern(3_000_000, 1));
        assert_eq!(get(&snapshot, b"d/small").unwrap(), b"small");
        let (found, _) = block_on(snapshot.lookup(&snapshot.root(), b"link")).unwrap();
        assert_eq!(found.id(), link.id());
        assert_eq!(block_on(snapshot.readlink(&found)).unwrap(), b"d/small");
    }
    assert_eq!(keys(&world.bucket), ["d/large", "later"]);
    ends_empty(world);
}

#[test]
fn nothing_changes_a_snapshot() {
    let world = World::new();
    put(&world.bucket, b"a", b"content");
    let snapshot = take(&world, "one");
    let root = snapshot.root();
    let (file, _) = block_on(snapshot.lookup(&root, b"a")).unwrap();
    let mut upload = snapshot.upload();
    let staged = block_on(upload.write(&pattern(3 << 20, 1)));
    let object = ObjectMetadata::default();
    let empty = snapshot.upload();
    let limits = QuotaLimits {
        bytes: Some(1),
        inodes: None,
    };
    let refused = [
        staged.map(drop),
        block_on(empty.finish(b"b", OWNER, &object, None, Ack::Durable)).map(drop),
        block_on(snapshot.write(&file, WriteAt::Byte(0), b"x", Ack::Written)).map(drop),
        block_on(snapshot.truncate(&file, 1, Ack::Written)).map(drop),
        block_on(snapshot.unlink(&root, b"a", Ack::Written)),
        block_on(snapshot.remove(b"a", None, Ack::Written)).map(drop),
        block_on(snapshot.create(&root, b"n", &new(NewKind::File), Ack::Written)).map(drop),
        block_on(snapshot.create_upload(b"k", OWNER, &object, Ack::Written)).map(drop),
        block_on(snapshot.copy_object(b"a", b"c", OWNER, &|_| Ok(Vec::new()), None)).map(drop),
        block_on(snapshot.set_quota(b"", limits)).map(drop),
    ];
    for (index, result) in refused.into_iter().enumerate() {
        let is_refused = matches!(result, Err(BucketError::ReadOnly));
        assert!(is_refused, "operation {index}: {result:?}");
    }
    assert_eq!(get(&snapshot, b"a").unwrap(), b"content");
    assert_eq!(keys(&snapshot), ["a"]);
}

#[test]
fn a_deleted_snapshot_is_not_read_any_more() {
    let world = World::new();
    put(&world.bucket, b"a", &pattern(5 << 20, 1));
    let snapshot = take(&world, "one");
    let reader = block_on(snapshot.get(b"a")).unwrap().found.unwrap();
    remove(&world.bucket, b"a");
    delete(&world, "one");
    assert!(block_on(reader.read(0, 100)).is_err());
    assert!(block_on(snapshot.head(b"a")).is_err());
    assert!(block_on(world.buckets.open_snapshot("b", "one")).is_err());
    assert_eq!(live(&world), 0);
    // The label is free again, and says something else then.
    put(&world.bucket, b"b", b"b");
    assert_eq!(keys(&take(&world, "one")), ["b"]);
}

#[test]
fn a_revert_brings_the_state_back_and_no_number_again() {
    let world = World::new();
    let file = put(&world.bucket, b"a", &pattern(5000, 1));
    let (node, _) = block_on(world.bucket.lookup(&world.bucket.root(), b"a")).unwrap();
    let write = |bucket: &Bucket, node: &engine_bucket::Node, byte| {
        block_on(bucket.write(node, WriteAt::Byte(0), &[byte; 100], Ack::Durable)).unwrap();
        let info = block_on(bucket.info(node)).unwrap();
        (info.id, info.changes)
    };
    let mut versions = vec![write(&world.bucket, &node, 1)];
    take(&world, "one");
    let mut inodes = vec![file.id];
    let (mut world, mut kill) = (world, false);
    for round in 0..4 {
        let bucket = block_on(world.buckets.open("b")).unwrap();
        let (node, _) = block_on(bucket.lookup(&bucket.root(), b"a")).unwrap();
        versions.push(write(&bucket, &node, 2));
        versions.push(write(&bucket, &node, 3));
        let made = create(&bucket, &bucket.root(), b"new", NewKind::File);
        inodes.push(made.id());
        drop(made);
        let info = block_on(world.buckets.revert("b", "one")).unwrap();
        assert_eq!(info.name, "b");
        assert!(block_on(bucket.write(&node, WriteAt::Byte(0), b"x", Ack::Written)).is_err());
        if kill {
            world = world.kill();
        }
        kill = !kill;
        let bucket = block_on(world.buckets.open("b")).unwrap();
        assert_eq!(keys(&bucket), ["a"], "round {round}");
        let mut expected = pattern(5000, 1);
        expected[..100].fill(1);
        assert!(get(&bucket, b"a").unwrap() == expected);
        let (node, info) = block_on(bucket.lookup(&bucket.root(), b"a")).unwrap();
        assert_eq!(
            (node.id(), info.changes),
            versions[0],
            "the same content, the same tag"
        );
    }
    let is_unique = |numbers: &mut Vec<_>| {
        let before = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() == before
    };
    assert!(is_unique(&mut versions), "{versions:?}");
    inodes.sort_unstable();
    inodes.dedup();
    assert_eq!(inodes.len(), 5, "{inodes:?}");
    ends_empty(world.kill());
}

#[test]
fn quotas_are_counted_apart_in_each_state() {
    let world = World::new();
    let limits = QuotaLimits {
        bytes: Some(1 << 30),
        inodes: Some(100),
    };
    put(&world.bucket, b"d/a", &pattern(3 << 20, 1));
    block_on(world.bucket.set_quota(b"d", limits)).unwrap();
    take(&world, "one");
    remove(&world.bucket, b"d/a");
    put(&world.bucket, b"d/b", &pattern(1 << 20, 1));
    block_on(world.buckets.create_from("c", ("b", Some("one")))).unwrap();
    let world = world.kill();
    let used = |bucket: &Bucket| block_on(bucket.quota(b"d")).unwrap().bytes_used;
    let c = block_on(world.buckets.open("c")).unwrap();
    assert_eq!(used(&world.bucket), 1 << 20);
    assert_eq!((used(&kept(&world, "one")), used(&c)), (3 << 20, 3 << 20));
    put(&c, b"d/more", &pattern(1 << 20, 1));
    assert_eq!((used(&kept(&world, "one")), used(&c)), (3 << 20, 4 << 20));
    ends_empty(world.kill());
}

#[test]
fn a_bucket_with_snapshots_is_not_deleted() {
    let world = World::new();
    take(&world, "one");
    let refused = block_on(world.buckets.delete_with_contents("b")).unwrap_err();
    assert!(refused.to_string().contains("snapshots"), "{refused}");
    delete(&world, "one");
    ends_empty(world);
}

#[test]
fn several_datasets_are_kept_at_one_moment() {
    let world = World::new();
    block_on(
        world
            .buckets
            .create("other", engine_bucket::RootOwner::default()),
    )
    .unwrap();
    let other = block_on(world.buckets.open("other")).unwrap();
    put(&world.bucket, b"a", b"1");
    put(&other, b"a", b"1");
    let twice = block_on(world.buckets.take_snapshot("x", &["b", "other", "b"]));
    assert!(twice.is_err());
    let taken = block_on(world.buckets.take_snapshot("x", &["b", "other"])).unwrap();
    assert_eq!(
        (taken[0].bucket.as_str(), taken[1].bucket.as_str()),
        ("b", "other")
    );
    assert_eq!(keys(&kept(&world, "x")), ["a"]);
    let again = block_on(world.buckets.take_snapshot("x", &["b"]));
    assert!(matches!(
        again,
        Err(BucketError::Exists { what: "snapshot" })
    ));
    let bad = block_on(world.buckets.take_snapshot("Bad", &["b"]));
    assert!(bad.unwrap_err().to_string().contains("label"));
    block_on(world.buckets.delete_snapshot("other", "x")).unwrap();
    ends_empty(world);
}
