//! What one door has acknowledged the other shows: no stale read, never.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use engine_pool::block_on;

use crate::world::{Random, World, append, get, is_absent, pattern, put, remove, rename};

const WRITERS: u64 = 4;
const KEYS: usize = 6;
const SEED: u64 = 0x5eed;

/// What one writer has acknowledged, by key.
type Known = BTreeMap<String, Vec<u8>>;

/// The keys of a writer: some lie below directories that exist only for them.
fn key(writer: u64, index: usize) -> String {
    match index % 3 {
        0 => format!("w{writer}k{index}"),
        1 => format!("w{writer}/k{index}"),
        _ => format!("w{writer}/deep{index}/er/k{index}"),
    }
}

fn size(random: &mut Random) -> usize {
    match random.below(4) {
        0 => random.below(64),
        1 => 4096 + random.below(3),
        2 => random.below(9000),
        _ => random.below(70_000),
    }
}

/// The mount shows exactly this, down to the second of the last change.
fn check(world: &World, key: &str, expected: Option<&Vec<u8>>, doing: &str) {
    let path = world.path(key);
    let Some(expected) = expected else {
        assert!(is_absent(&path), "{doing}: {key} is still there");
        assert!(fs::read(&path).is_err(), "{doing}: {key} can still be read");
        return;
    };
    let seen = fs::metadata(&path).unwrap_or_else(|error| panic!("{doing}: {key}: {error}"));
    assert_eq!(seen.len(), expected.len() as u64, "{doing}: size of {key}");
    let read = fs::read(&path).unwrap();
    assert!(read == *expected, "{doing}: content of {key}");
    let head = block_on(world.bucket.head(key.as_bytes())).unwrap().found;
    let modified = head.unwrap().info.modified;
    let second = modified.div_euclid(1_000_000_000);
    assert_eq!(
        fs::metadata(&path).unwrap().mtime(),
        second,
        "{doing}: {key}"
    );
}

/// Fills the caches of the kernel with what is about to change.
fn warm(world: &World, key: &str) {
    let path = world.path(key);
    let _ = fs::metadata(&path);
    let _ = fs::read(&path);
}

/// One change through the object door, looked at through the mount.
fn object_trial(world: &World, writer: u64, random: &mut Random, known: &mut Known) {
    let name = key(writer, random.below(KEYS));
    if random.below(3) > 0 {
        warm(world, &name);
    }
    let before = known.get(&name).cloned();
    let held = File::open(world.path(&name))
        .ok()
        .filter(|_| random.below(2) == 0);
    match random.below(8) {
        0..4 => {
            let data = pattern(size(random), random.next());
            put(&world.bucket, &name, &data);
            known.insert(name.clone(), data);
            check(world, &name, known.get(&name), "put");
            // Who holds the old file keeps the old content.
            if let (Some(held), Some(before)) = (held, before) {
                let mut old = vec![0; before.len()];
                held.read_exact_at(&mut old, 0).unwrap();
                assert!(old == before, "an open file of {name} changed");
            }
        }
        4 | 5 => {
            let data = pattern(1 + size(random), random.next());
            let whole = known.entry(name.clone()).or_default();
            append(&world.bucket, &name, whole.len() as u64, &data);
            whole.extend_from_slice(&data);
            check(world, &name, known.get(&name), "append");
            if let (Some(held), Some(_)) = (held, before) {
                let whole = &known[&name];
                let mut all = vec![0; whole.len()];
                held.read_exact_at(&mut all, 0).unwrap();
                assert!(all == *whole, "an open file of {name} misses an append");
            }
        }
        6 => {
            remove(&world.bucket, &name);
            known.remove(&name);
            check(world, &name, None, "remove");
        }
        _ => {
            let to = key(writer, random.below(KEYS));
            if known.contains_key(&name) && to != name {
                warm(world, &to);
                rename(&world.bucket, &name, &to);
                let moved = known.remove(&name).unwrap();
                known.insert(to.clone(), moved);
                check(world, &name, None, "rename from");
                check(world, &to, known.get(&to), "rename to");
            }
        }
    }
}

/// One change through the mount, looked at through the object door.
fn mount_trial(world: &World, writer: u64, random: &mut Random, known: &mut Known) {
    let name = format!("m{writer}k{}", random.below(KEYS));
    let path = world.path(&name);
    match random.below(8) {
        0..3 => {
            let data = pattern(size(random), random.next());
            fs::write(&path, &data).unwrap();
            known.insert(name.clone(), data);
        }
        3 | 4 => {
            let data = pattern(1 + size(random), random.next());
            let file = OpenOptions::new().append(true).create(true).open(&path);
            file.unwrap().write_all(&data).unwrap();
            known
                .entry(name.clone())
                .or_default()
                .extend_from_slice(&data);
        }
        5 => overwrite(&path, random, known.entry(name.clone()).or_default()),
        6 => {
            let existed = known.remove(&name).is_some();
            assert_eq!(fs::remove_file(&path).is_ok(), existed);
        }
        _ => {
            let to = format!("m{writer}k{}", random.below(KEYS));
            if known.contains_key(&name) && to != name {
                fs::rename(&path, world.path(&to)).unwrap();
                let moved = known.remove(&name).unwrap();
                known.insert(to, moved);
            }
        }
    }
    for index in 0..KEYS {
        let name = format!("m{writer}k{index}");
        let seen = get(&world.bucket, &name);
        assert!(seen.as_ref() == known.get(&name), "stale object {name}");
    }
}

/// A write in the middle, or a new size.
fn overwrite(path: &Path, random: &mut Random, whole: &mut Vec<u8>) {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let file = file.unwrap();
    if random.below(2) == 0 {
        let bytes = size(random);
        file.set_len(bytes as u64).unwrap();
        whole.resize(bytes, 0);
        return;
    }
    let (at, data) = (
        random.below(20_000),
        pattern(1 + size(random), random.next()),
    );
    file.write_all_at(&data, at as u64).unwrap();
    let end = at + data.len();
    whole.resize(whole.len().max(end), 0);
    whole[at..end].copy_from_slice(&data);
}

/// Looks at everything all the time, so that lookups and reads are under way when things change.
fn look_around(world: &World, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for writer in 0..WRITERS {
            for index in 0..KEYS {
                warm(world, &key(writer, index));
            }
        }
        for entry in fs::read_dir(&world.root).unwrap().flatten() {
            let _ = entry.metadata();
        }
    }
}

fn run(trials: u64, trial: fn(&World, u64, &mut Random, &mut Known)) {
    println!("seed {SEED:#x}, {trials} trials");
    let world = World::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = [(); 2].map(|()| scope.spawn(|| look_around(&world, &done)));
        let world = &world;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let (mut random, mut known) = (Random(SEED + writer), Known::new());
                    for _ in 0..trials / WRITERS {
                        trial(world, writer, &mut random, &mut known);
                    }
                })
            })
            .collect();
        let results: Vec<_> = writers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        let looked = looking.map(thread::ScopedJoinHandle::join);
        assert!(
            results.iter().chain(&looked).all(Result::is_ok),
            "a thread failed"
        );
    });
}

#[test]
fn what_the_object_door_has_acknowledged_the_mount_shows() {
    run(4_000, object_trial);
}

#[test]
fn what_a_call_of_the_mount_has_done_the_object_door_shows() {
    run(4_000, mount_trial);
}

#[test]
#[ignore = "takes minutes"]
fn the_object_door_first_a_hundred_thousand_times() {
    run(100_000, object_trial);
}

#[test]
#[ignore = "takes minutes"]
fn the_mount_first_a_hundred_thousand_times() {
    run(100_000, mount_trial);
}
