//! Members on the host's file systems, found elsewhere than they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_base::ByteCount;

use super::{GEOMETRY, SIZE, SLOT, byte_of, health, options, write};
use crate::{
    Area, Device, MemberHealth, Mirror, MirrorOptions, OpenMode, Opened, Prepare, open_path,
    open_paths,
};

/// Opens the pool on `names` in `directory`.
fn open(directory: &Path, names: &[&str], degraded: bool) -> Arc<Mirror> {
    let paths: Vec<PathBuf> = names.iter().map(|name| directory.join(name)).collect();
    let mode = OpenMode::Create {
        capacity: Some(SIZE),
    };
    let options = MirrorOptions {
        degraded,
        ..options(11)
    };
    let opened = open_paths(&paths, mode, 2, &options, &|_, _| Ok(SIZE)).unwrap();
    let mirror = opened.mirror.unwrap();
    mirror.attach(GEOMETRY).unwrap();
    mirror
}

/// A pool on `a` and `b`, which have swapped their places since; the ids of those that were there.
fn swapped(directory: &Path) -> [String; 2] {
    let mirror = open(directory, &["a", "b"], false);
    mirror.prepare(SLOT, Prepare::Allocate).unwrap();
    write(&mirror, 3).unwrap();
    mirror.sync(Area::Segment(SLOT)).unwrap();
    let ids: Vec<String> = mirror.members().iter().map(|m| m.id.clone()).collect();
    drop(mirror);
    fs::rename(directory.join("a"), directory.join("c")).unwrap();
    fs::rename(directory.join("b"), directory.join("a")).unwrap();
    fs::rename(directory.join("c"), directory.join("b")).unwrap();
    ids.try_into().unwrap()
}

fn new_at(path: &Path) -> Opened {
    let capacity: Option<ByteCount> = Some(SIZE);
    open_path(path, OpenMode::Create { capacity }).unwrap()
}

fn at(directory: &Path, name: &str) -> String {
    directory.join(name).display().to_string()
}

#[test]
fn replacing_a_path_replaces_the_member_that_lies_there_now() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    let [first, second] = swapped(directory);
    let mirror = open(directory, &["a", "b"], false);
    let members = mirror.members();
    let shown = [&members[0], &members[1]].map(|m| (m.name.clone(), m.id.clone()));
    assert_eq!(
        shown,
        [
            (at(directory, "b"), first.clone()),
            (at(directory, "a"), second)
        ]
    );
    mirror
        .replace(&at(directory, "a"), &new_at(&directory.join("d")))
        .unwrap();
    let members = mirror.members();
    assert_eq!(members[0].id, first, "what lies at b stays");
    assert_eq!(members[1].name, at(directory, "d"));
    assert_eq!(
        health(&mirror),
        [MemberHealth::Current, MemberHealth::Syncing]
    );
    assert_eq!(byte_of(&mirror, 0).unwrap(), 3);
}

#[test]
fn a_path_that_names_two_members_is_refused_and_an_id_is_taken() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    let [first, second] = swapped(directory);
    // Only what lies at a now is there. The other was at a when it was recorded.
    let mirror = open(directory, &["a"], true);
    let members = mirror.members();
    assert_eq!(members[1].name, at(directory, "a"));
    assert_eq!(members[0].health, MemberHealth::Missing);
    let new = new_at(&directory.join("d"));
    for error in [
        mirror.replace(&at(directory, "a"), &new).unwrap_err(),
        mirror.size_of(&at(directory, "a")).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains(&first) && text.contains(&second), "{text}");
    }
    mirror.replace(&first, &new).unwrap();
    assert_eq!(
        health(&mirror),
        [MemberHealth::Syncing, MemberHealth::Current]
    );
}
