//! How the tree grows and shrinks.

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};

use super::store::{Store, number_key, numbered, put, tree};
use crate::Copies;

#[test]
fn appending_leaves_full_pages() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    let report = store.write(tree.capture());
    let entry_bytes = 20_000 * (2 + 4 + 20 + 3);
    assert!(
        report.pages * PAGE_BYTES < entry_bytes * 5 / 4,
        "{} pages",
        report.pages
    );
}

#[test]
fn deleting_merges_pages() {
    let (mut store, mut tree) = (Store::new(), numbered(20_000, Copies::One));
    let full = store.write(tree.capture());
    for number in 0..20_000 {
        if number % 10 != 0 {
            assert!(tree.delete(&number_key(number)).unwrap());
        }
    }
    let sparse = store.write(tree.capture());
    store.assert_exact(sparse.root);
    let pages = store.stored_bytes() / PAGE_BYTES;
    assert!(pages * 3 < full.pages, "{pages} pages of {}", full.pages);
}

#[test]
fn deleting_all_in_any_order_leaves_nothing() {
    let forward: Vec<_> = (0..5000).collect();
    let backward = (0..5000).rev().collect();
    let scattered = (0..5000).map(|number| number * 1237 % 5000).collect();
    for order in [forward, backward, scattered] {
        let (mut store, mut tree) = (Store::new(), numbered(5000, Copies::One));
        store.write(tree.capture());
        for number in order {
            assert!(tree.delete(&number_key(number)).unwrap());
        }
        assert_eq!(tree.is_empty(), Ok(true));
        assert!(tree.is_dirty());
        let report = store.write(tree.capture());
        assert_eq!(report.root, None);
        assert_eq!(store.stored_bytes(), 0);
        assert!(!tree.is_dirty());
    }
}

#[test]
fn a_put_after_the_tree_was_emptied_starts_anew() {
    let (mut store, mut tree) = (Store::new(), numbered(3, Copies::One));
    store.write(tree.capture());
    (0..3).for_each(|number| assert!(tree.delete(&number_key(number)).unwrap()));
    put(&mut tree, b"again", b"");
    let report = store.write(tree.capture());
    assert_eq!(report.freed.len(), 1);
    store.assert_exact(report.root);
}

#[test]
fn the_largest_entries_split_and_merge() {
    let (mut store, mut tree) = (Store::new(), tree());
    let key = |number: usize| {
        let mut key = vec![b'x'; KEY_BYTES_MAX];
        key[KEY_BYTES_MAX - 8..].copy_from_slice(&number_key(u64::try_from(number).unwrap()));
        key
    };
    for number in (0..400).map(|number| number * 171 % 400) {
        put(&mut tree, &key(number), &vec![1; VALUE_BYTES_MAX - number]);
    }
    let report = store.write(tree.capture());
    assert_eq!(store.read_all(report.root).0.len(), 400);
    for number in 0..400 {
        assert!(tree.delete(&key(number)).unwrap());
    }
    assert_eq!(store.write(tree.capture()).root, None);
    assert_eq!(store.stored_bytes(), 0);
}

#[test]
#[should_panic(expected = "key of 1281 bytes")]
fn too_long_a_key_is_the_callers_mistake() {
    let _ = tree().put(&[0; KEY_BYTES_MAX + 1], b"");
}

#[test]
#[should_panic(expected = "value of 4097 bytes")]
fn too_long_a_value_is_the_callers_mistake() {
    let _ = tree().put(b"", &[0; VALUE_BYTES_MAX + 1]);
}
