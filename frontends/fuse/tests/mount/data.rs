//! Calls on open files.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};

use rustix::fs::{FallocateFlags, FlockOperation, OFlags, SeekFrom};
use rustix::fs::{copy_file_range, fallocate, flock, fsync, seek, statvfs};
use rustix::io::Errno;

use crate::world::{World, get, pattern, put};

fn open(world: &World, key: &str) -> File {
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false);
    how.open(world.path(key)).unwrap()
}

#[test]
fn holes_are_made_and_found() {
    let world = World::new();
    let file = open(&world, "f");
    file.write_all_at(&pattern(1 << 20, 3), 0).unwrap();
    let (from, bytes) = (256 << 10, 256 << 10);
    let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, punch, from, bytes).unwrap();
    let mut data = vec![1; 256 << 10];
    file.read_exact_at(&mut data, from).unwrap();
    assert!(data.iter().all(|byte| *byte == 0));
    assert_eq!(seek(&file, SeekFrom::Hole(0)).unwrap(), from);
    assert_eq!(seek(&file, SeekFrom::Data(from)).unwrap(), from + bytes);
    assert_eq!(seek(&file, SeekFrom::Hole(from + bytes)).unwrap(), 1 << 20);
    assert_eq!(seek(&file, SeekFrom::Data(1 << 20)), Err(Errno::NXIO));
    assert_eq!(file.metadata().unwrap().blocks(), (3 << 18) / 512);
    fallocate(&file, FallocateFlags::ZERO_RANGE, 0, 4096).unwrap();
    fallocate(&file, FallocateFlags::KEEP_SIZE, 0, 2 << 20).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 1 << 20);
    fallocate(&file, FallocateFlags::empty(), 0, 2 << 20).unwrap();
    assert_eq!(file.metadata().unwrap().len(), 2 << 20);
    let collapse = fallocate(&file, FallocateFlags::COLLAPSE_RANGE, 0, 4096);
    assert_eq!(collapse, Err(Errno::OPNOTSUPP));
}

#[test]
fn ranges_are_copied() {
    let world = World::new();
    let whole = pattern(300_000, 4);
    put(&world.bucket, "from", &whole);
    let (from, to) = (open(&world, "from"), open(&world, "to"));
    let (mut at, mut to_at) = (1000, 5);
    let copied = copy_file_range(&from, Some(&mut at), &to, Some(&mut to_at), 200_000);
    assert_eq!(copied, Ok(200_000));
    let expected = [&[0; 5], &whole[1000..201_000]].concat();
    assert!(fs::read(world.path("to")).unwrap() == expected);
    assert!(get(&world.bucket, "to").unwrap() == expected);
}

#[test]
fn direct_and_synchronous_writes_are_there() {
    let world = World::new();
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(false);
    let direct = OFlags::DIRECT | OFlags::DSYNC;
    how.custom_flags(direct.bits().cast_signed());
    let file = how.open(world.path("f")).unwrap();
    let durable = world.pool.durable_lsn();
    file.write_all_at(&pattern(8192, 5), 4096).unwrap();
    assert!(world.pool.durable_lsn() > durable);
    let cached = open(&world, "f");
    let mut data = vec![0; 12_288];
    cached.read_exact_at(&mut data, 0).unwrap();
    assert!(data[4096..] == pattern(8192, 5));
    cached.write_all_at(b"cached", 4096).unwrap();
    file.read_exact_at(&mut data[..6], 4096).unwrap();
    assert_eq!(&data[..6], b"cached");
}

#[test]
fn fsync_makes_durable() {
    let world = World::new();
    let file = open(&world, "f");
    file.write_all_at(b"x", 0).unwrap();
    fsync(&file).unwrap();
    assert!(world.pool.durable_lsn() >= world.pool.written_lsn());
    fsync(File::open(&world.root).unwrap()).unwrap();
}

#[test]
fn locks_are_kept() {
    let world = World::new();
    let (first, second) = (open(&world, "f"), open(&world, "f"));
    flock(&first, FlockOperation::LockExclusive).unwrap();
    let refused = flock(&second, FlockOperation::NonBlockingLockShared);
    assert_eq!(refused, Err(Errno::WOULDBLOCK));
    drop(first);
    flock(&second, FlockOperation::NonBlockingLockShared).unwrap();
}

#[test]
fn space_is_that_of_the_pool() {
    let world = World::new();
    let seen = statvfs(&world.root).unwrap();
    assert_eq!(seen.f_namemax, 255);
    let (all, _, _) = world.bucket.space();
    assert_eq!(seen.f_blocks * seen.f_frsize, all.get() / 4096 * 4096);
    assert!(seen.f_bavail > 0 && seen.f_bavail <= seen.f_bfree);
}

#[test]
fn sizes_change_both_ways() {
    let world = World::new();
    let file = open(&world, "f");
    file.write_all_at(&pattern(10_000, 6), 0).unwrap();
    file.set_len(5000).unwrap();
    file.set_len(9000).unwrap();
    let expected = [&pattern(10_000, 6)[..5000], &[0; 4000]].concat();
    assert!(fs::read(world.path("f")).unwrap() == expected);
    assert!(get(&world.bucket, "f").unwrap() == expected);
    assert!(file.set_len(1 << 60).is_err());
}
