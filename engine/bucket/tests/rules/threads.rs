use std::sync::atomic::{AtomicUsize, Ordering};

use engine_bucket::{Ack, Bucket, BucketError, InodeKind, ListOptions, NewKind, Node, RenameHow};
use engine_pool::block_on;

use crate::{OWNER, World, create, get, new, put};

/// Several threads put and remove keys of the same directories while others look and rename.
#[test]
fn directories_for_keys_come_and_go_under_many_hands() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let rounds = 150;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..rounds {
                    let key = format!("d/e{}/k{thread}", round % 3).into_bytes();
                    put(bucket, &key, &key);
                    let removed = block_on(bucket.remove(&key, None, Ack::Written));
                    assert!(removed.unwrap().existed);
                }
            });
        }
        scope.spawn(move || {
            for _ in 0..rounds {
                let options = ListOptions {
                    delimiter: b"/",
                    max: 100,
                    ..ListOptions::default()
                };
                let page = block_on(bucket.list(&options)).unwrap();
                assert!(page.items.len() <= 1);
            }
        });
    });
    let page = ListOptions {
        max: 10,
        ..ListOptions::default()
    };
    assert!(block_on(bucket.list(&page)).unwrap().items.is_empty());
    let gone = block_on(bucket.lookup(&bucket.root(), b"d"));
    assert!(matches!(gone, Err(BucketError::NotFound { .. })));
    let state = block_on(bucket.directory_state(bucket.root().id())).unwrap();
    assert_eq!((state.entries, state.keys, state.directories), (0, 0, 0));
    world.buckets.pool().close().unwrap();
}

/// Exactly one of many creators of a name, and one of many removers, wins; names wander meanwhile.
#[test]
fn names_are_made_moved_and_removed_once() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let root = bucket.root();
    let dirs = [
        create(bucket, &root, b"x", NewKind::Directory),
        create(bucket, &root, b"y", NewKind::Directory),
    ];
    let (made, removed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (dirs, made, removed) = (&dirs, &made, &removed);
            scope.spawn(move || {
                for round in 0..200_usize {
                    let name = format!("n{}", round % 5).into_bytes();
                    let (from, to) = (&dirs[thread % 2], &dirs[(thread + round) % 2]);
                    let new = new(NewKind::File);
                    match block_on(bucket.create(from, &name, &new, Ack::Written)) {
                        Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => assert!(matches!(error, BucketError::Exists { .. })),
                    }
                    let how = RenameHow::NoReplace;
                    let moved = bucket.rename((from, &name), (to, b"moved"), how, Ack::Written);
                    let _ = block_on(moved);
                    let gone = block_on(bucket.unlink(to, b"moved", Ack::Written));
                    if gone.is_ok() {
                        removed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let left: u64 = dirs
        .iter()
        .map(|dir| block_on(bucket.directory_state(dir.id())).unwrap().entries)
        .sum();
    let (made, removed) = (made.into_inner() as u64, removed.into_inner() as u64);
    assert_eq!(made - removed, left);
    world.buckets.pool().close().unwrap();
}

/// Directories are moved to and fro, and exchanged, while objects below them are put, read and
/// removed by their keys: nothing waits in a circle, and the counts agree in the end.
#[test]
fn directories_move_under_the_keys() {
    let world = World::new();
    world.buckets.pool().start_background().unwrap();
    let bucket = &world.bucket;
    let root = bucket.root();
    let (d, e) = (&b"d"[..], &b"e"[..]);
    create(bucket, &root, d, NewKind::Directory);
    std::thread::scope(|scope| {
        let root = &root;
        scope.spawn(move || {
            for round in 0..300 {
                let how = [RenameHow::Replace, RenameHow::Exchange][round % 2];
                let _ = block_on(bucket.rename((root, d), (root, e), how, Ack::Written));
                let _ = block_on(bucket.rename((root, e), (root, d), how, Ack::Written));
                let moved =
                    bucket.rename_object(b"d/", b"f/g/", OWNER, Default::default(), Ack::Written);
                let _ = block_on(moved);
                let moved =
                    bucket.rename_object(b"f/g/", b"d/", OWNER, Default::default(), Ack::Written);
                let _ = block_on(moved);
            }
        });
        for thread in 0..3 {
            scope.spawn(move || {
                for round in 0..200 {
                    let key = format!("{}/s/k{thread}", ["d", "e"][round % 2]).into_bytes();
                    put(bucket, &key, &key);
                    if let Some(found) = get(bucket, &key) {
                        assert!(found.ends_with(format!("/s/k{thread}").as_bytes()));
                    }
                    let to = [&key[..], b"-moved"].concat();
                    let moved =
                        bucket.rename_object(&key, &to, OWNER, Default::default(), Ack::Written);
                    let _ = block_on(moved);
                    for key in [&key, &to] {
                        block_on(bucket.remove(key, None, Ack::Written)).unwrap();
                    }
                }
            });
        }
    });
    agree(bucket, &root);
    world.buckets.pool().close().unwrap();
    let world = world.kill();
    agree(&world.bucket, &world.bucket.root());
}

/// The counts of a directory and of all below it are what is there.
fn agree(bucket: &Bucket, node: &Node) {
    let mut stream = bucket.read_directory(node).unwrap();
    let entries = block_on(stream.read(0, 1000)).unwrap();
    let state = block_on(bucket.directory_state(node.id())).unwrap();
    assert_eq!(state.entries, entries.len() as u64);
    let is_directory = |kind| kind == InodeKind::Directory;
    let directories = entries.iter().filter(|entry| is_directory(entry.kind));
    assert_eq!(state.directories, directories.count() as u64);
    for entry in entries.iter().filter(|entry| is_directory(entry.kind)) {
        let (below, _) = block_on(bucket.lookup(node, &entry.name)).unwrap();
        agree(bucket, &below);
    }
}
