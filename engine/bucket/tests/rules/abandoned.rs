//! Operations whose callers stop waiting after their batch has joined a group.

use std::future::Future;
use std::task::{Context, Waker};

use engine_bucket::{Ack, Completion, NewKind, ObjectMetadata, WriteAt};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, new, pattern, put};

#[test]
fn an_object_whose_put_is_dropped_keeps_its_bytes() {
    let world = World::new();
    let bucket = &world.bucket;
    let data = pattern(3_000_000, 3);
    let mut upload = bucket.upload();
    block_on(upload.write(&data)).unwrap();
    let object = ObjectMetadata::default();
    let mut context = Context::from_waker(Waker::noop());
    let plug = world.buckets.pool().plug();
    let mut finish = Box::pin(upload.finish(b"k", OWNER, &object, None, Ack::Durable));
    assert!(finish.as_mut().poll(&mut context).is_pending());
    drop(finish);
    drop(plug);
    assert!(get(bucket, b"k").unwrap() == data);
    put(bucket, b"other", b"x");
    assert!(get(bucket, b"k").unwrap() == data, "given back as dropped");
}

#[test]
fn a_part_whose_upload_is_dropped_keeps_its_bytes() {
    let world = World::new();
    let bucket = &world.bucket;
    let object = ObjectMetadata::default();
    let id = block_on(bucket.create_upload(b"k", OWNER, &object, Ack::Written)).unwrap();
    let data = pattern(2 << 20, 3);
    let mut upload = bucket.upload();
    block_on(upload.write(&data)).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut finish = Box::pin(upload.finish_part(id, 1, b"t", b"", Ack::Durable));
    // The first time the rest of the content is on its way, the second time the part is.
    for round in 0..2 {
        let plug = world.buckets.pool().plug();
        assert!(finish.as_mut().poll(&mut context).is_pending());
        drop(plug);
        if round == 0 {
            create(bucket, &bucket.root(), b"t", NewKind::File);
        }
    }
    drop(finish);
    assert_eq!(block_on(bucket.parts(id, 0, 10)).unwrap().1.len(), 1);
    let completion = Completion {
        parts: &[(1, b"t".to_vec())],
        owner: OWNER,
        object: &object,
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
    put(bucket, b"other", b"x");
    assert!(get(bucket, b"k").unwrap() == data);
}

/// A write in steps that is dropped at a later one: what is seen of the file is that step.
#[test]
fn the_last_step_of_a_dropped_write_is_waited_for() {
    let world = World::new();
    let bucket = &world.bucket;
    let pool = world.buckets.pool();
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    let data = pattern(3 << 20, 1);
    let mut context = Context::from_waker(Waker::noop());
    let mut write = Box::pin(bucket.write(&file, WriteAt::End, &data, Ack::Written));
    for round in 0..3 {
        let plug = pool.plug();
        assert!(write.as_mut().poll(&mut context).is_pending());
        drop(plug);
        if round < 2 {
            put(bucket, b"other", b"");
        }
    }
    drop(write);
    assert_eq!(block_on(bucket.info(&file)).unwrap().size, 3 << 20);
    assert!(bucket.seen_of(&[&file]) >= pool.applied_lsn());
}

/// What cannot be given back stays to be given back, and nobody else is blamed for it.
#[test]
fn what_was_dropped_is_given_back_by_whoever_comes_next() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let mut context = Context::from_waker(Waker::noop());
    let file = create(bucket, &root, b"f", NewKind::File);
    let data = pattern(70_000, 1);
    let written = bucket.write(&file, WriteAt::End, &data, Ack::Written);
    block_on(written).unwrap();
    let held = block_on(bucket.open(&file)).unwrap();
    block_on(bucket.unlink(&root, b"f", Ack::Written)).unwrap();
    let mut upload = bucket.upload();
    block_on(upload.write(&pattern(2 << 20, 2))).unwrap();
    drop((held, upload));
    // Callers that give up at each step of giving them back.
    for _ in 0..6 {
        let file = new(NewKind::File);
        let mut making = Box::pin(bucket.create(&root, b"g", &file, Ack::Written));
        let plug = world.buckets.pool().plug();
        let _ = making.as_mut().poll(&mut context);
        drop(making);
        drop(plug);
    }
    put(bucket, b"other", b"");
    assert_eq!(world.allocated(), 0);
    assert_eq!(world.kill().allocated(), 0);
}
