//! Appends that take more than one batch.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::{Ack, BucketError, NewKind, WriteAt};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, put};

#[test]
fn long_appends_of_several_writers_do_not_mix() {
    let world = World::new();
    let bucket = &world.bucket;
    let file = create(bucket, &bucket.root(), b"f", NewKind::File);
    std::thread::scope(|scope| {
        for thread in 1..=2_u8 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..5 {
                    let data = vec![thread; 3 << 20];
                    block_on(bucket.write(file, WriteAt::End, &data, Ack::Written)).unwrap();
                }
            });
        }
    });
    assert_eq!(block_on(bucket.info(&file)).unwrap().size, 30 << 20);
    for index in 0..10 {
        let at = index * (3 << 20);
        let data = block_on(bucket.read(&file, at, 3 << 20)).unwrap();
        assert!(data.iter().all(|byte| *byte == data[0]), "append {index}");
    }
}

/// Rule 16: what is appended goes to the object that the key names then, however often another one
/// comes in its place, and whoever holds the one before.
#[test]
fn appends_reach_the_object_that_took_the_place() {
    let world = World::new();
    let bucket = &world.bucket;
    let root = bucket.root();
    let stop = AtomicBool::new(false);
    put(bucket, b"k", b"first");
    let (node, _) = block_on(bucket.lookup(&root, b"k")).unwrap();
    // Other names and handles keep replaced files.
    block_on(bucket.link(&node, (&root, b"other"), Ack::Written)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2_000 {
                let held = match block_on(bucket.lookup(&root, b"k")) {
                    Ok((node, _)) => Some(block_on(bucket.open(&node)).unwrap()),
                    Err(_) => None,
                };
                let bucket = bucket.clone();
                block_on(bucket.upload().finish(
                    b"k",
                    OWNER,
                    &engine_bucket::ObjectMetadata::default(),
                    None,
                    Ack::Written,
                ))
                .unwrap();
                if let Some(held) = held {
                    block_on(held.close()).unwrap();
                }
            }
            stop.store(true, Ordering::Release);
        });
        while !stop.load(Ordering::Acquire) {
            let found = block_on(bucket.append_object(b"k", 0, b"x", OWNER, Ack::Written));
            let refused = matches!(found, Err(BucketError::Precondition));
            assert!(found.is_ok() || refused, "{found:?}");
            let metadata = [(b"meta.a".to_vec(), b"b".to_vec())];
            let found =
                block_on(bucket.revise_metadata(b"k", &|_| Ok(metadata.to_vec()), Ack::Written));
            assert!(found.is_ok(), "{found:?}");
        }
    });
    block_on(bucket.upload().finish(
        b"k",
        OWNER,
        &engine_bucket::ObjectMetadata::default(),
        None,
        Ack::Written,
    ))
    .unwrap();
    block_on(bucket.append_object(b"k", 0, b"last", OWNER, Ack::Written)).unwrap();
    assert_eq!(get(bucket, b"k").unwrap(), b"last");
    assert_eq!(get(bucket, b"other").unwrap(), b"first");
}
