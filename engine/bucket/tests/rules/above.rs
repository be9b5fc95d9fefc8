//! What is seen of a key depends on the names of all directories above it.

use engine_bucket::{Ack, RenameHow};
use engine_pool::block_on;

use crate::{World, put};

#[test]
fn the_name_of_a_directory_far_above_is_waited_for() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    put(bucket, b"x/b/c", b"1");
    block_on(bucket.sync()).unwrap();
    let (from, to) = ((&root, &b"x"[..]), (&root, &b"a"[..]));
    block_on(bucket.rename(from, to, RenameHow::Replace, Ack::Written)).unwrap();
    let durable = world.buckets.pool().durable_lsn();
    let head = block_on(bucket.head(b"a/b/c")).unwrap();
    assert!(head.found.is_some() && head.lsn > durable);
    let get = block_on(bucket.get(b"a/b/c")).unwrap();
    assert!(get.found.is_some() && get.lsn > durable);
    let gone = block_on(bucket.head(b"x/b/c")).unwrap();
    assert!(gone.found.is_none() && gone.lsn > durable);
}
