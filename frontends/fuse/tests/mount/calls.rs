//! Calls on names.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps};
use rustix::fs::{fstat, mknodat, open, readlinkat, renameat_with, utimensat};
use rustix::io::Errno;

use crate::world::{World, is_absent, put};

#[test]
fn names_are_made_and_removed() {
    let world = World::new();
    fs::create_dir(world.path("d")).unwrap();
    fs::write(world.path("d/f"), b"1").unwrap();
    fs::hard_link(world.path("d/f"), world.path("g")).unwrap();
    assert_eq!(fs::metadata(world.path("d/f")).unwrap().nlink(), 2);
    symlink("d/f", world.path("s")).unwrap();
    assert_eq!(fs::read(world.path("s")).unwrap(), b"1");
    mknodat(CWD, world.path("p"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(fs::metadata(world.path("p")).unwrap().file_type().is_fifo());
    let mode = Mode::from_raw_mode(0o600);
    mknodat(CWD, world.path("c"), FileType::CharacterDevice, mode, 0x105).unwrap();
    assert_eq!(fs::metadata(world.path("c")).unwrap().rdev(), 0x105);
    assert_eq!(fs::metadata(&world.root).unwrap().nlink(), 3);
    let not_empty = fs::remove_dir(world.path("d")).unwrap_err();
    assert_eq!(not_empty.kind(), std::io::ErrorKind::DirectoryNotEmpty);
    fs::remove_file(world.path("d/f")).unwrap();
    assert_eq!(fs::metadata(world.path("g")).unwrap().nlink(), 1);
    fs::remove_dir(world.path("d")).unwrap();
    assert!(is_absent(&world.path("d")));
    let long = "n".repeat(255);
    fs::write(world.path(&long), b"x").unwrap();
    assert_eq!(fs::read(world.path(&long)).unwrap(), b"x");
    let too_long = fs::write(world.path(&"n".repeat(256)), b"x").unwrap_err();
    assert_eq!(
        too_long.raw_os_error(),
        Some(Errno::NAMETOOLONG.raw_os_error())
    );
}

#[test]
fn names_move_in_all_ways() {
    let world = World::new();
    let rename = |from: &str, to: &str, flags| {
        renameat_with(CWD, world.path(from), CWD, world.path(to), flags)
    };
    fs::write(world.path("a"), b"a").unwrap();
    fs::write(world.path("b"), b"b").unwrap();
    fs::create_dir(world.path("d")).unwrap();
    assert_eq!(rename("a", "b", RenameFlags::NOREPLACE), Err(Errno::EXIST));
    rename("a", "b", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(fs::read(world.path("a")).unwrap(), b"b");
    rename("a", "d", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(fs::read(world.path("d")).unwrap(), b"b");
    assert!(fs::metadata(world.path("a")).unwrap().is_dir());
    rename("b", "a/b", RenameFlags::empty()).unwrap();
    rename("d", "a/b", RenameFlags::empty()).unwrap();
    assert_eq!(fs::read(world.path("a/b")).unwrap(), b"b");
    assert!(is_absent(&world.path("d")) && is_absent(&world.path("b")));
    assert_eq!(rename("a", "a/c", RenameFlags::empty()), Err(Errno::INVAL));
    // What was moved is still followed when the other door changes it.
    put(&world.bucket, "a/b", b"new");
    assert_eq!(fs::read(world.path("a/b")).unwrap(), b"new");
    rename("a", "z", RenameFlags::empty()).unwrap();
    put(&world.bucket, "z/b", b"newer");
    assert_eq!(fs::read(world.path("z/b")).unwrap(), b"newer");
}

#[test]
fn an_open_file_outlives_its_name() {
    let world = World::new();
    fs::write(world.path("f"), b"before").unwrap();
    let mut file = File::options()
        .read(true)
        .write(true)
        .open(world.path("f"))
        .unwrap();
    fs::remove_file(world.path("f")).unwrap();
    assert_eq!(file.metadata().unwrap().nlink(), 0);
    let mut read = String::new();
    file.read_to_string(&mut read).unwrap();
    assert_eq!(read, "before");
    file.write_all(b" and after").unwrap();
    assert_eq!(file.metadata().unwrap().len(), 16);
}

#[test]
fn an_open_pipe_and_an_open_link_outlive_their_names() {
    let world = World::new();
    mknodat(CWD, world.path("p"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let mut pipe = File::options()
        .read(true)
        .write(true)
        .open(world.path("p"))
        .unwrap();
    symlink("target", world.path("s")).unwrap();
    let how = OFlags::PATH | OFlags::NOFOLLOW;
    let link = open(world.path("s"), how, Mode::empty()).unwrap();
    fs::remove_file(world.path("p")).unwrap();
    fs::remove_file(world.path("s")).unwrap();
    assert_eq!(pipe.metadata().unwrap().nlink(), 0);
    pipe.set_permissions(fs::Permissions::from_mode(0o640))
        .unwrap();
    assert_eq!(pipe.metadata().unwrap().mode() & 0o777, 0o640);
    pipe.write_all(b"x").unwrap();
    assert_eq!(fstat(&link).unwrap().st_nlink, 0);
    assert_eq!(
        readlinkat(&link, "", Vec::new()).unwrap().as_bytes(),
        b"target"
    );
}

#[test]
fn a_listing_names_everything_once_while_others_come_and_go() {
    let world = World::new();
    for index in 0..500 {
        fs::write(world.path(&format!("stay{index:04}")), b"").unwrap();
        fs::write(world.path(&format!("go{index:04}")), b"").unwrap();
    }
    let mut seen = Vec::new();
    for (index, entry) in fs::read_dir(&world.root).unwrap().enumerate() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if index < 500 {
            fs::remove_file(world.path(&format!("go{index:04}"))).unwrap();
            put(&world.bucket, &format!("a{index:04}"), b"");
        }
        if name.starts_with("stay") {
            seen.push(name);
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 500);
    let numbers = fs::read_dir(&world.root).unwrap().map(|entry| {
        let entry = entry.unwrap();
        assert_eq!(
            std::os::unix::fs::DirEntryExt::ino(&entry),
            entry.metadata().unwrap().ino()
        );
    });
    assert_eq!(numbers.count(), 1000);
}

#[test]
fn times_are_kept_to_the_nanosecond() {
    let world = World::new();
    fs::write(world.path("f"), b"").unwrap();
    for (seconds, nanos) in [
        (1_000_000_001, 999_999_999),
        (0, 1),
        (-1, 500_000_000),
        (-7, 0),
    ] {
        let time = Timespec {
            tv_sec: seconds,
            tv_nsec: nanos,
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, world.path("f"), &times, AtFlags::empty()).unwrap();
        let seen = fs::metadata(world.path("f")).unwrap();
        assert_eq!((seen.mtime(), seen.mtime_nsec()), (seconds, nanos));
        assert_eq!((seen.atime(), seen.atime_nsec()), (seconds, nanos));
    }
    let before = fs::metadata(world.path("f")).unwrap();
    fs::read(world.path("f")).unwrap();
    let after = fs::metadata(world.path("f")).unwrap();
    assert_eq!(before.atime_nsec(), after.atime_nsec());
}
