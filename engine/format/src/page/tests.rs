use std::collections::BTreeMap;

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};
use engine_base::{Checksum, DatasetId, Location, SeededEntropy, SegmentId};
use proptest::prelude::{any, prop, proptest};

use super::{PAGE_SPACE_BYTES, Page, PageFull, shared_prefix, verify_page};
use crate::{FormatError, PagePointer};

const TREE: DatasetId = DatasetId::new(17);

fn pointer_to(bytes: &[u8]) -> PagePointer {
    let base = Location {
        segment: SegmentId::FIRST,
        offset: 4096,
    };
    PagePointer {
        base,
        checksum: Checksum::new(crc32c::crc32c(bytes)),
        copy: None,
        delta: None,
    }
}

fn verify(bytes: &[u8]) -> Result<Page, FormatError> {
    Page::verify(bytes, &pointer_to(bytes), TREE)
}

fn leaf() -> Page {
    let mut page = Page::new(TREE, 0, b"key:a", b"key:q");
    for (key, value) in [("key:c", "3"), ("key:b", ""), ("key:a", "first")] {
        page.insert(0, key.as_bytes(), value.as_bytes()).unwrap();
    }
    page
}

fn inner() -> Page {
    let mut page = Page::new(TREE, 1, b"b", b"");
    for key in ["b", "bb", "c"] {
        page.push(key.as_bytes(), &pointer_to(key.as_bytes()).encode())
            .unwrap();
    }
    page
}

fn entries(page: &Page) -> Vec<(Vec<u8>, Vec<u8>)> {
    let key = |index| {
        let mut key = Vec::new();
        page.append_key(index, &mut key);
        key
    };
    (0..page.count())
        .map(|index| (key(index), page.value(index).to_vec()))
        .collect()
}

#[test]
fn golden_bytes() {
    let page = leaf();
    let bytes = page.bytes();
    let mut head = b"TPAG\x01\0\x03\0\x11\0\0\0\0\0\0\0".to_vec();
    head.extend_from_slice(b"\x04\0\x05\0\x05\0\xeb\x3f\0\0\0\0\0\0\0\0");
    head.extend_from_slice(b"key:akey:q\xeb\x3f\xf5\x3f\xfa\x3f");
    assert_eq!(bytes[..head.len()], head);
    let heap = b"\x01\0\x05\0afirst\x01\0\0\0b\x01\0\x01\0c3";
    assert_eq!(bytes[PAGE_BYTES - heap.len()..], *heap);
    assert!(
        bytes[head.len()..PAGE_BYTES - heap.len()]
            .iter()
            .all(|byte| *byte == 0)
    );
    assert_eq!(entries(&verify(bytes).unwrap()), entries(&page));
}

#[test]
fn every_flipped_bit_is_refused() {
    for page in [leaf(), inner()] {
        let pointer = pointer_to(page.bytes());
        let mut bytes = *page.bytes();
        for bit in 0..PAGE_BYTES * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = verify_page(&bytes, &pointer, TREE).unwrap_err();
            assert!(
                matches!(error, FormatError::Checksum { .. }),
                "bit {bit}: {error}"
            );
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        verify_page(&bytes, &pointer, TREE).unwrap();
    }
}

#[test]
fn truncations_and_excess_are_refused() {
    let page = leaf();
    for length in (0..PAGE_BYTES).step_by(97).chain([PAGE_BYTES - 1]) {
        assert!(verify(&page.bytes()[..length]).is_err(), "{length}");
    }
    let mut longer = page.bytes().to_vec();
    longer.push(0);
    assert!(verify(&longer).is_err());
}

/// With a right checksum, each flip in the fields and entries of a page is either refused or
/// another valid page.
#[test]
fn every_flipped_bit_behind_a_right_checksum_gives_an_error_or_a_valid_page() {
    for page in [leaf(), inner()] {
        let used = PAGE_BYTES - page.heap_at();
        let bits = (0..page.slots_end() * 8).chain((PAGE_BYTES - used) * 8..PAGE_BYTES * 8);
        for bit in bits {
            let mut bytes = *page.bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(valid) = verify(&bytes) {
                assert_eq!(valid.bytes(), &bytes);
                let all = entries(&valid);
                assert!(all.is_sorted_by(|a, b| a.0 < b.0), "bit {bit}");
                assert!(
                    all.iter().all(|(key, _)| &key[..] >= valid.low()),
                    "bit {bit}"
                );
            }
        }
    }
}

#[test]
fn what_no_writer_makes_is_refused_although_the_checksum_fits() {
    let wrong = |page: &Page, at: usize, with: &[u8]| {
        let mut bytes = *page.bytes();
        bytes[at..at + with.len()].copy_from_slice(with);
        match verify(&bytes) {
            Err(FormatError::Field { name, .. } | FormatError::Misplaced { name, .. }) => name,
            Err(FormatError::BadMagic { .. }) => "magic",
            other => panic!("{with:?} at {at} gave {other:?}"),
        }
    };
    let page = leaf();
    assert_eq!(wrong(&page, 0, b"X"), "magic");
    assert_eq!(wrong(&page, 4, &[0]), "kind");
    assert_eq!(wrong(&page, 4, &[2]), "level");
    assert_eq!(wrong(&page, 4, &[3]), "kind");
    assert_eq!(wrong(&page, 5, &[1]), "level");
    assert_eq!(wrong(&page, 6, &[0xff, 0xff]), "count");
    assert_eq!(wrong(&page, 8, &[18]), "tree");
    assert_eq!(wrong(&page, 16, &[3]), "prefix_bytes");
    assert_eq!(wrong(&page, 18, &[0xff, 0xff]), "low_bytes");
    assert_eq!(wrong(&page, 20, &[0xff, 0xff]), "high_bytes");
    assert_eq!(wrong(&page, 22, &[0, 0]), "heap_offset");
    assert_eq!(wrong(&page, 22, &[0xea]), "garbage_bytes");
    assert_eq!(wrong(&page, 24, &[1]), "garbage_bytes");
    assert_eq!(wrong(&page, 26, &[1]), "reserved");
    assert_eq!(wrong(&page, 41, b"a"), "high");
    assert_eq!(wrong(&page, 42, &[0xf5]), "slots", "overlap");
    assert_eq!(
        wrong(&page, 42, b"\xfa\x3f\xf5\x3f\xeb\x3f"),
        "slots",
        "order"
    );
    assert_eq!(wrong(&page, 42, &[0xff, 0xff]), "slots");
    assert_eq!(wrong(&page, PAGE_BYTES - 2, b"q"), "key suffix", "fences");
    let page = inner();
    assert_eq!(
        wrong(&page, 32, b"a"),
        "entries",
        "first child at the low fence"
    );
    let bytes = Page::new(TREE, 1, b"", b"");
    assert_eq!(
        wrong(&bytes, 0, b"T"),
        "entries",
        "inner page without children"
    );
}

#[test]
fn inner_pages_have_no_delta_and_pages_belong_to_one_tree() {
    let page = inner();
    let location = Location {
        segment: SegmentId::FIRST,
        offset: 65536,
    };
    let delta = crate::DeltaPointer {
        location,
        bytes: 24,
        checksum: Checksum::new(0),
    };
    let pointer = PagePointer {
        delta: Some(delta),
        ..pointer_to(page.bytes())
    };
    assert!(verify_page(page.bytes(), &pointer, TREE).is_err());
    let pointer = pointer_to(page.bytes());
    assert!(verify_page(page.bytes(), &pointer, DatasetId::POOL).is_err());
}

#[test]
fn shared_prefixes() {
    let shared = |low: &str, high: &str| shared_prefix(low.as_bytes(), high.as_bytes()).len();
    assert_eq!(shared("abc", "abd"), 2);
    assert_eq!(shared("ab", "abc"), 2);
    assert_eq!(shared("", "abc"), 0);
    assert_eq!(shared("abc", ""), 0, "no upper bound");
}

#[test]
fn two_entries_of_the_largest_size_fit_between_the_longest_fences() {
    let (low, mut second) = (vec![1; KEY_BYTES_MAX], vec![1; KEY_BYTES_MAX]);
    second[0] = 2;
    let mut page = Page::new(TREE, 0, &low, &vec![3; KEY_BYTES_MAX]);
    let value = vec![7; VALUE_BYTES_MAX];
    page.push(&low, &value).unwrap();
    page.push(&second, &value).unwrap();
    verify(page.bytes()).unwrap();
}

/// Random changes of one page against a map; the page is verified after each.
#[test]
fn random_changes_follow_a_map() {
    for seed in 0..30 {
        println!("seed {seed}");
        let entropy = SeededEntropy::new(seed);
        let random = |below: u64| entropy.next_u64() % below;
        let mut page = Page::new(TREE, 0, b"p", b"p~");
        let mut map = BTreeMap::new();
        for step in 0..3000 {
            let mut key = b"p".to_vec();
            key.extend_from_slice(random(300).to_string().as_bytes());
            let length = usize::try_from(random(if step % 9 == 0 { 2000 } else { 60 })).unwrap();
            let value = vec![u8::try_from(step % 251).unwrap(); length];
            let used = page.used_bytes();
            match (page.search(&key), random(3)) {
                (Ok(index), 0) => {
                    page.remove(index);
                    map.remove(&key);
                }
                (Ok(index), _) => {
                    let grown = used + length - page.value(index).len();
                    let result = page.replace(index, &value);
                    assert_eq!(result.is_err(), grown > PAGE_SPACE_BYTES);
                    if result.is_ok() {
                        map.insert(key, value);
                    }
                }
                (Err(index), _) => {
                    let result = page.insert(index, &key, &value);
                    let full = used + 6 + key.len() - 1 + length > PAGE_SPACE_BYTES;
                    assert_eq!(result, if full { Err(PageFull) } else { Ok(()) });
                    if !full {
                        map.insert(key, value);
                    }
                }
            }
            verify(page.bytes()).unwrap();
        }
        assert_eq!(entries(&page), map.into_iter().collect::<Vec<_>>());
    }
}

proptest! {
    #[test]
    fn any_bytes_behind_a_right_checksum_give_a_page_or_an_error(
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        of_inner in any::<bool>(),
        in_heap in any::<bool>(),
    ) {
        let page = if of_inner { inner() } else { leaf() };
        let mut bytes = *page.bytes();
        let range = if in_heap { page.heap_at()..PAGE_BYTES } else { 4..page.slots_end() };
        for (at, byte) in noise {
            bytes[range.start + at.index(range.len())] = byte;
        }
        if let Ok(page) = verify(&bytes) {
            for (index, (key, _)) in entries(&page).iter().enumerate() {
                assert_eq!(page.search(key), Ok(index));
            }
        }
    }

    #[test]
    fn any_noise_gives_an_error(bytes in prop::collection::vec(any::<u8>(), PAGE_BYTES)) {
        verify(&bytes).unwrap_err();
    }
}
