//! Pages that are not what was written: refused, and said which part is bad.

use engine_format::FormatError;

use super::store::{Store, TREE, budget, number_key, numbered, put};
use crate::{Copies, LoadedPage, Missing, PageError, Tree};

/// A root leaf with a delta, as it is missing from a tree just opened.
fn stored() -> (Store, Missing) {
    let (mut store, mut tree) = (Store::new(), numbered(200, Copies::One));
    store.write(tree.capture());
    put(&mut tree, &number_key(3), b"three");
    tree.delete(&number_key(4)).unwrap();
    let root = store.write(tree.capture()).root;
    let missing = Tree::from_root(TREE, root, budget()).first().unwrap_err();
    (store, missing)
}

fn parts<'a>(store: &'a Store, missing: &Missing) -> (&'a [u8], &'a [u8]) {
    let delta = missing.pointer.delta.unwrap().location;
    (&store.bytes[&missing.pointer.base], &store.bytes[&delta])
}

#[test]
fn every_flipped_bit_is_refused_and_said_where() {
    let (store, missing) = stored();
    let (base, delta) = parts(&store, &missing);
    let decode = |base: &[u8], delta: &[u8]| LoadedPage::decode(&missing, base, Some(delta));
    decode(base, delta).unwrap();
    for bit in 0..base.len() * 8 {
        let mut flipped = base.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = decode(&flipped, delta).unwrap_err();
        assert!(error.is_base(), "bit {bit}: {error}");
    }
    for bit in 0..delta.len() * 8 {
        let mut flipped = delta.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = decode(base, &flipped).unwrap_err();
        assert!(matches!(
            error,
            PageError::Delta {
                source: FormatError::Checksum {
                    structure: "delta",
                    ..
                },
                ..
            }
        ));
    }
}

#[test]
fn a_page_of_another_place_is_refused() {
    let (store, missing) = stored();
    let (base, delta) = parts(&store, &missing);
    let elsewhere = [
        Missing {
            level: Some(1),
            ..missing.clone()
        },
        Missing {
            low: b"a".as_slice().into(),
            ..missing.clone()
        },
        Missing {
            high: b"a".as_slice().into(),
            ..missing.clone()
        },
    ];
    for missing in elsewhere {
        let error = LoadedPage::decode(&missing, base, Some(delta)).unwrap_err();
        assert!(matches!(error, PageError::Misplaced { .. }));
    }
    let of_other_tree = Missing {
        tree: engine_base::DatasetId::POOL,
        ..missing
    };
    let error = LoadedPage::decode(&of_other_tree, base, Some(delta)).unwrap_err();
    assert!(matches!(
        error,
        PageError::Base {
            source: FormatError::Misplaced { name: "tree", .. },
            ..
        }
    ));
}

#[test]
fn a_delta_that_does_not_fit_its_page_is_refused() {
    let (mut store, mut tree) = (Store::new(), numbered(3000, Copies::One));
    let root = store.write(tree.capture()).root;
    let mut tree = Tree::from_root(TREE, root, budget());
    let root = tree.first().unwrap_err();
    store.install(&mut tree, &root);
    let mut missing = tree.first().unwrap_err();
    let base = store.bytes[&missing.pointer.base].clone();
    // A delta that claims to be of this page, with too much for it, or with keys of another.
    let full = vec![9; 2000];
    let changes: [&[(u64, &[u8])]; 2] = [&[(1, &full), (2, &full)], &[(2999, b"elsewhere")]];
    for changes in changes {
        let mut builder = engine_format::DeltaBuilder::default();
        builder.start(TREE, missing.pointer.checksum);
        for (number, value) in changes {
            let key = number_key(*number);
            builder.push(engine_format::DeltaChange {
                key: &key,
                value: Some(value),
            });
        }
        let (bytes, checksum) = builder.finish();
        missing.pointer.delta = Some(engine_format::DeltaPointer {
            location: missing.pointer.base,
            bytes: u32::try_from(bytes.len()).unwrap(),
            checksum,
        });
        let error = LoadedPage::decode(&missing, &base, Some(bytes)).unwrap_err();
        assert!(
            matches!(error, PageError::DeltaMisfit { key_bytes: 8, .. }),
            "{error}"
        );
        assert!(!error.is_base());
    }
}
