use engine_bucket::{Completion, UploadId};

use super::*;

fn begin(bucket: &Bucket, key: &str) -> UploadId {
    let object = ObjectMetadata::default();
    block_on(bucket.create_upload(key.as_bytes(), OWNER, &object, Ack::Written)).unwrap()
}

fn part(bucket: &Bucket, id: UploadId, number: u32, bytes: usize) -> Result<(), BucketError> {
    let mut upload = bucket.upload();
    block_on(upload.for_part(id, number, bytes as u64))?;
    block_on(upload.write(&pattern(bytes, 1)))?;
    block_on(upload.finish_part(id, number, b"t", b"", Ack::Written))
}

fn complete(bucket: &Bucket, id: UploadId, parts: &[u32]) -> Result<Info, BucketError> {
    let parts: Vec<(u32, Vec<u8>)> = parts.iter().map(|part| (*part, b"t".to_vec())).collect();
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &ObjectMetadata::default(),
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written))
}

#[test]
fn rule_19_parts_count_until_their_upload_ends() {
    let world = World::new();
    let bucket = &world.bucket;
    limit(bucket, "", 10_000_000, 0);
    let id = begin(bucket, "d/o");
    part(bucket, id, 1, 6_000_000).unwrap();
    assert_eq!(used(bucket, ""), (6_000_000, 1));
    assert_eq!(refused(part(bucket, id, 2, 5_000_000)), "bytes");
    part(bucket, id, 1, 7_000_000).unwrap();
    part(bucket, id, 2, 3_000_000).unwrap();
    assert_eq!(used(bucket, ""), (10_000_000, 1));
    recount(&world);
    complete(bucket, id, &[1]).unwrap();
    assert_eq!(used(bucket, ""), (7_000_000, 3));
    let other = begin(bucket, "d/p");
    part(bucket, other, 1, 3_000_000).unwrap();
    assert_eq!(refused(try_put(bucket, "x", b"x")), "bytes");
    block_on(bucket.abort_upload(other, Ack::Written)).unwrap();
    assert_eq!(used(bucket, ""), (7_000_000, 3));
    recount(&world);
}

#[test]
fn rule_19_unfinished_uploads_are_taken_over_and_given_back() {
    let world = World::new();
    let bucket = &world.bucket;
    put(bucket, b"d/a", &[1; 10]);
    let ids = [begin(bucket, "d/o"), begin(bucket, "e")];
    for id in ids {
        part(bucket, id, 1, 1000).unwrap();
        part(bucket, id, 3, 500).unwrap();
    }
    limit(bucket, "d", 5000, 0);
    assert_eq!(used(bucket, "d"), (1510, 2));
    limit(bucket, "", 5000, 0);
    assert_eq!(used(bucket, ""), (1500, 1));
    recount(&world);
    limit(bucket, "d", 0, 0);
    assert_eq!(used(bucket, ""), (3010, 3));
    for id in ids {
        complete(bucket, id, &[1, 3]).unwrap();
    }
    assert_eq!(used(bucket, ""), (3010, 5));
    recount(&world);
}

/// More parts than one batch takes.
#[test]
fn rule_19_an_upload_of_many_parts_counts_once() {
    let world = World::new();
    let bucket = &world.bucket;
    limit(bucket, "", 2000, 0);
    let id = begin(bucket, "o");
    let numbers: Vec<u32> = (1..=1600).collect();
    for number in &numbers {
        part(bucket, id, *number, 1).unwrap();
    }
    assert_eq!(used(bucket, ""), (1600, 1));
    complete(bucket, id, &numbers).unwrap();
    assert_eq!(used(bucket, ""), (1600, 2));
    recount(&world);
}

#[test]
fn rule_19_a_stream_is_refused_as_soon_as_it_is_certain() {
    let world = World::new();
    let bucket = &world.bucket;
    limit(bucket, "", 3_000_000, 0);
    let mut upload = bucket.upload();
    assert_eq!(refused(block_on(upload.for_key(b"a", 3_000_001))), "bytes");
    block_on(upload.for_key(b"a", 0)).unwrap();
    let stage = pattern(1 << 20, 1);
    let mut taken = 0;
    let error = loop {
        match block_on(upload.write(&stage)) {
            Ok(()) => taken += stage.len(),
            Err(error) => break error,
        }
        assert!(taken < 5 << 20, "it would be refused");
    };
    assert_eq!(refused(Err::<(), _>(error)), "bytes");
    // What is on its way keeps others out, until it is given up.
    assert_eq!(
        refused(try_put(bucket, "b", &pattern(1_100_000, 1))),
        "bytes"
    );
    drop(upload);
    try_put(bucket, "b", &pattern(3_000_000, 1)).unwrap();
    assert_eq!(used(bucket, ""), (3_000_000, 2));
    recount(&world);
}
