use super::*;

fn inode(number: u64) -> InodeId {
    InodeId::new(number).unwrap()
}

#[test]
fn numbers_of_states_do_not_meet() {
    let past = Past::default();
    let (one, other) = (DatasetId::new(20), DatasetId::new(21));
    let places = [past.place_of(one).unwrap(), past.place_of(other).unwrap()];
    assert_ne!(places[0], places[1]);
    assert_eq!(past.place_of(one), Some(places[0]), "the same again");
    let mut numbers = vec![5, (1 << INODE_BITS) - 1, Number::SNAPSHOTS];
    for place in places {
        numbers.push(Number::of(place, inode(5)).unwrap());
        numbers.push(Number::of(place, inode((1 << INODE_BITS) - 1)).unwrap());
    }
    assert!(numbers.iter().all(|number| *number < 1 << 63));
    let past: Vec<bool> = numbers
        .iter()
        .map(|number| Number::is_past(*number))
        .collect();
    assert_eq!(past, [false, false, true, true, true, true, true]);
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 7);
    assert_eq!(Number::of(1, inode(1 << INODE_BITS)), None);
}

#[test]
fn a_place_of_which_nothing_is_held_is_given_to_another_snapshot() {
    let past = Past::default();
    let first = DatasetId::new(20);
    let place = past.place_of(first).unwrap();
    let same = DatasetId::new(20 + PLACES - 2);
    assert_eq!(past.place_of(same), Some(place));
    assert_eq!(past.place_of(first), Some(place));
    assert!((1..PLACES - 1).contains(&place));
}
