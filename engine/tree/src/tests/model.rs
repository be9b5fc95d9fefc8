//! Random use of a tree against a map: puts, deletes, captures that are written later, evictions,
//! reopening.

mod space;

use std::ops::{Bound, ControlFlow};

use engine_base::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use proptest::prelude::{any, prop, proptest};

use super::store::{Map, Random, Store, TREE, budget, entries, fetch, tree};
use crate::{CaptureReport, Captured, Copies, Tree};

/// What keys and values look like.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// As in volumes: 8-byte keys, values of some 20 bytes.
    Extents,
    /// Keys of every length that share long prefixes.
    Paths,
    /// The largest keys and values, and empty ones.
    Extremes,
}

impl Shape {
    fn key(self, random: &Random) -> Vec<u8> {
        match self {
            Self::Extents => u64::try_from(random.below(20_000) * 4096)
                .unwrap()
                .to_be_bytes()
                .to_vec(),
            Self::Paths => {
                let mut key = Vec::new();
                for _ in 0..random.below(6) {
                    key.extend_from_slice(b"a-rather-long-name-of-a-directory-");
                    key.push(b'a' + u8::try_from(random.below(4)).unwrap());
                    key.extend(random.chance(3).then_some(b'/'));
                }
                key
            }
            Self::Extremes => {
                let length = [0, 1, 2, 600, KEY_BYTES_MAX - 1, KEY_BYTES_MAX][random.below(6)];
                let mut key = vec![u8::try_from(random.below(3)).unwrap() * 127; length];
                for _ in 0..length.min(2) {
                    key[random.below(length)] ^= u8::try_from(random.below(4)).unwrap();
                }
                key
            }
        }
    }

    fn value(self, random: &Random) -> Vec<u8> {
        let length = match self {
            Self::Extents => 15 + random.below(12),
            Self::Paths => random.below(150),
            Self::Extremes => [0, 1, 300, VALUE_BYTES_MAX][random.below(4)],
        };
        random.bytes(length)
    }
}

struct Model {
    random: Random,
    shape: Shape,
    store: Store,
    tree: Tree,
    map: Map,
    /// A capture that is not written yet, and the state it must show.
    captured: Option<(Captured, Map)>,
    last: Option<CaptureReport>,
    cursor: Vec<u8>,
}

impl Model {
    fn new(seed: u64, shape: Shape, copies: Copies) -> Self {
        Self {
            random: Random::new(seed),
            shape,
            store: Store::new(),
            tree: tree().with_copies(copies),
            map: Map::new(),
            captured: None,
            last: None,
            cursor: Vec::new(),
        }
    }

    fn change(&mut self, deletes: usize) {
        let key = if self.random.chance(3) {
            self.near_key()
        } else {
            self.shape.key(&self.random)
        };
        let (store, tree) = (&self.store, &mut self.tree);
        fetch(store, tree, |tree| tree.resident(&key, &key, 1));
        if self.random.below(10) < deletes {
            let deleted = tree.delete(&key).unwrap();
            assert_eq!(deleted, self.map.remove(&key).is_some());
        } else {
            let value = self.shape.value(&self.random);
            tree.put(&key, &value).unwrap();
            self.map.insert(key, value);
        }
    }

    /// A key that is there, so that deletes and overwrites happen often.
    fn near_key(&self) -> Vec<u8> {
        let key = self.shape.key(&self.random);
        self.map
            .range(key.clone()..)
            .next()
            .map_or(key, |(key, _)| key.clone())
    }

    fn read(&mut self) {
        let key = if self.random.chance(2) {
            self.near_key()
        } else {
            self.shape.key(&self.random)
        };
        let found = fetch(&self.store, &mut self.tree, |tree| {
            tree.get(&key, |value| value.map(<[u8]>::to_vec))
        });
        assert_eq!(found.as_ref(), self.map.get(&key));
        let floor = fetch(&self.store, &mut self.tree, |tree| {
            tree.floor(&key, |found| {
                found.map(|(key, value)| (key.to_vec(), value.to_vec()))
            })
        });
        let expected = self.map.range(..=key.clone()).next_back();
        assert_eq!(floor.as_ref().map(|(key, value)| (key, value)), expected);
        let mut expected = self
            .map
            .range((Bound::Included(key.clone()), Bound::Unbounded));
        let flow = fetch(&self.store, &mut self.tree, |tree| {
            let mut seen = Vec::new();
            tree.scan(&key, |key, value| {
                seen.push((key.to_vec(), value.to_vec()));
                if seen.len() < 5 {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            })?;
            Ok(seen)
        });
        for (key, value) in flow {
            assert_eq!(expected.next(), Some((&key, &value)));
        }
    }

    /// Takes a capture, or writes the one that was taken some changes ago.
    fn checkpoint(&mut self) {
        let Some((captured, map)) = self.captured.take() else {
            self.captured = Some((self.tree.capture(), self.map.clone()));
            return;
        };
        let report = self.store.write(captured);
        let (entries, _) = self.store.read_all(report.root);
        assert_eq!(entries, map, "a capture is the state of its moment");
        self.store.assert_exact(report.root);
        self.last = Some(report);
    }

    fn reopen(&mut self) {
        while self.captured.is_some() {
            self.checkpoint();
        }
        self.checkpoint();
        self.checkpoint();
        assert!(!self.tree.is_dirty());
        let root = self.last.as_ref().unwrap().root;
        let budget = budget();
        let copies = self.tree.state.copies;
        self.tree = Tree::from_root(TREE, root, budget).with_copies(copies);
    }

    fn evict(&mut self) {
        let leaves = 1 + self.random.below(20);
        let kept = self.random.chance(4).then(|| self.near_key());
        let keep = |low: &[u8], high: &[u8]| {
            let inside = |key: &Vec<u8>| low <= &key[..] && (high.is_empty() || &key[..] < high);
            kept.as_ref().is_some_and(inside)
        };
        self.tree.evict(&mut self.cursor, leaves, &keep);
    }

    fn run(&mut self, steps: usize) {
        for step in 0..steps {
            // Fill, empty, fill again.
            let deletes = if (step * 5 / steps).is_multiple_of(2) {
                3
            } else {
                8
            };
            match self.random.below(100) {
                0 => self.checkpoint(),
                1..=4 => self.evict(),
                5..=14 => self.read(),
                15 if self.random.chance(20) => self.reopen(),
                16 if self.random.chance(10) => self.relocate(),
                _ => self.change(deletes),
            }
        }
        assert_eq!(entries(&self.store, &mut self.tree), self.map);
        self.reopen();
        assert_eq!(entries(&self.store, &mut self.tree), self.map);
        self.empty();
    }
}

#[test]
fn random_use_of_a_tree_of_extents() {
    for seed in 100..106 {
        Model::new(seed, Shape::Extents, Copies::One).run(40_000);
    }
}

#[test]
fn random_use_of_a_tree_of_paths() {
    for seed in 200..206 {
        Model::new(seed, Shape::Paths, Copies::One).run(30_000);
    }
}

#[test]
fn random_use_of_a_tree_of_extremes() {
    for seed in 300..306 {
        Model::new(seed, Shape::Extremes, Copies::One).run(15_000);
    }
}

#[test]
fn random_use_of_a_tree_in_two_copies() {
    for seed in 400..403 {
        Model::new(seed, Shape::Extents, Copies::Two).run(20_000);
    }
}

proptest! {
    #[test]
    fn any_keys_and_values(
        changes in prop::collection::vec(
            (
                prop::collection::vec(any::<u8>(), 0..40),
                prop::option::of(prop::collection::vec(any::<u8>(), 0..1500)),
            ),
            0..150,
        ),
    ) {
        let (mut tree, mut map) = (tree(), Map::new());
        for (key, value) in changes {
            if let Some(value) = value {
                tree.put(&key, &value).unwrap();
                map.insert(key, value);
            } else {
                let deleted = tree.delete(&key).unwrap();
                assert_eq!(deleted, map.remove(&key).is_some());
            }
        }
        assert_eq!(entries(&Store::new(), &mut tree), map);
    }
}
