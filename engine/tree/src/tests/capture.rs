//! What captures write and free, and that they are isolated from the head.

use engine_base::Location;

use super::store::{Map, Random, Store, TREE, budget, entries, number_key, numbered, put, tree};
use crate::{Captured, Copies, PageKind, PageSink, Tree};

#[test]
fn few_changes_are_written_as_one_delta_that_is_replaced() {
    let mut store = Store::new();
    let mut tree = numbered(2000, Copies::One);
    let first = store.write(tree.capture());
    assert_eq!(first.deltas, 0);
    assert!(first.freed.is_empty());
    assert!(first.pages > 3);

    for round in 1..4_u8 {
        put(&mut tree, &number_key(5), &[round; 20]);
        put(&mut tree, &number_key(u64::from(round) + 20), &[round; 21]);
        tree.delete(&number_key(u64::from(round) + 40)).unwrap();
        let report = store.write(tree.capture());
        assert_eq!(
            (report.pages, report.deltas),
            (1, 1),
            "the root and a delta"
        );
        let changes = 6 + 8 + 20 + usize::from(round) * (6 + 8 + 21 + 6 + 8);
        let delta = report
            .written
            .iter()
            .find(|(_, bytes)| *bytes < 16384)
            .unwrap();
        assert_eq!(
            usize::try_from(delta.1).unwrap(),
            24 + changes,
            "cumulative"
        );
        let old_deltas = report
            .freed
            .iter()
            .filter(|(_, bytes)| *bytes < 16384)
            .count();
        assert_eq!(old_deltas, usize::from(round > 1), "replaced, not chained");
        assert_eq!(
            report.freed.len() - old_deltas,
            2,
            "the old root and its copy"
        );
        store.assert_exact(report.root);
    }
}

#[test]
fn a_delta_survives_eviction_and_goes_on() {
    let mut store = Store::new();
    let mut tree = numbered(200, Copies::One);
    store.write(tree.capture());
    put(&mut tree, &number_key(3), b"three");
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget());
    let missing = tree.put(&number_key(9), b"nine").unwrap_err();
    assert!(missing.pointer.delta.is_some());
    store.install(&mut tree, &missing);
    put(&mut tree, &number_key(9), b"nine");
    let report = store.write(tree.capture());
    assert_eq!(
        (report.pages, report.deltas),
        (0, 1),
        "both changes in one delta"
    );
    let (map, _) = store.read_all(report.root);
    assert_eq!(map[&number_key(3)[..]], b"three");
    assert_eq!(map[&number_key(9)[..]], b"nine");
    assert_eq!(
        report.freed.len(),
        1,
        "the old delta; page and its location stay"
    );
    store.assert_exact(report.root);
}

/// Found by the model: in key order, the put comes before the delete that makes room for it.
#[test]
fn a_delta_fits_a_full_page_whatever_the_order_of_its_changes() {
    let (mut store, mut tree) = (Store::new(), tree());
    for number in 0..10 {
        put(&mut tree, &number_key(number), &[1; 1600]);
    }
    store.write(tree.capture());
    assert!(tree.delete(&number_key(9)).unwrap());
    put(&mut tree, &number_key(0), &[2; 1900]);
    let report = store.write(tree.capture());
    assert_eq!((report.pages, report.deltas), (0, 1));
    let mut opened = Tree::from_root(TREE, report.root, budget());
    let map = entries(&store, &mut opened);
    assert_eq!(map, entries(&store, &mut tree));
    assert_eq!(map[&number_key(0)[..]], [2; 1900]);
}

#[test]
fn many_changes_are_written_as_a_page() {
    let mut store = Store::new();
    let mut tree = numbered(200, Copies::One);
    store.write(tree.capture());
    for number in 0..100 {
        put(&mut tree, &number_key(number), &[1; 20]);
    }
    let report = store.write(tree.capture());
    assert_eq!((report.pages, report.deltas), (1, 0));
    assert_eq!(report.freed.len(), 1);
    put(&mut tree, &number_key(0), &[2; 20]);
    let report = store.write(tree.capture());
    assert_eq!(
        (report.pages, report.deltas),
        (0, 1),
        "a new page is a new base"
    );
}

#[test]
fn trees_in_two_copies_have_no_deltas() {
    let mut store = Store::new();
    let mut tree = numbered(2000, Copies::Two);
    let report = store.write(tree.capture());
    assert_eq!(report.written.len(), 2 * report.pages);
    put(&mut tree, &number_key(5), b"five");
    let report = store.write(tree.capture());
    assert_eq!((report.pages, report.deltas), (2, 0));
    assert_eq!((report.written.len(), report.freed.len()), (4, 4));
    store.assert_exact(report.root);
}

#[test]
fn an_unchanged_tree_writes_nothing() {
    let mut store = Store::new();
    let mut tree = numbered(1000, Copies::One);
    assert!(tree.is_dirty());
    let first = store.write(tree.capture());
    assert!(!tree.is_dirty());
    put(&mut tree, &number_key(1), &[7; 20]);
    assert!(!tree.delete(&[9; 9]).unwrap());
    assert!(
        !tree.is_dirty(),
        "a put of the same value and a delete of nothing are no changes"
    );
    let second = store.write(tree.capture());
    assert_eq!(second.root, first.root);
    assert!(second.written.is_empty() && second.freed.is_empty());
}

/// The head drops, changes and evicts while a capture is not written yet.
#[test]
fn a_capture_shows_its_moment_whatever_the_head_does() {
    for seed in 1..20 {
        let random = Random::new(seed);
        let (mut store, mut tree, mut map) = (Store::new(), tree(), Map::new());
        let mut cursor = Vec::new();
        for round in 0..12_u64 {
            for _ in 0..random.below(3000) {
                let key = number_key(u64::try_from(random.below(4000)).unwrap());
                if random.below(12) < usize::try_from(round).unwrap() {
                    tree.delete(&key).unwrap();
                    map.remove(&key[..]);
                } else {
                    put(&mut tree, &key, &random.bytes(20));
                    tree.get(&key, |value| {
                        map.insert(key.to_vec(), value.unwrap().to_vec())
                    })
                    .unwrap();
                }
            }
            let (captured, then) = (tree.capture(), map.clone());
            for _ in 0..random.below(1000) {
                let key = number_key(u64::try_from(random.below(4000)).unwrap());
                tree.delete(&key).unwrap();
                map.remove(&key[..]);
            }
            tree.evict(&mut cursor, 3, &|_, _| false);
            let report = store.write(captured);
            assert_eq!(store.read_all(report.root).0, then);
            store.assert_exact(report.root);
            assert_eq!(entries(&store, &mut tree), map);
        }
    }
}

#[test]
fn captures_are_written_on_another_thread_while_the_head_goes_on() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    for round in 0..10_u8 {
        let captured: Captured = tree.capture();
        let (returned, report) = std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                let report = store.write_only(captured);
                (store, report)
            });
            for number in 0..20_000_u64 {
                if number % 7 == u64::from(round) % 7 {
                    put(&mut tree, &number_key(number), &[round; 20]);
                }
            }
            writer.join().unwrap()
        });
        store = returned;
        store.free(&report);
        store.assert_exact(report.root);
    }
}

struct FailingSink {
    appends_left: usize,
}

impl PageSink for FailingSink {
    type Error = &'static str;

    fn append(&mut self, _: &[u8], _: PageKind) -> Result<Location, &'static str> {
        self.appends_left = self
            .appends_left
            .checked_sub(1)
            .ok_or("the device is gone")?;
        Ok(Location {
            segment: engine_base::SegmentId::FIRST,
            offset: 4096,
        })
    }
}

#[test]
#[should_panic(expected = "none follows one that failed")]
fn no_capture_follows_one_that_failed() {
    let mut tree = numbered(2000, Copies::One);
    let error = tree
        .capture()
        .write(&mut FailingSink { appends_left: 2 })
        .unwrap_err();
    assert_eq!(error, "the device is gone");
    let _ = tree.capture();
}

#[test]
#[should_panic(expected = "captures do not overlap")]
fn captures_do_not_overlap() {
    let mut tree = numbered(10, Copies::One);
    let _first = tree.capture();
    let _ = tree.capture();
}
