//! Whoever looks while others change things sees each change whole or not at all.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Ack, NewKind, RenameHow};
use engine_pool::block_on;

use crate::{World, create, put};

/// A name that others are renamed over always leads somewhere.
#[test]
fn a_name_that_is_replaced_is_never_missing() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    put(bucket, b"to", b"0");
    let stop = AtomicBool::new(false);
    let mut misses = 0_u64;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..5_000 {
                create(bucket, &root, b"from", NewKind::File);
                let (from, to) = ((&root, &b"from"[..]), (&root, &b"to"[..]));
                let how = RenameHow::Replace;
                block_on(bucket.rename(from, to, how, Ack::Written)).unwrap();
            }
            stop.store(true, Ordering::Release);
        });
        while !stop.load(Ordering::Acquire) {
            let seen = block_on(bucket.head(b"to")).unwrap();
            misses += u64::from(seen.found.is_none());
        }
    });
    assert_eq!(misses, 0);
}
