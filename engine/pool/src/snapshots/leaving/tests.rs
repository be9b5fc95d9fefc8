use super::*;

const DATASET: DatasetId = DatasetId::new(20);

fn segment(number: u64) -> SegmentId {
    SegmentId::new(number).unwrap()
}

fn at(number: u64, offset: u32) -> Location {
    Location {
        segment: segment(number),
        offset,
    }
}

/// A range of a segment, in bytes.
const fn bytes(range: Range<u64>) -> Range<u64> {
    let per_byte = Sixteenths::PER_BYTE;
    range.start * per_byte..range.end * per_byte
}

fn in_bytes(step: &Step) -> Vec<(SegmentId, u64)> {
    let dead = step.dead.iter();
    dead.map(|(segment, dead)| (*segment, dead.bytes()))
        .collect()
}

#[test]
fn bytes_that_are_found_twice_count_once() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    for range in [4096..8192, 0..100, 50..200, 6000..9000, 4096..8192] {
        leaving.add(DATASET, segment(7), bytes(range));
    }
    let step = gathering.take(10);
    assert_eq!(in_bytes(&step), [(segment(7), 200 + 9000 - 4096)]);
    assert_eq!((step.to, step.is_last), (u64::MAX, true));
}

#[test]
fn what_others_have_or_what_is_done_is_not_taken() {
    let leaving = Leaving::default();
    leaving.add(DATASET, segment(9), bytes(0..1));
    let gathering = leaving.begin(DATASET, Some(at(5, 4096)), 4);
    leaving.add(DATASET, segment(3), bytes(0..10));
    leaving.add(DATASET, segment(4), bytes(0..10));
    leaving.add(DATASET, segment(5), bytes(0..10));
    leaving.add(DATASET, segment(5), bytes(4096..4106));
    leaving.add(DatasetId::new(21), segment(6), bytes(0..10));
    leaving.add(DATASET, segment(6), bytes(5..5));
    assert_eq!(in_bytes(&gathering.take(10)), [(segment(5), 10)]);
    drop(gathering);
    leaving.add(DATASET, segment(9), bytes(0..1));
    let gathering = leaving.begin(DATASET, None, 0);
    assert_eq!(gathering.take(10).dead, []);
}

#[test]
fn steps_go_from_the_lowest_segment_up() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    for number in [9, 7, 8] {
        leaving.add(DATASET, segment(number), bytes(0..10));
    }
    let first = gathering.take(2);
    assert_eq!(in_bytes(&first), [(segment(7), 10), (segment(8), 10)]);
    assert_eq!((first.to, first.is_last), (9, false));
    // What is let go of later, in a segment that is done, was counted by who let go of it.
    leaving.add(DATASET, segment(8), bytes(20..30));
    let last = gathering.take(2);
    assert_eq!(in_bytes(&last), [(segment(9), 10)]);
    assert_eq!((last.to, last.is_last), (u64::MAX, true));
}

#[test]
fn too_much_is_left_to_the_next_round() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    leaving.round.lock().as_mut().unwrap().ranges_max = 4;
    for number in [9, 5, 7] {
        for index in 0..3 {
            leaving.add(DATASET, segment(number), bytes(index * 10..index * 10 + 1));
        }
    }
    // Segment 7 did not fit either, nor does what follows for it.
    leaving.add(DATASET, segment(7), bytes(100..101));
    let step = gathering.take(10);
    assert_eq!(in_bytes(&step), [(segment(5), 3)]);
    assert_eq!((step.to, step.is_last), (7, true));
}

#[test]
fn a_segment_is_taken_whole_however_much_it_is() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    leaving.round.lock().as_mut().unwrap().ranges_max = 4;
    for index in 0..100 {
        leaving.add(DATASET, segment(5), bytes(index * 10..index * 10 + 1));
    }
    assert_eq!(in_bytes(&gathering.take(10)), [(segment(5), 100)]);
}

#[test]
fn parts_of_units_count_in_sixteenths() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, Some(at(5, 4096)), 0);
    let unit = engine_format::Unit::new("test", 65_536, 4096).unwrap();
    leaving.add(DATASET, segment(5), unit.counted(4096, &(0..7)));
    leaving.add(DATASET, segment(5), unit.counted(4096, &(5..10)));
    leaving.add(DATASET, segment(6), unit.counted(4096, &(65_535..65_536)));
    let dead = gathering.take(10).dead;
    let expected = [(segment(5), 10), (segment(6), 1)];
    assert_eq!(dead, expected.map(|(at, dead)| (at, Sixteenths::new(dead))));
}
