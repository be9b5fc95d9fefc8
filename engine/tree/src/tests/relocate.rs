//! Emptying segments.

use engine_base::SegmentId;

use super::store::{Store, TREE, budget, entries, fetch, number_key, numbered, put, relocate};
use crate::{CaptureReport, Copies, RelocationEnd, Tree};

fn segment(number: u64) -> SegmentId {
    SegmentId::new(number).unwrap()
}

fn in_segment(store: &Store, number: u64) -> usize {
    let locations = store.bytes.keys();
    locations
        .filter(|location| location.segment == segment(number))
        .count()
}

/// Each of the pages of the first segment is needed for ever, or until it is relocated.
#[test]
fn a_segment_is_emptied_of_leaves_that_are_not_in_memory() {
    let (mut store, mut tree) = (Store::new(), numbered(60_000, Copies::One));
    let root = store.write(tree.capture()).root;
    let in_first = in_segment(&store, 1);
    assert!(in_first > 50);
    let mut tree = Tree::from_root(TREE, root, budget());
    let is_victim = |at: SegmentId| at == segment(1);
    let marked = relocate(&store, &mut tree, 7, &is_victim);
    assert_eq!(marked, in_first);
    let report = store.write(tree.capture());
    assert_eq!(in_segment(&store, 1), 0);
    store.assert_exact(report.root);
    assert_eq!(store.read_all(report.root).0.len(), 60_000);
    assert_eq!(relocate(&store, &mut tree, 7, &is_victim), 0);
    assert!(!tree.is_dirty(), "nothing is marked where nothing is");
}

#[test]
fn one_call_marks_no_more_than_it_may() {
    let (mut store, mut tree) = (Store::new(), numbered(60_000, Copies::One));
    store.write(tree.capture());
    let first = tree.relocate(&[], 5, &|_| true);
    assert_eq!(first.marked, 5);
    let RelocationEnd::At(from) = first.end else {
        panic!("{first:?}")
    };
    let second = tree.relocate(&from, 5, &|_| true);
    assert_eq!(second.marked, 5);
    let report = store.write(tree.capture());
    assert_eq!(
        (report.pages, report.deltas),
        (10, 0),
        "the root is one of the ten"
    );
    store.assert_exact(report.root);
}

fn with_a_delta(store: &mut Store) -> (Tree, CaptureReport) {
    let mut tree = numbered(2000, Copies::One);
    store.write(tree.capture());
    // A full segment, so that the delta lies in another one than its base page.
    store.fill_segment();
    put(&mut tree, &number_key(5), b"five");
    let report = store.write(tree.capture());
    assert_eq!(report.deltas, 1);
    (tree, report)
}

#[test]
fn only_the_delta_is_written_where_only_the_delta_lies_in_a_victim() {
    for in_memory in [true, false] {
        let mut store = Store::new();
        let (mut tree, report) = with_a_delta(&mut store);
        if !in_memory {
            tree = Tree::from_root(TREE, report.root, budget());
        }
        store.fill_segment();
        relocate(&store, &mut tree, 100, &|at| at == segment(2));
        let report = store.write(tree.capture());
        assert_eq!(
            (report.pages, report.deltas),
            (1, 1),
            "the root and the delta"
        );
        assert_eq!(in_segment(&store, 2), 0);
        store.assert_exact(report.root);
        assert_eq!(store.read_all(report.root).0[&number_key(5)[..]], b"five");
    }
}

#[test]
fn a_dirty_leaf_whose_base_lies_in_a_victim_is_written_whole() {
    let mut store = Store::new();
    let (mut tree, _) = with_a_delta(&mut store);
    put(&mut tree, &number_key(6), b"six");
    let is_victim = |at: SegmentId| at == segment(1);
    relocate(&store, &mut tree, 100, &is_victim);
    let report = store.write(tree.capture());
    assert_eq!(report.deltas, 0);
    assert_eq!(in_segment(&store, 1), 0);
    store.assert_exact(report.root);
    let map = entries(&store, &mut tree);
    assert_eq!(map[&number_key(5)[..]], b"five");
    assert_eq!(map[&number_key(6)[..]], b"six");
    put(&mut tree, &number_key(7), b"seven");
    let report = store.write(tree.capture());
    assert_eq!(report.deltas, 1, "the new page is a base again");
}

#[test]
fn trees_in_two_copies_move_both() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::Two));
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget()).with_copies(Copies::Two);
    store.fill_segment();
    let pages = store.bytes.len() / 2;
    let marked = relocate(&store, &mut tree, 3, &|_| true);
    assert_eq!(marked, pages);
    let report = store.write(tree.capture());
    assert_eq!(report.freed.len(), 2 * pages);
    store.assert_exact(report.root);
}

#[test]
fn what_a_running_capture_writes_is_passed_over() {
    let (mut store, mut tree) = (Store::new(), numbered(60_000, Copies::One));
    store.write(tree.capture());
    put(&mut tree, &number_key(5), b"five");
    let captured = tree.capture();
    let marked = relocate(&store, &mut tree, 100, &|at| at == segment(1));
    assert!(marked > 50);
    put(&mut tree, &number_key(6), b"six");
    let report = store.write(captured);
    store.assert_exact(report.root);
    let report = store.write(tree.capture());
    store.assert_exact(report.root);
    assert!(in_segment(&store, 1) <= 1, "but for the base of the delta");
    assert_eq!(entries(&store, &mut tree).len(), 60_000);
}

#[test]
fn an_inner_page_that_was_only_looked_at_leaves_memory_again() {
    let (mut store, mut tree) = (Store::new(), numbered(60_000, Copies::One));
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget());
    let missing = tree.first().unwrap_err();
    store.install(&mut tree, &missing);
    assert!(tree.state.budget.resident().get() > 0);
    let mut cursor = Vec::new();
    assert_eq!(tree.evict(&mut cursor, 9, &|_, _| true), 0);
    assert_eq!(tree.evict(&mut cursor, 9, &|_, _| true), 0, "wanted");
    assert_eq!(tree.evict(&mut cursor, 9, &|_, _| false), 1);
    assert_eq!(tree.state.budget.resident().get(), 0);
    fetch(&store, &mut tree, |tree| tree.first());
}
