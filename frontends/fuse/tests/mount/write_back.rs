//! Mounts whose kernel holds writes back.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use frontends_fuse::MountOptions;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::world::{World, get};

fn world() -> World {
    World::with(MountOptions {
        write_back: true,
        ..MountOptions::default()
    })
}

fn open(world: &World, key: &str) -> File {
    let mut how = OpenOptions::new();
    how.read(true).write(true).create(true).truncate(true);
    how.open(world.path(key)).unwrap()
}

#[test]
fn an_append_lies_behind_what_the_kernel_holds_back() {
    let world = world();
    let held = open(&world, "f");
    let mut how = OpenOptions::new();
    let mut end = how.read(true).append(true).open(world.path("f")).unwrap();
    let mut expected = Vec::new();
    for round in 0..5_u8 {
        let size = 8192 + usize::from(round);
        held.write_all_at(&vec![b'a' + round; size], expected.len() as u64)
            .unwrap();
        expected.resize(expected.len() + size, b'a' + round);
        end.write_all(b"BBBB").unwrap();
        expected.extend_from_slice(b"BBBB");
        assert!(fs::read(world.path("f")).unwrap() == expected);
    }
    held.sync_all().unwrap();
    assert!(get(&world.bucket, "f").unwrap() == expected);
    end.write_all(b"after").unwrap();
    expected.extend_from_slice(b"after");
    drop((held, end));
    assert!(get(&world.bucket, "f").unwrap() == expected);
}

#[test]
fn no_hole_is_where_the_kernel_holds_data_back() {
    let world = world();
    let file = open(&world, "f");
    file.set_len(1 << 20).unwrap();
    file.write_all_at(b"held", 300_000).unwrap();
    assert_eq!(seek(&file, SeekFrom::Data(0)), Ok(0));
    assert_eq!(seek(&file, SeekFrom::Hole(0)), Ok(1 << 20));
    assert_eq!(seek(&file, SeekFrom::Data(1 << 20)), Err(Errno::NXIO));
    // As `cp` reads.
    let copied = Command::new("cp")
        .args([world.path("f"), world.path("copy")])
        .status();
    assert!(copied.unwrap().success());
    assert!(fs::read(world.path("f")).unwrap() == fs::read(world.path("copy")).unwrap());
}
