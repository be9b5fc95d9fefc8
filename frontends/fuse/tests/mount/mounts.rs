//! Mounting and unmounting.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::Duration;

use engine_bucket::{Ack, BucketError};
use engine_pool::block_on;
use frontends_fuse::{MountError, MountOptions};

use crate::world::{World, get, put};

const READ_ONLY: MountOptions = MountOptions {
    read_only: true,
    write_back: false,
    no_ring: false,
};

#[test]
fn a_further_mount_shows_the_same_files() {
    let world = World::new();
    let second = world.directory.path().join("second/below");
    world.mounts().mount("b", &second, READ_ONLY).unwrap();
    fs::write(world.path("f"), b"one").unwrap();
    assert_eq!(fs::read(second.join("f")).unwrap(), b"one");
    let refused = fs::write(second.join("g"), b"two").unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let device = |path| rustix::fs::stat(path).unwrap().st_dev;
    assert_eq!(device(&world.root), device(&second));
    put(&world.bucket, "f", b"three");
    assert_eq!(fs::read(second.join("f")).unwrap(), b"three");
    assert_eq!(world.mounts().list().len(), 2);
    // The first one may go first.
    world.mounts().unmount(&world.root).unwrap();
    assert!(world.mounts().is_mounted("b"));
    assert_eq!(fs::read(second.join("f")).unwrap(), b"three");
    world.mounts().unmount(&second).unwrap();
    assert!(!world.mounts().is_mounted("b"));
    assert!(fs::read_dir(&second).unwrap().next().is_none());
}

#[test]
fn a_first_mount_can_be_read_only_and_a_second_one_not() {
    let world = World::with(READ_ONLY);
    assert!(fs::write(world.path("f"), b"x").is_err());
    let second = world.directory.path().join("second");
    let options = MountOptions::default();
    world.mounts().mount("b", &second, options).unwrap();
    fs::write(second.join("f"), b"x").unwrap();
    assert_eq!(fs::read(world.path("f")).unwrap(), b"x");
}

#[test]
fn what_is_in_the_way_is_refused() {
    let world = World::new();
    let mounts = world.mounts();
    let again = mounts.mount("b", &world.root, MountOptions::default());
    assert!(matches!(again, Err(MountError::Occupied { .. })));
    let file = world.directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let on_file = mounts.mount("b", &file, MountOptions::default());
    assert!(matches!(on_file, Err(MountError::Directory { .. })));
    let nothing = mounts.mount("c", &world.directory.path().join("c"), READ_ONLY);
    assert!(matches!(nothing, Err(MountError::Bucket { .. })));
    let other = MountOptions {
        write_back: true,
        ..MountOptions::default()
    };
    let other = mounts.mount("b", &world.directory.path().join("d"), other);
    assert!(matches!(other, Err(MountError::OtherCaching { .. })));
    let unknown = mounts.unmount(world.directory.path());
    assert!(matches!(unknown, Err(MountError::NotMounted { .. })));
}

#[test]
fn a_mount_in_use_is_busy_and_goes_at_shutdown() {
    let mut world = World::new();
    let mut file = File::create(world.path("f")).unwrap();
    file.write_all(b"written").unwrap();
    let busy = world.mounts().unmount(&world.root);
    assert!(matches!(busy, Err(MountError::Busy { .. })));
    file.write_all(b" on").unwrap();
    let mounts = world.mounts.take().unwrap();
    assert_eq!(mounts.shutdown(Duration::ZERO), 1);
    // The directory is an empty one again, and the file is cut off.
    assert!(fs::read_dir(&world.root).unwrap().next().is_none());
    assert!(file.write_all(b"late").is_err());
    assert_eq!(get(&world.bucket, "f").unwrap(), b"written on");
}

#[test]
fn a_mount_that_somebody_else_took_away_is_forgotten() {
    let world = World::new();
    let flags = rustix::mount::UnmountFlags::empty();
    fs::write(world.path("f"), b"x").unwrap();
    rustix::mount::unmount(&world.root, flags).unwrap();
    assert!(world.mounts().list().is_empty());
    world.mounts().mount("b", &world.root, READ_ONLY).unwrap();
    assert_eq!(fs::read(world.path("f")).unwrap(), b"x");
}

#[test]
fn a_dead_mount_is_taken_away() {
    let world = World::new();
    let path = world.directory.path().join("dead");
    fs::create_dir(&path).unwrap();
    // A file system whose server is gone: its device is closed.
    let device = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .unwrap();
    let data = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0",
        std::os::fd::AsRawFd::as_raw_fd(&device)
    );
    let data = std::ffi::CString::new(data).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("dead", &path, "fuse", flags, Some(data.as_c_str())).unwrap();
    drop(device);
    assert!(fs::metadata(&path).is_err());
    world
        .mounts()
        .mount("b", &path, MountOptions::default())
        .unwrap();
    fs::write(path.join("f"), b"alive").unwrap();
    assert_eq!(fs::read(world.path("f")).unwrap(), b"alive");
}

#[test]
fn a_write_back_mount_shows_at_close_what_was_written() {
    let world = World::with(MountOptions {
        write_back: true,
        ..MountOptions::default()
    });
    let mut file = File::create(world.path("f")).unwrap();
    for _ in 0..100 {
        file.write_all(&[7; 1000]).unwrap();
    }
    file.sync_all().unwrap();
    assert_eq!(get(&world.bucket, "f").unwrap(), vec![7; 100_000]);
    file.write_all(b"end").unwrap();
    drop(file);
    assert_eq!(get(&world.bucket, "f").unwrap().len(), 100_003);
}

#[test]
fn a_file_that_a_write_back_mount_holds_is_not_appended_to() {
    let world = World::with(MountOptions {
        write_back: true,
        ..MountOptions::default()
    });
    let append = || {
        let owner = crate::world::OWNER;
        let appended = world
            .bucket
            .append_object(b"f", 5, b" end", owner, Ack::Durable);
        block_on(appended)
    };
    let mut file = File::create(world.path("f")).unwrap();
    file.write_all(b"begin").unwrap();
    file.sync_all().unwrap();
    assert!(matches!(append(), Err(BucketError::Held)));
    assert_eq!(get(&world.bucket, "f").unwrap(), b"begin");
    drop(file);
    // The kernel lets go of it in its own time, once asked to.
    loop {
        match append() {
            Ok(()) => break,
            Err(BucketError::Held) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(fs::read(world.path("f")).unwrap(), b"begin end");
}
