//! Trees that are removed as a whole.

use std::convert::Infallible;

use super::store::{Store, TREE, budget, fetch, number_key, numbered, put};
use crate::{Copies, Missing, Remains, Tree};

/// Frees; the number of pages that had to be read.
fn free(store: &mut Store, remains: Remains) -> usize {
    let mut levels = Vec::new();
    let load = |missing: &Missing| {
        let page = store.load(missing);
        levels.push(page.level());
        Ok::<_, Infallible>(Some(page))
    };
    let freed = remains.free(load).unwrap();
    store.free_parts(&freed);
    levels.len()
}

#[test]
fn a_tree_that_is_not_in_memory_is_freed_without_reading_its_leaves() {
    for copies in [Copies::One, Copies::Two] {
        let (mut store, mut tree) = (Store::new(), numbered(150_000, copies));
        let report = store.write(tree.capture());
        let mut tree = Tree::from_root(TREE, report.root, budget()).with_copies(copies);
        let read = free(&mut store, tree.take_remains());
        assert!(
            read >= 2 && read * 20 < report.pages,
            "{read} of {}",
            report.pages
        );
        assert_eq!(store.stored_bytes(), 0);
        assert_eq!(tree.is_empty(), Ok(true));
    }
}

/// An emptied leaf stays when none of its neighbours is in memory.
#[test]
fn leaves_that_were_emptied_one_by_one_are_freed() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget());
    let mut cursor = Vec::new();
    for number in 0..20_000 {
        let key = number_key(number);
        let deleted = fetch(&store, &mut tree, |tree| tree.delete(&key));
        assert!(deleted);
        if number % 100 == 0 {
            store.write(tree.capture());
            while tree.evict(&mut cursor, 10, &|_, _| false) > 0 || !cursor.is_empty() {}
        }
    }
    assert!(fetch(&store, &mut tree, |tree| tree.is_empty()));
    let report = store.write(tree.capture());
    assert!(report.root.is_some(), "pages without entries are left");
    free(&mut store, tree.take_remains());
    assert_eq!(store.stored_bytes(), 0);
}

#[test]
fn what_was_not_written_yet_is_not_freed() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    free(&mut store, tree.take_remains());
    for number in 0..20_000 {
        put(&mut tree, &number_key(number), &[7; 20]);
    }
    store.write(tree.capture());
    put(&mut tree, &number_key(3), b"three");
    (100..10_000).for_each(|number| assert!(tree.delete(&number_key(number)).unwrap()));
    assert_eq!(free(&mut store, tree.take_remains()), 0);
    assert_eq!(store.stored_bytes(), 0);
    assert_eq!(tree.state.budget.resident().get(), 0);
    assert_eq!(tree.state.budget.dirty().get(), 0);
}

#[test]
fn a_tree_may_be_removed_while_a_capture_is_running() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    store.write(tree.capture());
    put(&mut tree, &number_key(3), b"three");
    let captured = tree.capture();
    put(&mut tree, &number_key(4), b"four");
    let remains = tree.take_remains();
    assert!(!tree.is_dirty());
    let report = store.write(captured);
    store.assert_exact(report.root);
    free(&mut store, remains);
    assert_eq!(store.stored_bytes(), 0);
    let report = store.write(tree.capture());
    assert_eq!((report.root, report.freed.len()), (None, 0));
}

#[test]
fn what_cannot_be_read_is_left() {
    let (mut store, mut tree) = (Store::new(), numbered(2000, Copies::One));
    let report = store.write(tree.capture());
    let mut tree = Tree::from_root(TREE, report.root, budget());
    let remains = tree.take_remains();
    assert_eq!(remains.tree(), TREE);
    let freed = remains.free(|_| Ok::<_, Infallible>(None)).unwrap();
    assert_eq!(freed.len(), 2, "the root and its copy");
}
