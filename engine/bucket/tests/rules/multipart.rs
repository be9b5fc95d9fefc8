use engine_bucket::{Ack, BucketError, Completion, ObjectMetadata, UploadId, WriteAt};
use engine_pool::block_on;

use crate::{OWNER, World, get, pattern};

fn part(world: &World, id: UploadId, number: u32, data: &[u8]) {
    let mut upload = world.bucket.upload();
    block_on(upload.write(data)).unwrap();
    let tag = format!("t{number}").into_bytes();
    block_on(upload.finish_part(id, number, &tag, b"", Ack::Durable)).unwrap();
}

fn begin(world: &World, key: &[u8]) -> UploadId {
    let object = ObjectMetadata {
        metadata: vec![(b"content-type".to_vec(), b"text/plain".to_vec())],
        ..ObjectMetadata::default()
    };
    block_on(
        world
            .bucket
            .create_upload(key, OWNER, &object, Ack::Durable),
    )
    .unwrap()
}

fn complete(world: &World, id: UploadId, numbers: &[u32]) -> Result<(), BucketError> {
    let parts: Vec<_> = numbers
        .iter()
        .map(|number| (*number, format!("t{number}").into_bytes()))
        .collect();
    let object = ObjectMetadata {
        entity_tag: Some(b"whole-2".to_vec()),
        ..ObjectMetadata::default()
    };
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &object,
    };
    let completed = world
        .bucket
        .complete_upload(id, &completion, None, Ack::Durable);
    block_on(completed).map(|_| ())
}

/// Rule 15: completing is one batch for any sizes of parts; the result is a file as any other.
#[test]
fn parts_of_any_sizes_become_one_file() {
    let world = World::new();
    let id = begin(&world, b"d/k");
    let sizes = [5_000, 1, 1_300_001, 0, 4096, 77];
    let mut whole = Vec::new();
    for (index, size) in sizes.iter().enumerate() {
        let data = pattern(*size, index);
        part(&world, id, u32::try_from(index).unwrap() + 1, &data);
        whole.extend_from_slice(&data);
    }
    part(&world, id, 9, &pattern(50_000, 9));
    let (key, parts) = block_on(world.bucket.parts(id, 2, 3)).unwrap();
    assert_eq!(key, b"d/k");
    let numbers: Vec<u32> = parts.iter().map(|part| part.part).collect();
    assert_eq!(numbers, [3, 4, 5]);
    let world = world.kill();
    assert_eq!(block_on(world.bucket.uploads(b"d/")).unwrap().len(), 1);
    let missing = complete(&world, id, &[1, 8]);
    assert!(matches!(missing, Err(BucketError::NotFound { .. })));
    let order = complete(&world, id, &[2, 1]);
    assert!(matches!(order, Err(BucketError::Invalid { .. })));
    complete(&world, id, &[1, 2, 3, 4, 5, 6]).unwrap();
    assert!(block_on(world.bucket.uploads(b"")).unwrap().is_empty());
    assert!(get(&world.bucket, b"d/k").unwrap() == whole);
    let head = block_on(world.bucket.head(b"d/k")).unwrap().found.unwrap();
    assert_eq!(head.metadata[0].1, b"text/plain");
    assert_eq!(world.allocated(), whole.len() as u64, "part 9 is gone");
    let node = block_on(world.bucket.node_of(b"d/k")).unwrap();
    for (at, bytes) in [
        (4_990, 30),
        (0, 10_000),
        (1_305_000, 5_000),
        (1_309_100, 20_000),
    ] {
        let data = pattern(bytes, at);
        let how = WriteAt::Byte(at as u64);
        block_on(world.bucket.write(&node, how, &data, Ack::Written)).unwrap();
        whole.resize(whole.len().max(at + bytes), 0);
        whole[at..at + bytes].copy_from_slice(&data);
        assert!(get(&world.bucket, b"d/k").unwrap() == whole, "after {at}");
        let info = block_on(world.bucket.info(&node)).unwrap();
        assert_eq!(info.allocated, world.allocated());
    }
    for size in [1_310_000, 5_001, 3, 2_000_000] {
        block_on(world.bucket.truncate(&node, size as u64, Ack::Written)).unwrap();
        whole.resize(size, 0);
        assert!(
            get(&world.bucket, b"d/k").unwrap() == whole,
            "cut to {size}"
        );
    }
    let world = world.kill();
    assert!(get(&world.bucket, b"d/k").unwrap() == whole);
    block_on(world.bucket.remove(b"d/k", None, Ack::Written)).unwrap();
    assert_eq!(world.allocated(), 0);
}

#[test]
fn more_pieces_than_a_batch_takes() {
    let world = World::new();
    let id = begin(&world, b"k");
    for number in 1..=1_700 {
        part(&world, id, number, &number.to_be_bytes());
    }
    let numbers: Vec<u32> = (1..=1_650).collect();
    complete(&world, id, &numbers).unwrap();
    let expected: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    let world = world.kill();
    assert!(get(&world.bucket, b"k").unwrap() == expected);
    assert_eq!(world.allocated(), expected.len() as u64);
    block_on(world.bucket.remove(b"k", None, Ack::Written)).unwrap();
    assert_eq!(world.allocated(), 0);
}

#[test]
fn what_does_not_become_an_object_is_given_back() {
    let world = World::new();
    let id = begin(&world, b"k");
    part(&world, id, 1, &pattern(2_000_000, 1));
    part(&world, id, 1, &pattern(3_000, 2));
    assert_eq!(world.allocated(), 3_000);
    block_on(world.bucket.abort_upload(id, Ack::Durable)).unwrap();
    assert_eq!(world.allocated(), 0);
    let again = block_on(world.bucket.abort_upload(id, Ack::Durable));
    assert!(matches!(again, Err(BucketError::NotFound { .. })));
    let mut upload = world.bucket.upload();
    block_on(upload.write(&pattern(3_000_000, 3))).unwrap();
    assert!(world.allocated() > 0);
    drop(upload);
    crate::put(&world.bucket, b"small", b"");
    assert_eq!(world.allocated(), 0, "dropped");
    let mut upload = world.bucket.upload();
    block_on(upload.write(&pattern(3_000_000, 3))).unwrap();
    std::mem::forget(upload);
    assert_eq!(world.kill().allocated(), 0, "killed");
}
