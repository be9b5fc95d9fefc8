//! Rule 20: `.snapshots/LABEL/` in the root of a mount.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirEntryExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use engine_bucket::{BucketError, Buckets};
use engine_pool::block_on;
use rustix::io::Errno;

use crate::world::{World, pattern, put};

fn take(world: &World, label: &str) {
    let buckets = Buckets::new(std::sync::Arc::clone(&world.pool));
    block_on(buckets.take_snapshot(label, &["b"])).unwrap();
}

fn delete(world: &World, label: &str) {
    let buckets = Buckets::new(std::sync::Arc::clone(&world.pool));
    block_on(buckets.delete_snapshot("b", label)).unwrap();
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> Errno {
    Errno::from_io_error(&result.unwrap_err()).unwrap()
}

fn run(program: &str, words: &[&Path]) -> (bool, String) {
    let done = Command::new(program).args(words).output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    (
        done.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// A tree with everything that one can have.
fn fill(world: &World) {
    fs::create_dir_all(world.path("d/e")).unwrap();
    fs::write(world.path("d/large"), pattern(3_000_000, 1)).unwrap();
    fs::write(world.path("d/e/small"), b"small").unwrap();
    fs::hard_link(world.path("d/large"), world.path("d/e/linked")).unwrap();
    symlink("e/small", world.path("d/link")).unwrap();
}

#[test]
fn rule_20_a_snapshot_shows_what_the_bucket_was() {
    let world = World::new();
    fill(&world);
    take(&world, "one");
    fs::write(world.path("d/large"), b"later").unwrap();
    fs::remove_file(world.path("d/e/small")).unwrap();
    assert_eq!(names(&world.root), ["d"], "no listing shows it");
    assert_eq!(names(&world.path(".snapshots")), ["one"]);
    let one = world.path(".snapshots/one");
    assert_eq!(names(&one), ["d"]);
    assert_eq!(names(&one.join("d")), ["e", "large", "link"]);
    assert_eq!(
        fs::read(one.join("d/large")).unwrap(),
        pattern(3_000_000, 1)
    );
    assert_eq!(fs::read(one.join("d/link")).unwrap(), b"small");
    assert_eq!(
        fs::read_link(one.join("d/link")).unwrap(),
        PathBuf::from("e/small")
    );
    let mut file = File::open(one.join("d/large")).unwrap();
    file.seek(SeekFrom::Start(1_000_000)).unwrap();
    let mut part = [0; 100];
    file.read_exact(&mut part).unwrap();
    assert_eq!(part, pattern(3_000_000, 1)[1_000_000..1_000_100]);
    assert_eq!(
        errno(fs::metadata(world.path(".snapshots/none"))),
        Errno::NOENT
    );
    assert_eq!(errno(fs::metadata(one.join("none"))), Errno::NOENT);
    // Not below other directories.
    assert_eq!(
        errno(fs::metadata(world.path("d/.snapshots"))),
        Errno::NOENT
    );
}

#[test]
fn rule_20_nothing_below_it_is_changed() {
    let world = World::new();
    fill(&world);
    take(&world, "one");
    let one = world.path(".snapshots/one");
    let file = one.join("d/large");
    let read_only = [
        errno(fs::write(&file, b"x")),
        errno(OpenOptions::new().append(true).open(&file)),
        errno(File::create(one.join("new"))),
        errno(fs::create_dir(one.join("new"))),
        errno(fs::remove_file(&file)),
        errno(fs::remove_dir(one.join("d/e"))),
        errno(fs::rename(&file, one.join("d/other"))),
        errno(fs::rename(&file, world.path("moved"))),
        errno(fs::rename(world.path("d/large"), one.join("moved"))),
        errno(symlink("x", one.join("s"))),
        errno(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o600),
        )),
        errno(fs::create_dir(world.path(".snapshots/two"))),
        errno(fs::remove_dir(world.path(".snapshots/one"))),
        errno(fs::remove_dir(world.path(".snapshots"))),
        errno(fs::rename(world.path(".snapshots"), world.path("kept"))),
    ];
    assert!(
        read_only.iter().all(|error| *error == Errno::ROFS),
        "{read_only:?}"
    );
    assert_eq!(
        errno(fs::hard_link(&file, world.path("linked"))),
        Errno::XDEV
    );
    assert_eq!(
        errno(fs::create_dir(world.path(".snapshots"))),
        Errno::EXIST
    );
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(world.path(".snapshots"));
    assert_eq!(made.unwrap_err().kind(), ErrorKind::AlreadyExists);
    // Copying out of it is reading.
    fs::copy(&file, world.path("copied")).unwrap();
    assert_eq!(
        fs::read(world.path("copied")).unwrap(),
        pattern(3_000_000, 1)
    );
}

#[test]
fn rule_20_numbers_of_files_do_not_meet_those_of_the_bucket() {
    let world = World::new();
    fill(&world);
    take(&world, "one");
    take(&world, "two");
    let number = |path: &str| fs::symlink_metadata(world.path(path)).unwrap().ino();
    let paths = ["d", "d/large", "d/e", "d/e/small", "d/link", ""];
    let states = ["", ".snapshots/one/", ".snapshots/two/"];
    let mut all = vec![number(".snapshots")];
    for state in states {
        all.extend(paths.iter().map(|path| number(&format!("{state}{path}"))));
    }
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    let linked = |state: &str| number(&format!("{state}d/e/linked"));
    for state in states {
        assert_eq!(
            linked(state),
            number(&format!("{state}d/large")),
            "one file"
        );
    }
    // Listings say the same numbers.
    let one = world.path(".snapshots/one/d");
    for entry in fs::read_dir(&one).unwrap().map(Result::unwrap) {
        let path = format!(".snapshots/one/d/{}", entry.file_name().to_str().unwrap());
        assert_eq!(entry.ino(), number(&path), "{path}");
    }
}

#[test]
fn rule_20_tools_read_a_snapshot_as_any_tree() {
    let world = World::new();
    fill(&world);
    take(&world, "one");
    let one = world.path(".snapshots/one");
    let same = |a: &Path, b: &Path| run("diff", &[Path::new("-r"), a, b]);
    assert_eq!(
        same(&world.path("d"), &one.join("d")),
        (true, String::new())
    );
    fs::write(world.path("d/e/small"), b"later").unwrap();
    assert!(!same(&world.path("d"), &one.join("d")).0, "they differ now");
    let (done, found) = run("find", &[&one]);
    assert!(done && found.lines().count() == 7, "{found}");
    let copied = world.directory.path().join("copied");
    let (done, text) = run("cp", &[Path::new("-a"), &one, &copied]);
    assert!(done, "{text}");
    assert_eq!(same(&one, &copied), (true, String::new()));
    let archive = world.directory.path().join("archive.tar");
    let words = [
        "-cf".as_ref(),
        &*archive,
        "-C".as_ref(),
        &*one,
        ".".as_ref(),
    ];
    let (done, text) = run("tar", &words);
    assert!(done, "{text}");
    let unpacked = world.directory.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let words = ["-xf".as_ref(), &*archive, "-C".as_ref(), &*unpacked];
    assert!(run("tar", &words).0);
    assert_eq!(same(&one, &unpacked), (true, String::new()));
    let inode = |path: &str| fs::metadata(unpacked.join(path)).unwrap().ino();
    assert_eq!(inode("d/large"), inode("d/e/linked"), "hard links are kept");
}

#[test]
fn rule_20_a_label_leads_to_what_it_is_at_the_moment() {
    let world = World::new();
    put(&world.bucket, "a", b"first");
    take(&world, "one");
    let path = world.path(".snapshots/one/a");
    assert_eq!(fs::read(&path).unwrap(), b"first");
    let mut open = File::open(&path).unwrap();
    delete(&world, "one");
    assert_eq!(errno(fs::metadata(&path)), Errno::NOENT);
    assert_eq!(names(&world.path(".snapshots")), [""; 0]);
    put(&world.bucket, "a", b"second");
    take(&world, "one");
    assert_eq!(fs::read(&path).unwrap(), b"second");
    assert_eq!(names(&world.path(".snapshots")), ["one"]);
    // Who has a file of the deleted one open gets what the kernel has of it, or an error.
    let mut old = Vec::new();
    match open.read_to_end(&mut old) {
        Ok(_) => assert_eq!(old, b"first"),
        Err(error) => assert_eq!(Errno::from_io_error(&error), Some(Errno::STALE)),
    }
}

#[test]
fn a_mounted_bucket_is_not_reverted() {
    let world = World::new();
    put(&world.bucket, "a", b"first");
    take(&world, "one");
    let buckets = Buckets::new(std::sync::Arc::clone(&world.pool));
    let refused = block_on(buckets.revert("b", "one"));
    assert!(matches!(refused, Err(BucketError::InUse)), "{refused:?}");
    world.mounts().unmount(&world.root).unwrap();
    block_on(buckets.revert("b", "one")).unwrap();
}

#[test]
fn many_snapshots_are_listed_once_each() {
    let world = World::new();
    let labels: BTreeMap<String, ()> = (0..700).map(|n| (format!("l-{n:04}"), ())).collect();
    for label in labels.keys() {
        take(&world, label);
    }
    let all: Vec<String> = labels.into_keys().collect();
    assert_eq!(names(&world.path(".snapshots")), all);
}
