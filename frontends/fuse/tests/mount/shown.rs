//! What each door shows of the other where they disagree.

use std::fs;

use engine_bucket::{Ack, ObjectMetadata};
use engine_pool::block_on;
use rustix::fs::{XattrFlags, getxattr, listxattr, setxattr};
use rustix::io::Errno;

use crate::world::{OWNER, World, get, is_absent, put, remove};

fn attribute(path: &std::path::Path, name: &str) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0; 4096];
    let bytes = getxattr(path, name, &mut value[..])?;
    value.truncate(bytes);
    Ok(value)
}

fn set(path: &std::path::Path, name: &str, value: &[u8]) -> Result<(), Errno> {
    setxattr(path, name, value, XattrFlags::empty())
}

#[test]
fn metadata_of_objects_are_attributes() {
    let world = World::new();
    let mut upload = world.bucket.upload();
    block_on(upload.write(b"x")).unwrap();
    let object = ObjectMetadata {
        metadata: vec![(b"content-type".to_vec(), b"text/plain".to_vec())],
        ..ObjectMetadata::default()
    };
    block_on(upload.finish(b"f", OWNER, &object, None, Ack::Durable)).unwrap();
    let path = world.path("f");
    assert_eq!(
        attribute(&path, "user.s3.content-type").unwrap(),
        b"text/plain"
    );
    set(&path, "user.s3.meta.colour", b"green").unwrap();
    set(&path, "user.own", b"mine").unwrap();
    let head = block_on(world.bucket.head(b"f")).unwrap().found.unwrap();
    let expected: (Vec<u8>, Vec<u8>) = (b"meta.colour".to_vec(), b"green".to_vec());
    assert!(head.metadata.contains(&expected));
    assert_eq!(head.metadata.len(), 2);
    let mut names = vec![0; 4096];
    let bytes = listxattr(&path, &mut names[..]).unwrap();
    let names = String::from_utf8(names[..bytes].to_vec()).unwrap();
    let names: Vec<&str> = names.split_terminator('\0').collect();
    assert_eq!(
        names,
        ["user.s3.content-type", "user.s3.meta.colour", "user.own"]
    );
}

#[test]
fn metadata_that_no_object_can_have_are_refused() {
    let world = World::new();
    fs::write(world.path("f"), b"x").unwrap();
    let path = world.path("f");
    for name in [
        "user.s3.else",
        "user.s3.meta.Upper",
        "user.s3.meta.",
        "user.s3.meta.a b",
    ] {
        assert_eq!(set(&path, name, b"x"), Err(Errno::INVAL), "{name}");
    }
    let name = "user.s3.content-type";
    assert_eq!(set(&path, name, b"a\r\nb"), Err(Errno::INVAL));
    assert_eq!(set(&path, name, b"\xff"), Err(Errno::INVAL));
    assert_eq!(
        set(&path, "user.s3.meta.a", &[b'a'; 3000]),
        Err(Errno::TOOBIG)
    );
    set(&path, "user.s3.meta.a", &[b'a'; 1500]).unwrap();
    assert_eq!(
        set(&path, "user.s3.meta.b", &[b'b'; 1000]),
        Err(Errno::TOOBIG)
    );
    set(&path, "user.s3.meta.a", &[b'a'; 100]).unwrap();
    set(&path, "user.s3.meta.b", &[b'b'; 1000]).unwrap();
    assert_eq!(attribute(&path, "user.s3.meta.c"), Err(Errno::NODATA));
}

#[test]
fn directories_that_objects_imply_come_and_go() {
    let world = World::new();
    assert!(is_absent(&world.path("a")));
    put(&world.bucket, "a/b/c", b"1");
    assert!(fs::metadata(world.path("a/b")).unwrap().is_dir());
    assert_eq!(fs::read_dir(world.path("a")).unwrap().count(), 1);
    remove(&world.bucket, "a/b/c");
    assert!(is_absent(&world.path("a/b")));
    assert!(is_absent(&world.path("a")));
    // A change through the mount makes one stay.
    put(&world.bucket, "a/b/c", b"1");
    fs::write(world.path("a/b/d"), b"2").unwrap();
    fs::remove_file(world.path("a/b/d")).unwrap();
    remove(&world.bucket, "a/b/c");
    assert!(fs::metadata(world.path("a/b")).unwrap().is_dir());
}

#[test]
fn a_directory_hides_the_file_of_its_name() {
    let world = World::new();
    put(&world.bucket, "a", b"file");
    assert_eq!(fs::read(world.path("a")).unwrap(), b"file");
    put(&world.bucket, "a/b", b"below");
    assert!(fs::metadata(world.path("a")).unwrap().is_dir());
    assert_eq!(get(&world.bucket, "a").unwrap(), b"file");
    assert_eq!(fs::read_dir(&world.root).unwrap().count(), 1);
    fs::remove_file(world.path("a/b")).unwrap();
    fs::remove_dir(world.path("a")).unwrap();
    assert_eq!(fs::read(world.path("a")).unwrap(), b"file");
}

#[test]
fn keys_that_no_path_names_keep_a_directory_from_going() {
    let world = World::new();
    put(&world.bucket, "d//x", b"1");
    assert!(fs::metadata(world.path("d")).unwrap().is_dir());
    assert_eq!(fs::read_dir(world.path("d")).unwrap().count(), 0);
    let refused = fs::remove_dir(world.path("d")).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::DirectoryNotEmpty);
}
