//! Nodes of files whose names change all the time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine_bucket::{Ack, NewKind, RenameHow};
use engine_pool::block_on;

use crate::{World, create};

#[test]
fn a_node_that_is_renamed_is_always_found() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let root = bucket.root();
    let file = create(bucket, &root, b"a", NewKind::File);
    let stop = AtomicBool::new(false);
    let misses = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Acquire) {
                    let found = block_on(bucket.info(&file)).is_ok();
                    misses.fetch_add(u64::from(!found), Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let (a, b) = ((&root, &b"a"[..]), (&root, &b"b"[..]));
            for round in 0..10_000 {
                let (from, to) = if round % 2 == 0 { (a, b) } else { (b, a) };
                let how = RenameHow::Replace;
                block_on(bucket.rename(from, to, how, Ack::Written)).unwrap();
            }
            stop.store(true, Ordering::Release);
        });
    });
    world.buckets.pool().close().unwrap();
    assert_eq!(misses.into_inner(), 0);
}
