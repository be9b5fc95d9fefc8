//! Listings of files with several names.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Ack, ListOptions, NewKind, RenameHow};
use engine_pool::block_on;

use crate::{World, create};

/// A name that others are renamed over is in every listing, whatever it leads to.
#[test]
fn links_that_are_replaced_are_listed_throughout() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let stop = AtomicBool::new(false);
    let make = |round: u32| {
        let name = format!("new{round}").into_bytes();
        let file = create(bucket, &root, &name, NewKind::File);
        block_on(bucket.link(&file, (&root, b"z"), Ack::Written)).unwrap();
        block_on(bucket.unlink(&root, &name, Ack::Written)).unwrap();
        let (from, to) = ((&root, &b"z"[..]), (&root, &b"a"[..]));
        block_on(bucket.rename(from, to, RenameHow::Replace, Ack::Written)).unwrap();
    };
    make(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..2_000).for_each(make);
            stop.store(true, Ordering::Release);
        });
        while !stop.load(Ordering::Acquire) {
            let options = ListOptions {
                max: 10,
                ..ListOptions::default()
            };
            let page = block_on(bucket.list(&options)).unwrap();
            assert!(page.items.iter().any(|item| item.key() == b"a"));
        }
    });
}
