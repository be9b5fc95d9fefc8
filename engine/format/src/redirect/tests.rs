use std::collections::BTreeMap;

use engine_base::{Location, SegmentId};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

use super::{REDIRECT_BLOCKS, REDIRECT_PARTS_MAX, Redirect};
use crate::samples;
use crate::testing::{notices_every_flipped_bit, refused, refuses_every_truncation, unhex};

const LIST: &str = concat!(
    "01 02 0200 03000000",
    "0807060504030201 00100000 02000000",
    "0807060504030201 00100100 01000000",
    "0300 0400 ff2f",
);
const BITMAP: &str = "01 01 0100 09000000 0700000000000000 00200000 09000000 ff80";

fn at(pack: u64, block: u32) -> Location {
    Location {
        segment: SegmentId::new(pack).unwrap(),
        offset: block * 4096,
    }
}

#[test]
fn golden_bytes() {
    assert_eq!(samples::redirect().encode(), unhex(LIST));
    assert_eq!(Redirect::decode(&unhex(LIST)), Ok(samples::redirect()));
    let blocks = (0..8).chain([15]).zip(2..);
    let bitmap = Redirect::new(blocks.map(|(block, to)| (block, at(7, to)))).unwrap();
    assert_eq!(bitmap.encode(), unhex(BITMAP));
    assert_eq!(Redirect::decode(&unhex(BITMAP)), Ok(bitmap));
}

#[test]
fn every_flipped_bit_is_noticed_and_other_lengths_are_refused() {
    for golden in [LIST, BITMAP] {
        notices_every_flipped_bit(&unhex(golden), Redirect::decode);
        refuses_every_truncation(&unhex(golden), Redirect::decode);
    }
}

#[test]
fn what_no_writer_makes_is_refused() {
    let wrong = |golden: &str, at: usize, with: &[u8]| {
        let mut bytes = unhex(golden);
        bytes[at..at + with.len()].copy_from_slice(with);
        refused(Redirect::decode(&bytes))
    };
    assert_eq!(wrong(LIST, 0, &[2]), "version");
    assert_eq!(wrong(LIST, 1, &[3]), "form");
    assert_eq!(wrong(LIST, 2, &[0]), "parts");
    assert_eq!(wrong(LIST, 2, &[101]), "parts");
    assert_eq!(wrong(LIST, 4, &[4]), "survivors");
    assert_eq!(wrong(LIST, 8, &[0; 8]), "pack");
    assert_eq!(wrong(LIST, 16, &[0, 0]), "part offset");
    assert_eq!(wrong(LIST, 16, &[1]), "part offset");
    assert_eq!(wrong(LIST, 20, &[0]), "part blocks");
    assert_eq!(wrong(LIST, 23, &[1]), "part blocks");
    // The second goes on where the first ends: they are one.
    assert_eq!(wrong(LIST, 32, &[0, 0x30, 0]), "part offset");
    assert_eq!(wrong(LIST, 40, &[4]), "survivor");
    assert_eq!(wrong(LIST, 45, &[0x40]), "survivor");
    assert_eq!(wrong(BITMAP, 25, &[0]), "bitmap");
    assert_eq!(wrong(BITMAP, 24, &[0xfe]), "survivors");
    assert_eq!(wrong(BITMAP, 1, &[2]), "survivor");
}

#[test]
fn the_largest_one_is_a_value_of_a_tree() {
    let most = u32::try_from(REDIRECT_PARTS_MAX).unwrap();
    let blocks = (0..REDIRECT_BLOCKS).map(|block| {
        let pack = block.min(most - 1);
        (block, at(u64::from(pack) + 1, block + 1))
    });
    let redirect = Redirect::new(blocks).unwrap();
    assert_eq!(redirect.parts().len(), REDIRECT_PARTS_MAX);
    assert!(redirect.encode().len() <= engine_base::limits::VALUE_BYTES_MAX);
    assert_eq!(Redirect::decode(&redirect.encode()), Ok(redirect));
    let scattered = (0..=most).map(|block| (block, at(1, 2 * block + 1)));
    assert_eq!(Redirect::new(scattered), None);
    assert_eq!(Redirect::new([]), None);
}

/// Survivors and where they lie, in runs.
fn survivors() -> impl Strategy<Value = BTreeMap<u32, Location>> {
    let run = (0..REDIRECT_BLOCKS, 1..300_u32, 1..9_u64, 1..5000_u32);
    prop::collection::vec(run, 1..40).prop_map(|runs| {
        let mut map = BTreeMap::new();
        for (from, blocks, pack, to) in runs {
            let blocks = blocks.min(REDIRECT_BLOCKS - from);
            map.extend((0..blocks).map(|index| (from + index, at(pack, to + index))));
        }
        map
    })
}

proptest! {
    #[test]
    fn it_is_a_map(map in survivors()) {
        if let Some(redirect) = Redirect::new(map.iter().map(|(block, at)| (*block, *at))) {
            prop_assert_eq!(redirect.survivors().collect::<BTreeMap<_, _>>(), map.clone());
            prop_assert_eq!(redirect.blocks() as usize, map.len());
            for block in 0..REDIRECT_BLOCKS + 70 {
                prop_assert_eq!(redirect.locate(block), map.get(&block).copied());
            }
            prop_assert_eq!(Redirect::decode(&redirect.encode()), Ok(redirect));
        }
    }

    #[test]
    fn what_is_accepted_is_the_one_form(
        golden in prop::sample::select(vec![LIST, BITMAP]),
        from in 0_usize..46,
        with in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut bytes = unhex(golden);
        bytes.truncate(from.max(8));
        bytes.extend(&with);
        if let Ok(redirect) = Redirect::decode(&bytes) {
            prop_assert_eq!(redirect.encode(), bytes);
        }
    }
}
