//! What is given back when states of a bucket go.

use super::*;

/// Copies refer to the same bytes from several places, in the snapshot or behind it, so bytes may
/// move on to places where the snapshot does not have them.
#[test]
fn bytes_that_copies_share_are_given_back_with_the_last_state_that_has_them() {
    let data = pattern(6 << 20, 1);
    let all = data.len() as u64;
    for order in 0..4 {
        let world = World::new();
        let bucket = &world.bucket;
        put(bucket, b"a", &data);
        if order % 2 == 1 {
            copy(bucket, b"a", b"before");
        }
        take(&world, "one");
        copy(bucket, b"a", b"b");
        remove(bucket, b"a");
        if order % 2 == 1 {
            remove(bucket, b"before");
        }
        take(&world, "two");
        assert_eq!(exclusive(&world, "one"), 0);
        copy(bucket, b"b", b"c");
        remove(bucket, b"b");
        assert_eq!((live(&world), exclusive(&world, "two")), (all, 0));
        if order < 2 {
            delete(&world, "one");
            assert_eq!(live(&world), all);
            delete(&world, "two");
        } else {
            delete(&world, "two");
            assert_eq!(live(&world), all);
            delete(&world, "one");
        }
        assert_eq!(live(&world), all, "order {order}");
        assert!(get(bucket, b"c").unwrap() == data);
        remove(bucket, b"c");
        assert_eq!(live(&world), 0, "order {order}");
        ends_empty(world.kill());
    }
}

#[test]
fn what_only_a_snapshot_has_goes_with_it() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"a", &pattern(4 << 20, 1));
    put(bucket, b"b", &pattern(2 << 20, 2));
    copy(bucket, b"a", b"a2");
    take(&world, "one");
    remove(bucket, b"a");
    remove(bucket, b"a2");
    assert_eq!(exclusive(&world, "one"), 4 << 20);
    assert_eq!(live(&world), 6 << 20);
    let world = world.kill();
    assert_eq!((exclusive(&world, "one"), live(&world)), (4 << 20, 6 << 20));
    delete(&world, "one");
    assert_eq!(live(&world), 2 << 20);
    ends_empty(world.kill());
}

/// Uploads that were on their way, and a file that was open without a name, at the moment of a
/// snapshot.
#[test]
fn what_was_on_its_way_stays_in_the_snapshot_and_goes_in_what_goes_on_from_it() {
    let world = World::new();
    let bucket = &world.bucket;
    let object = ObjectMetadata::default();
    let mut upload = bucket.upload();
    block_on(upload.write(&pattern(3 << 20, 1))).unwrap();
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    let write = bucket.write(&file, WriteAt::Byte(0), &[7; 40_000], Ack::Written);
    block_on(write).unwrap();
    let held = block_on(bucket.open(&file)).unwrap();
    block_on(bucket.unlink(&bucket.root(), b"f", Ack::Written)).unwrap();
    let id = block_on(bucket.create_upload(b"m", OWNER, &object, Ack::Written)).unwrap();
    let mut part = bucket.upload();
    block_on(part.write(&pattern(2 << 20, 2))).unwrap();
    block_on(part.finish_part(id, 1, b"t", b"", Ack::Durable)).unwrap();
    take(&world, "one");
    let taken = world.buckets.snapshots("b").unwrap()[0].allocated.get();
    // All of it ends in the bucket.
    block_on(upload.finish(b"u", OWNER, &object, None, Ack::Durable)).unwrap();
    block_on(held.close()).unwrap();
    let completion = Completion {
        parts: &[(1, b"t".to_vec())],
        owner: OWNER,
        object: &object,
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Durable)).unwrap();
    // The file without a name is only there any more.
    assert_eq!(exclusive(&world, "one"), 40_000);
    let before = live(&world);
    let world = world.kill();
    let is = (live(&world), exclusive(&world, "one"));
    assert_eq!(
        is,
        (before, 40_000),
        "an opening gives nothing of a snapshot back"
    );
    let clone = block_on(world.buckets.create_from("c", ("b", Some("one")))).unwrap();
    assert_eq!(clone.allocated.get(), taken);
    assert!(taken >= (4 << 20) + 40_000);
    let c = block_on(world.buckets.open("c")).unwrap();
    block_on(world.buckets.pool().clean_up()).unwrap();
    assert_eq!(world.buckets.show("c").unwrap().allocated.get(), 2 << 20);
    // Its part is one of the clone's, too.
    block_on(c.complete_upload(id, &completion, None, Ack::Durable)).unwrap();
    assert!(get(&c, b"m").unwrap() == pattern(2 << 20, 2));
    assert!(get(&world.bucket, b"u").unwrap() == pattern(3 << 20, 1));
    delete(&world, "one");
    remove(&world.bucket, b"u");
    remove(&world.bucket, b"m");
    block_on(world.buckets.delete_with_contents("c")).unwrap();
    assert_eq!(live(&world), 0);
    ends_empty(world.kill());
}

/// A large file is given back in steps; a snapshot is taken before they are through.
#[test]
fn space_that_was_being_given_back_is_given_back_by_each_state() {
    let world = World::new();
    let bucket = &world.bucket;
    // More extents than one step clears.
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    for index in 0..700_u64 {
        let at = WriteAt::Byte(index * 8192);
        block_on(bucket.write(&file, at, &[1; 4096], Ack::Written)).unwrap();
    }
    let bytes = 700 * 4096;
    let root = bucket.root();
    let mut unlinked = Box::pin(bucket.unlink(&root, b"f", Ack::Written));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let plug = world.buckets.pool().plug();
    assert!(unlinked.as_mut().poll(&mut context).is_pending());
    drop(unlinked);
    drop(plug);
    take(&world, "one");
    let world = world.kill();
    assert_eq!(world.allocated(), 0);
    assert_eq!((live(&world), exclusive(&world, "one")), (bytes, bytes));
    block_on(world.buckets.create_from("c", ("b", Some("one")))).unwrap();
    let world = world.kill();
    block_on(world.buckets.open("c")).unwrap();
    block_on(world.buckets.pool().clean_up()).unwrap();
    assert_eq!(world.buckets.show("c").unwrap().allocated.get(), 0);
    delete(&world, "one");
    block_on(world.buckets.delete_with_contents("c")).unwrap();
    assert_eq!(live(&world), 0);
    ends_empty(world.kill());
}

#[test]
fn a_bucket_that_goes_on_from_a_snapshot_goes_on_for_itself() {
    let world = World::new();
    let bucket = &world.bucket;
    let data = pattern(4 << 20, 1);
    put(bucket, b"a", &data);
    take(&world, "one");
    remove(bucket, b"a");
    block_on(world.buckets.create_from("c", ("b", Some("one")))).unwrap();
    block_on(world.buckets.create_from("d", ("c", None))).unwrap();
    let again = block_on(world.buckets.create_from("c", ("b", Some("one"))));
    assert!(matches!(again, Err(BucketError::Exists { .. })));
    let (c, d) = (
        block_on(world.buckets.open("c")).unwrap(),
        block_on(world.buckets.open("d")).unwrap(),
    );
    assert!(get(&c, b"a").unwrap() == data && get(&d, b"a").unwrap() == data);
    remove(&c, b"a");
    put(&c, b"n", &pattern(1 << 20, 9));
    assert_eq!(
        (keys(&c), keys(&d)),
        (vec!["n".to_owned()], vec!["a".to_owned()])
    );
    assert_eq!(live(&world), 5 << 20);
    delete(&world, "one");
    block_on(world.buckets.delete_with_contents("d")).unwrap();
    // Two buckets went on from it.
    assert_eq!(live(&world), 5 << 20);
    let world = world.kill();
    block_on(world.buckets.delete_with_contents("c")).unwrap();
    assert_eq!(live(&world), 0);
    ends_empty(world.kill());
}
