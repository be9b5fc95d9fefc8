//! Single cases, each with the steps it may take.

use std::ops::ControlFlow;

use engine_base::limits::EXTENT_BYTES_MAX;
use engine_base::{Location, to_u32, to_usize};

use super::super::{
    ExtentError, ExtentKey, Piece, extent_clear, extent_key_span, extent_lookup, extent_put,
};
use super::support::{Byte, Map, Unreachable, bytes_of, extent, location};

const OBJECT: &[u8] = b"f";

type Freed = Vec<(Location, u32)>;

fn put(map: &mut Map, offset: u64, place: Byte, bytes: u32) -> Freed {
    let mut freed = Vec::new();
    let extent = extent(place, bytes, 0);
    extent_put(map, OBJECT, offset, &extent.extent(), &mut |at, bytes| {
        freed.push((at, bytes))
    })
    .unwrap();
    freed
}

fn clear(map: &mut Map, offset: u64, bytes: u64) -> Freed {
    let mut freed = Vec::new();
    extent_clear(map, OBJECT, offset, bytes, &mut |at, bytes| {
        freed.push((at, bytes))
    })
    .unwrap();
    freed
}

/// Offsets and lengths of the entries.
fn entries(map: &Map) -> Vec<(u64, u32)> {
    let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        let offset = u64::from_be_bytes(key[1..].try_into().unwrap());
        (
            offset,
            engine_format::ExtentRef::decode(value).unwrap().bytes(),
        )
    };
    map.entries.iter().map(entry).collect()
}

/// A map of one extent of 16 KiB at byte 16,384, without the calls it took.
fn one_extent() -> Map {
    let mut map = Map::default();
    put(&mut map, 16_384, (7, 65_536), 16_384);
    Map {
        entries: map.entries,
        ..Map::default()
    }
}

#[test]
fn a_write_into_a_hole_is_one_lookup_and_one_put() {
    let mut map = one_extent();
    for offset in [0, 12_288, 32_768, 1 << 40] {
        let before = map.calls();
        assert_eq!(put(&mut map, offset, (8, 4096), 4096), []);
        let [floors, scans, puts, deletes] = map.calls();
        assert_eq!([floors - 1, scans, puts - 1, deletes], before);
    }
    assert_eq!(entries(&map).len(), 5);
}

#[test]
fn an_exact_overwrite_is_one_lookup_and_one_put() {
    let mut map = one_extent();
    let freed = put(&mut map, 16_384, (8, 4096), 16_384);
    assert_eq!(freed, [(location((7, 65_536)), 16_384)]);
    assert_eq!(map.calls(), [1, 0, 1, 0]);
    assert_eq!(entries(&map), [(16_384, 16_384)]);
}

#[test]
fn an_overwrite_in_the_middle_leaves_both_sides() {
    let mut map = one_extent();
    let freed = put(&mut map, 20_480, (8, 4096), 4096);
    assert_eq!(freed, [(location((7, 69_632)), 4096)]);
    assert_eq!(map.calls(), [1, 0, 3, 0]);
    assert_eq!(
        entries(&map),
        [(16_384, 4096), (20_480, 4096), (24_576, 8192)]
    );
}

#[test]
fn an_overwrite_at_either_end_leaves_the_other() {
    let mut map = one_extent();
    assert_eq!(
        put(&mut map, 16_384, (8, 4096), 4096),
        [(location((7, 65_536)), 4096)]
    );
    assert_eq!(entries(&map), [(16_384, 4096), (20_480, 12_288)]);
    let mut map = one_extent();
    assert_eq!(
        put(&mut map, 28_672, (8, 4096), 8192),
        [(location((7, 77_824)), 4096)]
    );
    assert_eq!(entries(&map), [(16_384, 12_288), (28_672, 8192)]);
}

#[test]
fn an_overwrite_over_several_frees_each_part_from_the_last_to_the_first() {
    let mut map = one_extent();
    put(&mut map, 32_768, (8, 4096), 4096);
    put(&mut map, 40_960, (9, 4096), 8192);
    let freed = put(&mut map, 20_480, (10, 4096), 24_576);
    let expected = [
        (location((9, 4096)), 4096),
        (location((8, 4096)), 4096),
        (location((7, 69_632)), 12_288),
    ];
    assert_eq!(freed, expected);
    assert_eq!(
        entries(&map),
        [(16_384, 4096), (20_480, 24_576), (45_056, 4096)]
    );
}

#[test]
fn a_cut_inside_a_block_keeps_the_block_on_both_sides() {
    let mut map = one_extent();
    let freed = clear(&mut map, 16_384 + 5000, 1000);
    assert_eq!(freed, [(location((7, 69_632)), 1000)]);
    let seen = bytes_of(&map, OBJECT, 16_384, 16_384);
    let stays = |index: u32| !(5000..6000).contains(&index);
    let expected: Vec<_> = (0..16_384)
        .map(|index| stays(index).then_some((7, 65_536 + index)))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(entries(&map), [(16_384, 5000), (16_384 + 6000, 10_384)]);
}

#[test]
fn objects_do_not_touch_each_other() {
    let mut map = one_extent();
    for prefix in [&b""[..], b"e", b"g"] {
        extent_clear(&mut map, prefix, 0, 1 << 40, &mut |_, _| {
            panic!("{prefix:?}")
        })
        .unwrap_or(());
        assert_eq!(entries(&map), [(16_384, 16_384)]);
    }
    assert_eq!(clear(&mut map, 0, u64::MAX).len(), 1);
    assert_eq!(map.entries.len(), 0);
}

#[test]
fn the_last_bytes_of_an_object_can_be_mapped() {
    let mut map = Map::default();
    let offset = u64::MAX - 4096;
    put(&mut map, offset, (7, 4096), 4096);
    assert_eq!(bytes_of(&map, OBJECT, offset - 1, 4097)[1], Some((7, 4096)));
    assert_eq!(clear(&mut map, u64::MAX - 1, 1), [(location((7, 4096)), 1)]);
}

#[test]
fn the_longest_extent_is_found_from_its_last_byte() {
    let mut map = Map::default();
    let bytes = to_u32(to_usize(EXTENT_BYTES_MAX));
    put(&mut map, 0, (7, 4096), bytes);
    assert_eq!(
        bytes_of(&map, OBJECT, EXTENT_BYTES_MAX - 1, 1),
        [Some((7, 4096 + bytes - 1))]
    );
    assert_eq!(bytes_of(&map, OBJECT, EXTENT_BYTES_MAX, 1), [None]);
}

#[test]
fn a_read_of_one_extent_or_hole_is_one_lookup() {
    let map = one_extent();
    for (offset, bytes) in [(16_384, 16_384), (20_480, 4096), (0, 4096), (32_768, 4096)] {
        let before = map.floors.get();
        bytes_of(&map, OBJECT, offset, bytes);
        assert_eq!((map.floors.get() - before, map.scans.get()), (1, 0));
    }
}

#[test]
fn a_lookup_stops_where_it_is_told_to() {
    let mut map = one_extent();
    put(&mut map, 32_768, (8, 4096), 4096);
    for stop in 1..=4 {
        let mut pieces = Vec::new();
        extent_lookup(&map, OBJECT, 0, 65_536, |piece| {
            pieces.push(match piece {
                Piece::Hole { offset, bytes } => (offset, bytes),
                Piece::Data { offset, bytes, .. } => (offset, bytes.into()),
            });
            if pieces.len() == stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
        let all = [
            (0, 16_384),
            (16_384, 16_384),
            (32_768, 4096),
            (36_864, 28_672),
        ];
        assert_eq!(pieces, all[..stop]);
    }
}

#[test]
fn the_span_reaches_back_as_far_as_an_extent_and_one_byte_further() {
    let (low, high) = extent_key_span(OBJECT, 10 << 20, 4096);
    assert_eq!(*low, *ExtentKey::new(OBJECT, (9 << 20) + 1));
    assert_eq!(*high, *ExtentKey::new(OBJECT, (10 << 20) + 4096));
    let (low, high) = extent_key_span(b"", 5, u64::MAX - 5);
    assert_eq!((&*low, &*high), (&[0; 8][..], &[0xff; 8][..]));
}

#[test]
fn long_prefixes_make_the_same_keys() {
    for length in [0, 55, 56, 57, 1272] {
        let prefix = vec![b'x'; length];
        let mut key = ExtentKey::new(&prefix, 1);
        key.set_offset(0x0102_0304_0506_0708);
        assert_eq!(*key, [&prefix[..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat());
    }
}

#[test]
fn damaged_entries_are_reported_and_never_panic() {
    let key = ExtentKey::new(OBJECT, 4096);
    let mut map = Map::default();
    map.entries.insert(key.to_vec(), vec![0xff; 9]);
    let error = extent_clear(&mut map, OBJECT, 8192, 1, &mut |_, _| ()).unwrap_err();
    assert!(
        matches!(error, ExtentError::Entry { offset: 4096, .. }),
        "{error:?}"
    );
    let error = extent_lookup(&map, OBJECT, 0, 8192, |_| ControlFlow::Continue(())).unwrap_err();
    assert!(
        matches!(error, ExtentError::Entry { offset: 4096, .. }),
        "{error:?}"
    );
    map.entries = [([&key[..], b"x"].concat(), vec![])].into();
    let error = extent_clear(&mut map, OBJECT, 8192, 1, &mut |_, _| ()).unwrap_err();
    assert_eq!(
        error,
        ExtentError::Key {
            key_bytes: 10,
            expected_bytes: 9
        }
    );
    let end = extent((7, 4096), 4096, 0);
    map.entries = [(
        ExtentKey::new(OBJECT, u64::MAX - 5).to_vec(),
        end.as_bytes().to_vec(),
    )]
    .into();
    let error = extent_clear(&mut map, OBJECT, u64::MAX - 1, 1, &mut |_, _| ()).unwrap_err();
    assert!(matches!(error, ExtentError::Entry { .. }), "{error:?}");
}

/// Whatever change fails, the bytes outside the range stay, and the repeated call does the rest.
#[test]
fn a_call_that_failed_can_be_repeated() {
    let mut before = one_extent();
    put(&mut before, 36_864, (8, 4096), 8192);
    for range in [
        (20_480, 4096),
        (16_384, 4096),
        (18_000, 20_000),
        (8192, 65_536),
    ] {
        for changes in 0.. {
            let mut map = Map {
                entries: before.entries.clone(),
                ..Map::default()
            };
            map.changes_left = Some(changes);
            let mut freed = 0;
            let new = extent((9, 4096), range.1, 0);
            let mut run = |map: &mut Map| {
                extent_put(map, OBJECT, range.0, &new.extent(), &mut |_, bytes| {
                    freed += bytes
                })
            };
            let first = run(&mut map);
            let outside = [(0, range.0), (range.0 + u64::from(range.1), 30_000)];
            for (offset, bytes) in outside {
                let expected = bytes_of(&before, OBJECT, offset, bytes);
                assert_eq!(
                    bytes_of(&map, OBJECT, offset, bytes),
                    expected,
                    "{changes} changes"
                );
            }
            if first.is_ok() {
                break;
            }
            assert_eq!(first, Err(ExtentError::Map(Unreachable)));
            map.changes_left = None;
            run(&mut map).unwrap();
            let was = bytes_of(&before, OBJECT, range.0, range.1.into());
            assert_eq!(freed as usize, was.iter().flatten().count());
            assert!(bytes_of(&map, OBJECT, range.0, range.1.into())[0] == Some((9, 4096)));
        }
    }
}
