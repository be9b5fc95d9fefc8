//! What must be durable before something that was seen is shown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Ack, NewKind};
use engine_pool::block_on;

use crate::{World, create};

/// A reader that sees a change while it is being applied waits for that change, not for the one
/// before.
#[test]
fn what_is_seen_is_waited_for() {
    let world = World::new();
    let bucket = &world.bucket;
    let pool = world.buckets.pool();
    let root = bucket.root();
    let stop = AtomicBool::new(false);
    let mut seen = Vec::new();
    let made = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut made = HashMap::new();
            for _ in 0..10_000 {
                let file = create(bucket, &root, b"f", NewKind::File);
                made.insert(file.id(), pool.applied_lsn());
                block_on(bucket.unlink(&root, b"f", Ack::Written)).unwrap();
            }
            stop.store(true, Ordering::Release);
            made
        });
        while !stop.load(Ordering::Acquire) {
            let head = block_on(bucket.head(b"f")).unwrap();
            seen.extend(head.found.map(|found| (found.info.id, head.lsn)));
        }
        writer.join().unwrap()
    });
    let too_low = seen.iter().filter(|(id, lsn)| *lsn < made[id]).count();
    assert_eq!(too_low, 0, "of {}", seen.len());
}
