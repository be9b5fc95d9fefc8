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

/// All names from the beginning, which must come to an end.
fn all_names(stream: &mut DirectoryStream) -> Vec<Vec<u8>> {
    let names = names_from(stream, 0);
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
    names
}

#[test]
fn reading_again_from_the_beginning_shows_what_came_since_once() {
    let world = World::new();
    let (bucket, root) = (&world.bucket, world.bucket.root());
    create(bucket, &root, b"a", NewKind::File);
    create(bucket, &root, b"z", NewKind::File);
    let mut stream = bucket.read_directory(&root).unwrap();
    let behind_a = block_on(stream.read(0, 1)).unwrap()[0].cookie;
    assert_eq!(all_names(&mut stream), [b"a", b"z"]);
    for index in 0..200 {
        let name = format!("b{index:03}").into_bytes();
        create(bucket, &root, &name, NewKind::File);
    }
    assert_eq!(all_names(&mut stream).len(), 202);
    let behind = names_from(&mut stream, behind_a);
    assert!(!behind.contains(&b"a".to_vec()));
    assert_eq!(behind.iter().filter(|name| **name == b"z").count(), 1);
}

#[test]
fn what_comes_while_a_directory_is_read_repeats_nothing() {
    let world = World::new();
    let (bucket, root) = (&world.bucket, world.bucket.root());
    let mut expected: Vec<_> = (0..1500)
        .map(|index| format!("a{index:04}").into_bytes())
        .collect();
    expected.push(b"z".to_vec());
    for name in &expected {
        create(bucket, &root, name, NewKind::File);
    }
    let mut stream = bucket.read_directory(&root).unwrap();
    let first = block_on(stream.read(0, 1)).unwrap();
    for index in 0..300 {
        let name = format!("b{index:03}").into_bytes();
        create(bucket, &root, &name, NewKind::File);
    }
    let mut seen = names_from(&mut stream, first[0].cookie);
    seen.retain(|name| !name.starts_with(b"b"));
    assert_eq!(seen, expected[1..]);
}

#[test]
fn from_any_position_what_stays_is_read_once() {
    for seed in 1..=3 {
        println!("seed {seed}");
        read_from_any_position(seed);
    }
}

/// A directory in which some names stay and others come and go, read from all kinds of positions.
fn read_from_any_position(seed: u64) {
    let mut random = Numbers(seed);
    let world = World::new();
    let (bucket, root) = (&world.bucket, world.bucket.root());
    let (mut stay, mut others) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..300 {
        let name = random.name();
        if stay.insert(name.clone()) {
            create(bucket, &root, &name, NewKind::File);
        }
    }
    let mut stream = bucket.read_directory(&root).unwrap();
    let mut positions: Vec<(u64, Vec<u8>)> = vec![(0, Vec::new())];
    for _ in 0..400 {
        let at = random.below(positions.len());
        if random.below(8) == 0 {
            // From the beginning; then older positions need not be any more.
            positions.truncate(1);
        }
        let at = at.min(positions.len() - 1);
        let (mut cookie, from) = positions[at].clone();
        let (mut seen, reads) = (Vec::new(), 1 + random.below(40));
        let mut is_whole = false;
        for _ in 0..reads {
            for _ in 0..random.below(6) {
                let name = random.name();
                if others.remove(&name) {
                    block_on(bucket.unlink(&root, &name, Ack::Written)).unwrap();
                } else if !stay.contains(&name) {
                    create(bucket, &root, &name, NewKind::File);
                    others.insert(name);
                }
            }
            let entries = block_on(stream.read(cookie, 1 + random.below(90))).unwrap();
            let Some(last) = entries.last() else {
                is_whole = true;
                break;
            };
            cookie = last.cookie;
            for entry in entries {
                positions.push((entry.cookie, entry.name.clone()));
                seen.push(entry.name);
            }
        }
        assert!(seen.is_sorted_by(|one, other| one < other), "{seen:?}");
        assert!(seen.first().is_none_or(|first| *first > from));
        let end = seen.last().filter(|_| !is_whole).cloned();
        let reached = |name: &&Vec<u8>| is_whole || end.as_ref().is_some_and(|end| *name <= end);
        let expected: Vec<_> = stay
            .iter()
            .filter(|name| **name > from)
            .filter(reached)
            .collect();
        let kept: Vec<_> = seen.iter().filter(|name| stay.contains(*name)).collect();
        assert_eq!(kept, expected);
    }
}

/// A small generator: one seed is one run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % bound).unwrap()
    }

    /// Of few letters, so that names are close to each other.
    fn name(&mut self) -> Vec<u8> {
        let length = 1 + self.below(8);
        (0..length).map(|_| b"abcz"[self.below(4)]).collect()
    }
}
