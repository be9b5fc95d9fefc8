//! Rule 6a: entries that are there throughout are read exactly once, from any position.

use std::collections::{BTreeMap, BTreeSet};

use engine_bucket::{Ack, DirectoryStream, NewKind};
use engine_pool::block_on;

use crate::{World, create};

/// Names from a position on, in reads of a hundred.
fn names_from(stream: &mut DirectoryStream, mut cookie: u64) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    loop {
        let entries = block_on(stream.read(cookie, 100)).unwrap();
        let Some(last) = entries.last() else {
            return names;
        };
        cookie = last.cookie;
        names.extend(entries.into_iter().map(|entry| entry.name));
    }
}

#[test]
fn an_old_position_whose_entry_is_gone_repeats_nothing() {
    let world = World::with(256 << 20, 4 << 20);
    let bucket = &world.bucket;
    let root = bucket.root();
    let count = 14_000;
    let name = |index: usize| format!("file {index:05}").into_bytes();
    for index in 0..count {
        create(bucket, &root, &name(index), NewKind::File);
    }
    let mut stream = bucket.read_directory(&root).unwrap();
    let (mut cookies, mut cookie) = (BTreeMap::new(), 0);
    loop {
        let entries = block_on(stream.read(cookie, 77)).unwrap();
        let Some(last) = entries.last() else { break };
        cookie = last.cookie;
        let positions = entries.into_iter().map(|entry| (entry.name, entry.cookie));
        cookies.extend(positions);
    }
    assert_eq!(cookies.len(), count);
    let distinct: BTreeSet<u64> = cookies.values().copied().collect();
    assert_eq!(distinct.len(), count);
    // Every third goes, and others come between.
    for index in (0..count).step_by(3) {
        block_on(bucket.unlink(&root, &name(index), Ack::Written)).unwrap();
        let new = [&name(index)[..], b" new"].concat();
        create(bucket, &root, &new, NewKind::File);
    }
    for gone in [0, 3, 2_001, 4_095, 4_098, 5_997, 7_002, 13_998] {
        let seen = names_from(&mut stream, cookies[&name(gone)]);
        let stays = |index: &usize| !index.is_multiple_of(3);
        let expected: Vec<_> = (gone..count).filter(stays).map(name).collect();
        let old: Vec<_> = seen
            .into_iter()
            .filter(|name| !name.ends_with(b"new"))
            .collect();
        assert!(old == expected, "behind {gone}: {} names", old.len());
    }
    // A position whose entry is there still.
    let seen = names_from(&mut stream, cookies[&name(1_000)]);
    assert_eq!(seen[0], name(1_001));
}
