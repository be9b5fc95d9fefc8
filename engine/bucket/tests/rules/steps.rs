//! Writes of 1 MiB that touch more blocks than others.

use engine_bucket::{Ack, Completion, NewKind, ObjectMetadata, WriteAt};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, pattern};

#[test]
fn a_small_file_grows_by_a_mebibyte_that_begins_inside_a_block() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    let data = pattern(1 << 20, 1);
    block_on(bucket.write(&file, WriteAt::Byte(0), b"abc", Ack::Written)).unwrap();
    block_on(bucket.write(&file, WriteAt::Byte(4097), &data, Ack::Written)).unwrap();
    let mut whole = b"abc".to_vec();
    whole.resize(4097, 0);
    whole.extend(&data);
    assert!(get(bucket, b"f").unwrap() == whole);
    assert_eq!(
        block_on(bucket.info(&file)).unwrap().allocated,
        world.allocated()
    );
}

#[test]
fn a_mebibyte_is_written_over_the_end_of_a_piece() {
    let world = World::new();
    let bucket = &world.bucket;
    let object = ObjectMetadata::default();
    let id = block_on(bucket.create_upload(b"k", OWNER, &object, Ack::Written)).unwrap();
    let piece = pattern(2_008_192, 1);
    let parts = [(1, b"t".to_vec()), (2, b"t".to_vec())];
    for (number, _) in &parts {
        let mut upload = bucket.upload();
        block_on(upload.write(&piece)).unwrap();
        block_on(upload.finish_part(id, *number, b"t", b"", Ack::Written)).unwrap();
    }
    let completion = Completion {
        parts: &parts,
        owner: OWNER,
        object: &object,
    };
    block_on(bucket.complete_upload(id, &completion, None, Ack::Written)).unwrap();
    let node = block_on(bucket.node_of(b"k")).unwrap();
    // One byte before the last block of the first piece.
    let at = (piece.len() - 1) / 4096 * 4096 - 1;
    let data = pattern(1 << 20, 5);
    let how = WriteAt::Byte(at as u64);
    block_on(bucket.write(&node, how, &data, Ack::Written)).unwrap();
    let mut whole = [&piece[..], &piece[..]].concat();
    whole[at..at + data.len()].copy_from_slice(&data);
    assert!(get(bucket, b"k").unwrap() == whole);
    assert_eq!(
        block_on(bucket.info(&node)).unwrap().allocated,
        world.allocated()
    );
}
