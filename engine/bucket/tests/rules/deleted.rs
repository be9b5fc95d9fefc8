//! Handles to a bucket that is deleted.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Ack, BucketError, ObjectMetadata, RootOwner};
use engine_pool::block_on;

use crate::{OWNER, World, pattern};

/// The pool goes on, and opens again.
fn goes_on(world: World) {
    block_on(world.buckets.create("b", RootOwner::default())).unwrap();
    let world = world.kill();
    crate::put(&world.bucket, b"k", b"x");
    assert_eq!(world.buckets.list().len(), 1);
}

#[test]
fn an_upload_begun_in_a_deleted_bucket_is_refused() {
    let world = World::new();
    let handle = world.bucket.clone();
    block_on(world.buckets.delete("b")).unwrap();
    let object = ObjectMetadata::default();
    let begun = block_on(handle.create_upload(b"k", OWNER, &object, Ack::Written));
    assert!(matches!(begun, Err(BucketError::NotFound { .. })));
    goes_on(world);
}

#[test]
fn content_staged_in_a_deleted_bucket_is_refused() {
    let world = World::new();
    let mut upload = world.bucket.upload();
    block_on(upload.write(&pattern(2_000_000, 1))).unwrap();
    block_on(world.buckets.delete("b")).unwrap();
    let staged = block_on(upload.write(&pattern(2_000_000, 1)));
    assert!(matches!(staged, Err(BucketError::NotFound { .. })));
    drop(upload);
    goes_on(world);
}

/// Whoever commits while the bucket is being deleted does so before it is gone, or not at all.
#[test]
fn a_bucket_is_deleted_under_the_hands_of_uploads() {
    for round in 0..20 {
        let world = World::new();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (bucket, done) = (&world.bucket, &done);
                scope.spawn(move || {
                    let object = ObjectMetadata::default();
                    while !done.load(Ordering::Acquire) {
                        let mut upload = bucket.upload();
                        let _ = block_on(upload.write(&pattern(1_100_000, thread)));
                        let begun = bucket.create_upload(b"k", OWNER, &object, Ack::Written);
                        let _ = block_on(begun);
                    }
                });
            }
            for _ in 0..round {
                std::thread::yield_now();
            }
            block_on(world.buckets.delete("b")).unwrap();
            done.store(true, Ordering::Release);
        });
        goes_on(world);
    }
}
