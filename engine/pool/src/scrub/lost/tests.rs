use engine_base::{DatasetId, Location, SegmentId};
use engine_format::{LostPart, LostRange};

use super::{Added, LostList};

/// A range of a volume, stored where its offset says.
fn range(offset: u64, bytes: u64) -> LostRange {
    LostRange {
        part: LostPart::Data,
        dataset: DatasetId::new(16),
        content: None,
        offset,
        bytes,
        location: Location {
            segment: SegmentId::FIRST,
            offset: u32::try_from(offset).unwrap(),
        },
        pass: 1,
    }
}

fn shown(list: &LostList) -> Vec<(u64, u64)> {
    let all = list.all().into_iter();
    all.map(|range| (range.offset, range.bytes)).collect()
}

#[test]
fn neighbours_are_one_range_and_what_is_found_twice_is_listed_once() {
    let mut list = LostList::default();
    assert_eq!(list.add(range(4096, 4096)), Added::New);
    assert_eq!(list.add(range(8192, 4096)), Added::New);
    assert_eq!(list.add(range(4096, 4096)), Added::New);
    assert_eq!(list.add(range(20_480, 4096)), Added::New);
    assert_eq!(shown(&list), [(4096, 8192), (20_480, 4096)]);
    assert_eq!(list.sum(), (2, 12_288));
}

#[test]
fn what_a_whole_pass_does_not_find_again_is_there_again() {
    let mut list = LostList::default();
    list.add(range(0, 16_384));
    list.begin_pass();
    assert_eq!(list.add(range(4096, 4096)), Added::Known);
    // The rest is not verified yet.
    assert_eq!(shown(&list), [(0, 4096), (4096, 4096), (8192, 8192)]);
    list.end_pass();
    assert_eq!(shown(&list), [(4096, 4096)]);
}

#[test]
fn a_range_that_was_looked_at_again_is_replaced_by_what_is_left() {
    let mut list = LostList::default();
    list.add(range(0, 12_288));
    list.replace(&range(0, 12_288), &[range(0, 4096), range(8192, 4096)]);
    assert_eq!(shown(&list), [(0, 4096), (8192, 4096)]);
    list.replace(&range(0, 12_288), &[]);
    assert_eq!(list.sum().0, 2, "it is another range by now");
}

#[test]
fn settings_follow_the_list_and_have_no_gap() {
    let mut list = LostList::default();
    for index in 0..100 {
        list.add(range(index * 8192, 4096));
    }
    let unsaved = list.unsaved();
    let numbers: Vec<usize> = unsaved.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    for (number, value) in unsaved {
        list.was_saved(number, value);
    }
    assert_eq!(list.unsaved(), []);
    list.begin_pass();
    list.add(range(0, 4096));
    list.end_pass();
    let unsaved = list.unsaved();
    let numbers: Vec<usize> = unsaved.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0, 2, 1], "those that go, from the end");
    for (number, value) in unsaved {
        list.was_saved(number, value);
    }
    assert_eq!(list.unsaved(), []);
    let mut restored = LostList::default();
    restored.restore(list.all());
    assert_eq!(shown(&restored), [(0, 4096)]);
    assert_eq!(restored.unsaved(), []);
}

#[test]
fn a_list_that_is_full_counts() {
    let mut list = LostList::default();
    for index in 0..super::RANGES_MAX as u64 {
        assert_eq!(list.add(range(index * 8192, 4096)), Added::New);
    }
    assert_eq!(list.add(range(1 << 31, 4096)), Added::LeftOut);
}
