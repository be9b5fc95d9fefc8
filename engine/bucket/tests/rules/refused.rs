//! Completing uploads, where that is refused or cut short.

use engine_bucket::{Ack, BucketError, Completion, Info, ObjectMetadata, UploadId};
use engine_pool::block_on;

use crate::{OWNER, World, get, put};

fn upload_of(world: &World, parts: u32) -> UploadId {
    let bucket = &world.bucket;
    let object = ObjectMetadata::default();
    let id = block_on(bucket.create_upload(b"k", OWNER, &object, Ack::Written)).unwrap();
    for number in 1..=parts {
        let mut upload = bucket.upload();
        block_on(upload.write(&number.to_be_bytes())).unwrap();
        block_on(upload.finish_part(id, number, b"t", b"", Ack::Written)).unwrap();
    }
    id
}

#[test]
fn an_upload_that_is_refused_keeps_all_parts() {
    let world = World::new();
    let bucket = &world.bucket;
    let id = upload_of(&world, 1_600);
    put(bucket, b"k", b"there");
    let parts: Vec<_> = (1..=1_550_u32).map(|n| (n, b"t".to_vec())).collect();
    let object = ObjectMetadata::default();
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &object,
    };
    let absent = |found: Option<&Info>| found.is_none();
    let refused = block_on(bucket.complete_upload(id, &completion, Some(&absent), Ack::Written));
    assert!(matches!(refused, Err(BucketError::Precondition)));
    let (_, left) = block_on(bucket.parts(id, 0, 10_000)).unwrap();
    assert_eq!(left.len(), 1_600);
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
    let expected: Vec<u8> = (1..=1_550_u32).flat_map(u32::to_be_bytes).collect();
    assert!(get(bucket, b"k").unwrap() == expected);
    assert_eq!(world.allocated(), expected.len() as u64);
}

/// The process dies between publishing and forgetting the parts: those that are in the object stay,
/// the others are given back.
#[test]
fn parts_that_a_crash_left_over_are_told_apart() {
    use std::future::Future;
    let world = World::new();
    let bucket = &world.bucket;
    let id = upload_of(&world, 1_600);
    let parts: Vec<_> = (1..=1_550_u32).map(|n| (n, b"t".to_vec())).collect();
    let object = ObjectMetadata::default();
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &object,
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut complete = Box::pin(bucket.complete_upload(id, &completion, None, Ack::Written));
    while get(bucket, b"k").is_none() {
        let plug = world.buckets.pool().plug();
        assert!(complete.as_mut().poll(&mut context).is_pending());
        drop(plug);
        // Whoever commits next writes the group.
        put(bucket, b"other", b"");
    }
    drop(complete);
    let world = world.kill();
    let expected: Vec<u8> = (1..=1_550_u32).flat_map(u32::to_be_bytes).collect();
    assert!(get(&world.bucket, b"k").unwrap() == expected);
    assert_eq!(world.allocated(), expected.len() as u64);
    assert!(block_on(world.bucket.uploads(b"")).unwrap().is_empty());
}
