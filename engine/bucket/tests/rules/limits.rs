use engine_bucket::{Ack, BucketError, ListOptions, NewKind, ObjectMetadata, WriteAt};
use engine_pool::{StoreError, block_on};

use crate::{OWNER, World, create, get, new, pattern, put};

/// A full pool refuses what adds data and lets go of what is removed.
#[test]
fn a_full_pool_gives_space_back() {
    let world = World::with(80 << 20, 4 << 20);
    let bucket = &world.bucket;
    let data = pattern(3_000_000, 1);
    let mut keys = Vec::new();
    let error = loop {
        let mut upload = bucket.upload();
        let object = ObjectMetadata::default();
        let key = format!("d/{:03}", keys.len()).into_bytes();
        let put = match block_on(upload.write(&data)) {
            Ok(()) => block_on(upload.finish(&key, OWNER, &object, None, Ack::Written)),
            Err(error) => Err(error),
        };
        match put {
            Ok(_) => keys.push(key),
            Err(error) => break error,
        }
        assert!(keys.len() < 100, "the pool is full at some time");
    };
    let full = matches!(error, BucketError::Store(StoreError::NoSpace { .. }));
    assert!(full, "{error:?}");
    for key in &keys {
        assert!(get(bucket, key).unwrap() == data);
    }
    for key in keys.iter().rev() {
        block_on(bucket.remove(key, None, Ack::Durable)).unwrap();
    }
    put(bucket, b"again", &data);
    assert_eq!(world.allocated(), data.len() as u64);
}

/// Far more names than memory takes, by several threads, with checkpoints and evictions all along.
#[test]
fn little_memory_is_enough_for_many_hands() {
    let world = World::with(256 << 20, 256 << 10);
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let root = bucket.root();
    let shared = create(bucket, &root, b"shared", NewKind::Directory);
    let files = 900;
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (root, shared) = (&root, &shared);
            scope.spawn(move || {
                let own = format!("own{thread}").into_bytes();
                let own = create(bucket, root, &own, NewKind::Directory);
                for index in 0..files {
                    let name = format!("a rather long name of file {thread} {index:05}");
                    let parent = if index % 2 == 0 { shared } else { &own };
                    let name = name.into_bytes();
                    let file = new(NewKind::File);
                    let made = block_on(bucket.create(parent, &name, &file, Ack::Written));
                    let (node, _) = made.unwrap();
                    let data = pattern(1 + index * 7, index);
                    block_on(bucket.write(&node, WriteAt::End, &data, Ack::Written)).unwrap();
                    if index % 3 == 0 {
                        block_on(bucket.unlink(parent, &name, Ack::Written)).unwrap();
                    } else {
                        let read = block_on(bucket.read(&node, 0, data.len())).unwrap();
                        assert!(read == data);
                    }
                }
            });
        }
    });
    let options = ListOptions {
        max: usize::MAX - 1,
        ..ListOptions::default()
    };
    let page = block_on(bucket.list(&options)).unwrap();
    // Five directories are objects too.
    assert_eq!(page.items.len(), 4 * files * 2 / 3 + 5);
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    let page = block_on(world.bucket.list(&options)).unwrap();
    assert_eq!(page.items.len(), 4 * files * 2 / 3 + 5);
}
