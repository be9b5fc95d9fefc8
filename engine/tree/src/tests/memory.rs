//! The budget, eviction and residency.

use super::store::{Store, TREE, budget, entries, fetch, number_key, numbered, put, tree};
use crate::budget::PAGE_CHARGE;
use crate::{Copies, LoadedPage, MemoryBudget, Tree};
use engine_base::ByteCount;
use engine_base::limits::PAGE_BYTES;

const PAGE: u64 = PAGE_BYTES as u64;

#[test]
fn a_dropped_tree_gives_its_memory_back() {
    let budget = budget();
    let mut tree = Tree::empty(TREE, budget.clone());
    for number in 0..5000 {
        put(&mut tree, &number_key(number), &[7; 20]);
    }
    assert!(budget.resident().get() > 10 * PAGE);
    let pages = |budget: &MemoryBudget| budget.resident().get() / PAGE_CHARGE;
    assert_eq!(pages(&budget) * PAGE, budget.dirty().get());
    let captured = tree.capture();
    put(&mut tree, &number_key(0), &[8; 20]);
    assert_eq!(
        budget.dirty().get(),
        pages(&budget) * PAGE,
        "the copies are dirty as well"
    );
    drop(tree);
    drop(captured);
    assert_eq!(budget.resident(), ByteCount::ZERO);
    assert_eq!(budget.dirty(), ByteCount::ZERO);
}

#[test]
fn written_pages_are_not_dirty() {
    let (mut store, mut tree) = (Store::new(), numbered(5000, Copies::One));
    store.write(tree.capture());
    assert_eq!(tree.state.budget.dirty(), ByteCount::ZERO);
    put(&mut tree, &number_key(0), &[8; 20]);
    assert_eq!(
        tree.state.budget.dirty().get(),
        2 * PAGE,
        "a leaf and the root"
    );
}

#[test]
fn thresholds_of_the_budget() {
    let budget = MemoryBudget::new(ByteCount::new(8 * PAGE));
    let mut tree = Tree::empty(TREE, budget.clone());
    let mut number = 0;
    let mut grow_to = |pages: u64| {
        while budget.dirty().get() < pages * PAGE {
            put(&mut tree, &number_key(number), &[7; 20]);
            number += 1;
        }
    };
    grow_to(1);
    assert!(!budget.checkpoint_due());
    grow_to(3);
    assert!(budget.checkpoint_due() && !budget.slow_down());
    grow_to(4);
    assert!(budget.slow_down());
    assert_eq!(budget.excess(), ByteCount::ZERO);
    grow_to(10);
    assert_eq!(budget.excess().get(), 10 * PAGE_CHARGE - 8 * PAGE);
}

#[test]
fn eviction_passes_over_dirty_used_and_wanted_leaves() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    let mut cursor = Vec::new();
    let none = |_: &[u8], _: &[u8]| false;
    assert_eq!(
        tree.evict(&mut cursor, usize::MAX, &none),
        0,
        "used just now"
    );
    assert_eq!(tree.evict(&mut cursor, usize::MAX, &none), 0, "dirty");
    store.write(tree.capture());
    tree.get(&number_key(7), |_| ()).unwrap();
    put(&mut tree, &number_key(19_999), b"dirty");
    tree.evict(&mut cursor, 0, &none);
    let wanted = number_key(10_000);
    let keep = |low: &[u8], high: &[u8]| low <= &wanted[..] && &wanted[..] < high;
    let leaves = tree.state.budget.resident().get() / PAGE_CHARGE - 1;
    let evicted = tree.evict(&mut cursor, usize::MAX, &keep);
    assert_eq!(u64::try_from(evicted).unwrap(), leaves - 3);
    assert!(cursor.is_empty(), "the end was reached");
    assert_eq!(tree.state.budget.resident().get(), 4 * PAGE_CHARGE);
    for number in [7, 10_000, 19_999] {
        tree.get(&number_key(number), |value| assert!(value.is_some()))
            .unwrap();
    }
    tree.get(&number_key(5_000), |_| ()).unwrap_err();
    assert_eq!(entries(&store, &mut tree).len(), 20_000);
}

#[test]
fn the_whole_tree_can_leave_memory_and_come_back() {
    let (mut store, mut tree) = (Store::new(), numbered(50_000, Copies::One));
    store.write(tree.capture());
    let mut cursor = Vec::new();
    let mut passes = 0;
    while tree.state.budget.resident() > ByteCount::ZERO {
        tree.evict(&mut cursor, 50, &|_, _| false);
        passes += 1;
        assert!(passes < 100, "two rounds over the leaves are enough");
    }
    assert!(!tree.is_dirty());
    put_after_fetch(&store, &mut tree, 49_999);
    assert_eq!(entries(&store, &mut tree).len(), 50_000);
}

fn put_after_fetch(store: &Store, tree: &mut Tree, number: u64) {
    let key = number_key(number);
    let missing = tree.put(&key, b"new").unwrap_err();
    assert_eq!(missing.level, None, "the root");
    assert!(!tree.is_dirty(), "nothing was changed");
    fetch(store, tree, |tree| tree.put(&key, b"new"));
    assert!(fetch(store, tree, |tree| tree.delete(&number_key(0))));
    fetch(store, tree, |tree| tree.put(&number_key(0), b"back"));
}

#[test]
fn residency_is_said_leaf_by_leaf() {
    let (mut store, mut tree) = (Store::new(), numbered(5000, Copies::One));
    let all = |tree: &Tree| tree.resident(&number_key(100), &number_key(4900), usize::MAX);
    assert_eq!(all(&tree), Ok(None));
    let stopped = tree
        .resident(&number_key(0), &number_key(4900), 2)
        .unwrap()
        .unwrap();
    assert!(number_key(0)[..] < *stopped);
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget());
    let root = tree.missing(&[], &[255; 8], 1000);
    assert_eq!(root.len(), 1);
    store.install(&mut tree, &root[0]);
    let leaves = tree.missing(&number_key(100), &number_key(4900), 1000);
    assert_eq!(
        tree.missing(&number_key(100), &number_key(4900), 3),
        leaves[..3]
    );
    assert_eq!(all(&tree), Err(leaves[0].clone()));
    for leaf in leaves.iter().rev() {
        assert!(all(&tree).is_err());
        store.install(&mut tree, leaf);
    }
    assert_eq!(all(&tree), Ok(None));
    assert!(leaves.iter().all(|leaf| leaf.level == Some(0)));
}

#[test]
fn a_page_is_installed_once_and_only_where_it_belongs() {
    let (mut store, mut tree) = (Store::new(), numbered(300, Copies::One));
    let root = store.write(tree.capture()).root;
    let mut other = Tree::from_root(TREE, root, budget());
    let missing = other.first().unwrap_err();
    let page = || LoadedPage::decode(&missing, &store.bytes[&missing.pointer.base], None).unwrap();
    assert!(other.install(&missing, page()));
    assert!(!other.install(&missing, page()), "already there");
    assert!(!tree.install(&missing, page()), "never was missing");
    assert!(
        !super::store::tree().install(&missing, page()),
        "not of this state"
    );
}

#[test]
fn installing_below_a_running_capture_changes_neither() {
    let (mut store, mut tree) = (Store::new(), numbered(5000, Copies::One));
    let root = store.write(tree.capture()).root;
    drop(tree);
    let mut tree = Tree::from_root(TREE, root, budget());
    fetch(&store, &mut tree, |tree| tree.put(&number_key(1), b"one"));
    let captured = tree.capture();
    fetch(&store, &mut tree, |tree| {
        tree.get(&number_key(4000), |_| ())
    });
    let report = store.write(captured);
    assert!(!tree.is_dirty());
    store.assert_exact(report.root);
    fetch(&store, &mut tree, |tree| {
        tree.put(&number_key(4000), b"4000")
    });
    let report = store.write(tree.capture());
    store.assert_exact(report.root);
    assert_eq!(store.read_all(report.root).0.len(), 5000);
}

#[test]
fn an_empty_tree_has_nothing() {
    let mut tree = tree();
    assert_eq!(tree.first(), Ok(None));
    assert_eq!(tree.is_empty(), Ok(true));
    assert_eq!(tree.delete(b"k"), Ok(false));
    assert_eq!(tree.floor(b"k", |found| found.is_none()), Ok(true));
    assert_eq!(tree.resident(b"", b"z", 0), Ok(None));
    assert_eq!(tree.evict(&mut Vec::new(), 10, &|_, _| false), 0);
    let report = Store::new().write(tree.capture());
    assert_eq!(report.root, None);
}

#[test]
fn a_pruned_capture_holds_dirty_pages_only() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    store.write(tree.capture());
    put(&mut tree, &number_key(0), b"dirty");
    let mut captured = tree.capture();
    captured.prune();
    let budget = tree.state.budget.clone();
    let (mut cursor, none) = (Vec::new(), |_: &[u8], _: &[u8]| false);
    for _ in 0..3 {
        tree.evict(&mut cursor, usize::MAX, &none);
    }
    assert_eq!(
        budget.resident().get(),
        3 * PAGE_CHARGE,
        "the leaf is shared; the root is the head's and the capture's"
    );
    let report = store.write(captured);
    assert_eq!(report.pages + report.deltas, 2);
    assert_eq!(budget.dirty(), ByteCount::ZERO);
    assert_eq!(budget.resident().get(), 2 * PAGE_CHARGE);
    let mut stored = Tree::from_root(TREE, report.root, budget);
    assert_eq!(entries(&store, &mut stored).len(), 20_000);
}

#[test]
fn leaves_behind_a_missing_one_are_those_that_a_scan_needs_next() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    let report = store.write(tree.capture());
    let mut tree = Tree::from_root(TREE, report.root, budget());
    let root = tree.get(&number_key(5000), |_| ()).unwrap_err();
    assert!(
        tree.leaves_behind(&root, 8).is_empty(),
        "no leaf is known yet"
    );
    store.install(&mut tree, &root);
    let first = tree.get(&number_key(5000), |_| ()).unwrap_err();
    let behind = tree.leaves_behind(&first, 8);
    assert_eq!(behind.len(), 8);
    store.install(&mut tree, &first);
    for pointer in behind {
        let next = tree.scan(
            &number_key(5000),
            |_, _| std::ops::ControlFlow::Continue(()),
        );
        let next = next.unwrap_err();
        assert_eq!(next.pointer, pointer);
        store.install(&mut tree, &next);
    }
}
