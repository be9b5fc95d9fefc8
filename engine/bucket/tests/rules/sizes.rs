//! Files whose sizes have little to do with what they hold.

use engine_bucket::{Ack, Allocate, NewKind, WriteAt};
use engine_pool::block_on;

use crate::{World, create};

#[test]
fn a_small_file_of_a_petabyte_is_read_where_it_is_asked_for() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    block_on(bucket.write(&file, WriteAt::Byte(0), b"abc", Ack::Written)).unwrap();
    block_on(bucket.truncate(&file, 1 << 50, Ack::Written)).unwrap();
    let reader = block_on(bucket.get(b"f")).unwrap().found.unwrap();
    assert_eq!(reader.info().size, 1 << 50);
    assert_eq!(block_on(reader.read(1, 4)).unwrap(), b"bc\0\0");
    assert_eq!(block_on(reader.read((1 << 50) - 2, 9)).unwrap(), b"\0\0");
    block_on(reader.close()).unwrap();
    let punch = bucket.allocate(&file, 1..1 << 20, Allocate::Punch, Ack::Written);
    block_on(punch).unwrap();
    assert_eq!(block_on(bucket.read(&file, 0, 4)).unwrap(), b"a\0\0\0");
}
