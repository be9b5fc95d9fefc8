//! Files whose contents are compressed: read, cut, copied and given back as any others.

use engine_bucket::{Ack, Allocate, WriteAt};
use engine_format::Compression;
use engine_pool::block_on;

use crate::{World, get, pattern, put};

fn compressed() -> World {
    let world = World::new();
    block_on(world.buckets.set_compression("b", Compression::Lz4)).unwrap();
    world
}

/// Allocated and stored bytes, and what is live in the pool.
fn taken(world: &World) -> (u64, u64, u64) {
    let info = world.buckets.show("b").unwrap();
    let live = world.buckets.pool().status().live_data.get();
    (info.allocated.get(), info.stored.get(), live)
}

#[test]
fn an_object_takes_what_it_compresses_to_and_counts_what_it_holds() {
    let world = compressed();
    let data = pattern(300_000, 1);
    put(&world.bucket, b"k", &data);
    let (allocated, stored, live) = taken(&world);
    assert_eq!((allocated, live), (300_000, stored));
    assert!(stored < 200_000, "{stored}");
    assert!(get(&world.bucket, b"k").unwrap() == data);
    let world = world.kill();
    assert!(get(&world.bucket, b"k").unwrap() == data);
    assert_eq!(taken(&world), (allocated, stored, live));
    block_on(world.bucket.remove(b"k", None, Ack::Written)).unwrap();
    assert_eq!(taken(&world), (0, 0, 0));
    world.kill();
}

/// Copies of parts of units, cut anywhere, in any order of going.
#[test]
fn parts_of_units_are_shared_and_given_back_in_any_order() {
    for order in 0..6_usize {
        let world = compressed();
        let bucket = &world.bucket;
        let mut data = pattern(200_000, order);
        put(bucket, b"a", &data);
        put(bucket, b"b", b"");
        put(bucket, b"c", b"");
        let node = |name: &[u8]| block_on(bucket.lookup(&bucket.root(), name)).unwrap().0;
        let (a, b, c) = (node(b"a"), node(b"b"), node(b"c"));
        let copied = bucket.copy_range((&a, 1000), (&b, 0), 150_001, Ack::Written);
        assert_eq!(block_on(copied).unwrap(), 150_001);
        let copied = bucket.copy_range((&b, 77), (&c, 5), 70_000, Ack::Written);
        assert_eq!(block_on(copied).unwrap(), 70_000);
        let in_b = data[1000..151_001].to_vec();
        let mut in_c = vec![0; 5];
        in_c.extend(&in_b[77..70_077]);
        block_on(bucket.write(&a, WriteAt::Byte(20_000), &[9; 5000], Ack::Written)).unwrap();
        data[20_000..25_000].fill(9);
        block_on(bucket.allocate(&a, 60_000..140_000, Allocate::Punch, Ack::Written)).unwrap();
        data[60_000..140_000].fill(0);
        block_on(bucket.truncate(&c, 65_003, Ack::Written)).unwrap();
        in_c.truncate(65_003);
        drop((a, b, c));
        let world = world.kill();
        let mut left = vec![(&b"a"[..], data), (&b"b"[..], in_b), (&b"c"[..], in_c)];
        left.rotate_left(order % 3);
        if order >= 3 {
            left.swap(0, 1);
        }
        while let Some((name, _)) = left.pop() {
            block_on(world.bucket.remove(name, None, Ack::Written)).unwrap();
            for (name, data) in &left {
                assert!(get(&world.bucket, name).unwrap() == *data, "order {order}");
            }
        }
        block_on(world.buckets.pool().clean_up()).unwrap();
        assert_eq!(taken(&world), (0, 0, 0), "order {order}");
        world.kill();
    }
}
