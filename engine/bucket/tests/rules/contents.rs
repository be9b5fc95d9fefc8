use std::future::Future as _;

use engine_bucket::{
    Ack, Allocate, BucketError, NewKind, ObjectHead, RenameHow, Seek, SetAttributes, SetHow,
    WriteAt,
};
use engine_pool::block_on;

use crate::{World, create, get, pattern, put};

/// Rule 8: who holds the old file keeps it; owner, mode and attributes stay with the name.
#[test]
fn a_put_replaces_as_a_rename_does() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let file = create(bucket, &root, b"f", NewKind::File);
    let old = pattern(300_000, 1);
    block_on(bucket.write(&file, WriteAt::Byte(0), &old, Ack::Written)).unwrap();
    let set = SetAttributes {
        mode: Some(0o6751),
        ..SetAttributes::default()
    };
    block_on(bucket.set_attributes(&file, &set, Ack::Written)).unwrap();
    for name in [&b"user.kept"[..], b"object.gone", b"security.capability"] {
        let set = bucket.set_attribute(&file, name, b"v", SetHow::Create, Ack::Written);
        block_on(set).unwrap();
    }
    block_on(bucket.link(&file, (&root, b"other"), Ack::Written)).unwrap();
    let held = block_on(bucket.open(&file)).unwrap();
    put(bucket, b"f", b"new");
    assert_eq!(get(bucket, b"f").unwrap(), b"new");
    assert_eq!(get(bucket, b"other").unwrap(), old);
    let (node, info) = block_on(bucket.lookup(&root, b"f")).unwrap();
    assert_eq!((info.mode, info.uid, info.gid), (0o751, 1, 2));
    assert_ne!(node.id(), file.id());
    assert_eq!(block_on(bucket.attributes(&node)).unwrap(), [b"user.kept"]);
    block_on(bucket.unlink(&root, b"other", Ack::Written)).unwrap();
    assert_eq!(block_on(bucket.read(&file, 0, 400_000)).unwrap(), old);
    block_on(held.close()).unwrap();
    let gone = block_on(bucket.read(&file, 0, 1));
    assert!(matches!(gone, Err(BucketError::NotFound { .. })));
    assert_eq!(world.allocated(), 0, "the new one is small");
}

#[test]
fn a_file_without_a_name_goes_with_its_last_handle_or_the_process() {
    let world = World::new();
    let root = world.bucket.root();
    for name in [b"a", b"b"] {
        let file = create(&world.bucket, &root, name, NewKind::File);
        let data = pattern(3_000_000, 3);
        let written = world.bucket.write(&file, WriteAt::End, &data, Ack::Written);
        block_on(written).unwrap();
    }
    let (a, _) = block_on(world.bucket.lookup(&root, b"a")).unwrap();
    let (b, _) = block_on(world.bucket.lookup(&root, b"b")).unwrap();
    let held = [
        block_on(world.bucket.open(&a)).unwrap(),
        block_on(world.bucket.open(&b)).unwrap(),
    ];
    for name in [b"a", b"b"] {
        block_on(world.bucket.unlink(&root, name, Ack::Written)).unwrap();
    }
    assert_eq!(block_on(world.bucket.info(&a)).unwrap().links, 0);
    let [a, b] = held;
    block_on(a.close()).unwrap();
    assert_eq!(world.allocated(), 3_000_000);
    // Dropped without a word: the next change gives it back.
    drop(b);
    create(&world.bucket, &root, b"c", NewKind::File);
    assert_eq!(world.allocated(), 0);
    let (c, _) = block_on(world.bucket.lookup(&root, b"c")).unwrap();
    let data = pattern(3_000_000, 4);
    block_on(world.bucket.write(&c, WriteAt::End, &data, Ack::Written)).unwrap();
    let _held = block_on(world.bucket.open(&c)).unwrap();
    block_on(world.bucket.unlink(&root, b"c", Ack::Written)).unwrap();
    assert_eq!(world.kill().allocated(), 0);
}

/// Rule 9: a reader sees one moment.
#[test]
fn a_reader_sees_its_moment_whatever_is_written() {
    let world = World::new();
    let bucket = &world.bucket;
    for size in [1000, 70_000, 5_000_000] {
        let old = pattern(size, 5);
        put(bucket, b"d/o", &old);
        let node = block_on(bucket.node_of(b"d/o")).unwrap();
        let reader = block_on(bucket.get(b"d/o")).unwrap().found.unwrap();
        let new = pattern(9_000, 6);
        for at in [10, 5_000, 100, 60_000] {
            let written = bucket.write(&node, WriteAt::Byte(at), &new, Ack::Written);
            block_on(written).unwrap();
        }
        let punch = bucket.allocate(&node, 3..50_000, Allocate::Punch, Ack::Written);
        block_on(punch).unwrap();
        assert_eq!(
            block_on(reader.read(0, size)).unwrap(),
            old,
            "{size} in place"
        );
        block_on(bucket.truncate(&node, 17, Ack::Written)).unwrap();
        for _ in 0..4 {
            world.buckets.pool().checkpoint().unwrap();
        }
        assert_eq!(block_on(reader.read(0, size)).unwrap(), old, "{size} cut");
        put(bucket, b"d/o", b"x");
        block_on(bucket.remove(b"d/o", None, Ack::Written)).unwrap();
        let tail = block_on(reader.read(900, size)).unwrap();
        assert_eq!(tail, old[900..], "{size} removed");
        block_on(reader.close()).unwrap();
        assert_eq!(world.allocated(), 0);
    }
}

#[test]
fn a_reader_keeps_the_body_of_a_directory() {
    let world = World::new();
    let bucket = &world.bucket;
    let old = pattern(150_000, 8);
    put(bucket, b"d/", &old);
    let reader = block_on(bucket.get(b"d/")).unwrap().found.unwrap();
    put(bucket, b"d/", &pattern(90_000, 9));
    assert!(block_on(reader.read(0, 200_000)).unwrap() == old);
    block_on(bucket.remove(b"d/", None, Ack::Written)).unwrap();
    assert!(block_on(reader.read(7, 200_000)).unwrap() == old[7..]);
    block_on(reader.close()).unwrap();
    assert_eq!(world.allocated(), 0);
}

/// A future that is dropped after its batch joined a group leaves it whole, and handles find what
/// it moved.
#[test]
fn what_is_dropped_half_way_is_whole() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let file = create(bucket, &root, b"f", NewKind::File);
    let dir = create(bucket, &root, b"d", NewKind::Directory);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let plug = world.buckets.pool().plug();
    let ends = ((&root, &b"f"[..]), (&dir, &b"g"[..]));
    let how = RenameHow::Replace;
    let mut moving = Box::pin(bucket.rename(ends.0, ends.1, how, Ack::Written));
    assert!(moving.as_mut().poll(&mut context).is_pending());
    drop(moving);
    drop(plug);
    assert!(block_on(bucket.lookup(&root, b"f")).is_err());
    let (found, _) = block_on(bucket.lookup(&dir, b"g")).unwrap();
    assert_eq!(found.id(), file.id());
    block_on(bucket.write(&file, WriteAt::End, b"on", Ack::Written)).unwrap();
    assert_eq!(get(bucket, b"d/g").unwrap(), b"on");
    let plug = world.buckets.pool().plug();
    let mut linking = Box::pin(bucket.link(&file, (&root, b"h"), Ack::Written));
    assert!(linking.as_mut().poll(&mut context).is_pending());
    drop(linking);
    drop(plug);
    assert_eq!(block_on(bucket.info(&file)).unwrap().links, 2);
    block_on(bucket.write(&file, WriteAt::End, b"ward", Ack::Written)).unwrap();
    assert_eq!(get(bucket, b"h").unwrap(), b"onward");
}

/// Rule 12: what must be durable is the last change of what is shown, absence too.
#[test]
fn what_is_shown_says_what_must_be_durable() {
    let world = World::new();
    let bucket = &world.bucket;
    let pool = world.buckets.pool();
    put(bucket, b"safe", b"1");
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    block_on(bucket.write(&file, WriteAt::End, b"x", Ack::Written)).unwrap();
    let shown = block_on(bucket.head(b"f")).unwrap().lsn;
    assert!(shown > pool.durable_lsn());
    let absent = block_on(bucket.head(b"none")).unwrap().lsn;
    assert!(absent > pool.durable_lsn(), "the directory changed");
    block_on(bucket.durable(shown)).unwrap();
    assert!(shown <= pool.durable_lsn());
    put(bucket, b"d/safe", b"1");
    create(bucket, &bucket.root(), b"g", NewKind::File);
    let inside = block_on(bucket.head(b"d/safe")).unwrap().lsn;
    assert!(inside <= pool.durable_lsn(), "what was put is durable");
    let page = block_on(bucket.list(&engine_bucket::ListOptions {
        max: 10,
        ..engine_bucket::ListOptions::default()
    }));
    assert!(page.unwrap().lsn > pool.durable_lsn());
}

/// Rule 13: the tag goes with a change of content, and only then.
#[test]
fn tags_follow_the_content_only() {
    let world = World::new();
    let bucket = &world.bucket;
    let put = put(bucket, b"k", b"data");
    let node = block_on(bucket.node_of(b"k")).unwrap();
    let metadata = [(b"a".to_vec(), b"b".to_vec())];
    let revise = |_: &ObjectHead| Ok(metadata.to_vec());
    let revised = bucket.revise_metadata(b"k", &revise, Ack::Durable);
    let info = block_on(revised).unwrap();
    assert_eq!((info.id, info.changes), (put.id, put.changes));
    assert_eq!(info.entity_tag.as_deref(), Some(&b"tag"[..]));
    let head = block_on(bucket.head(b"k")).unwrap().found.unwrap();
    assert_eq!(head.metadata, metadata);
    block_on(bucket.truncate(&node, 4, Ack::Written)).unwrap();
    assert!(block_on(bucket.info(&node)).unwrap().entity_tag.is_some());
    let plain = |_: &ObjectHead| Ok(Vec::new());
    let copied = bucket.copy_object(b"k", b"copy", crate::OWNER, &plain, None);
    assert_eq!(
        block_on(copied).unwrap().entity_tag.as_deref(),
        Some(&b"tag"[..])
    );
    block_on(bucket.write(&node, WriteAt::Byte(0), b"data", Ack::Written)).unwrap();
    let info = block_on(bucket.info(&node)).unwrap();
    assert_eq!((info.entity_tag, info.changes), (None, put.changes + 1));
}

/// Rule 16: appends of both views are never lost.
#[test]
fn appends_meet_the_end() {
    let world = World::new();
    let bucket = &world.bucket;
    let owner = crate::OWNER;
    block_on(bucket.append_object(b"log", 0, b"one", owner, Ack::Durable)).unwrap();
    let (node, _) = block_on(bucket.lookup(&bucket.root(), b"log")).unwrap();
    block_on(bucket.write(&node, WriteAt::End, b"two", Ack::Written)).unwrap();
    let late = block_on(bucket.append_object(b"log", 3, b"x", owner, Ack::Durable));
    assert!(matches!(late, Err(BucketError::Precondition)));
    block_on(bucket.append_object(b"log", 6, b"three", owner, Ack::Durable)).unwrap();
    assert_eq!(get(bucket, b"log").unwrap(), b"onetwothree");
}

#[test]
fn holes_are_found_and_take_no_space() {
    let world = World::new();
    let bucket = &world.bucket;
    let node = create(bucket, &bucket.root(), b"f", NewKind::File);
    let data = pattern(10_000, 1);
    block_on(bucket.write(&node, WriteAt::Byte(1 << 20), &data, Ack::Written)).unwrap();
    let seek = |at, what| block_on(bucket.seek(&node, at, what)).unwrap();
    assert_eq!(seek(0, Seek::Data), Some(1 << 20));
    assert_eq!(seek(0, Seek::Hole), Some(0));
    assert_eq!(seek(1 << 20, Seek::Hole), Some((1 << 20) + 10_000));
    assert_eq!(seek((1 << 20) + 10_000, Seek::Hole), None);
    let info = block_on(bucket.info(&node)).unwrap();
    assert_eq!((info.allocated, world.allocated()), (10_000, 10_000));
    let big = 40 << 20;
    let many = pattern(6 << 20, 2);
    block_on(bucket.write(&node, WriteAt::Byte(big), &many, Ack::Written)).unwrap();
    block_on(bucket.truncate(&node, (1 << 20) + 5, Ack::Written)).unwrap();
    assert_eq!(
        (
            world.allocated(),
            block_on(bucket.info(&node)).unwrap().allocated
        ),
        (5, 5)
    );
    block_on(bucket.truncate(&node, big, Ack::Written)).unwrap();
    let read = block_on(bucket.read(&node, (1 << 20) + 3, 10)).unwrap();
    assert_eq!(read, [&data[3..5], &[0; 8]].concat());
    let other = create(bucket, &bucket.root(), b"g", NewKind::File);
    let copied = bucket.copy_range((&node, 1 << 20), (&other, 7), 5, Ack::Written);
    assert_eq!(block_on(copied).unwrap(), 5);
    let read = block_on(bucket.read(&other, 0, 100)).unwrap();
    assert_eq!(read, [&[0; 7], &data[..5]].concat());
}
