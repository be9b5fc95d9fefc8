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

#[test]
fn bytes_that_are_found_twice_count_once() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    for range in [4096..8192, 0..100, 50..200, 6000..9000, 4096..8192] {
        leaving.add(DATASET, segment(7), range);
    }
    let step = gathering.take(10);
    assert_eq!(step.dead, [(segment(7), 200 + 9000 - 4096)]);
    assert_eq!((step.to, step.is_last), (u64::MAX, true));
}

#[test]
fn what_others_have_or_what_is_done_is_not_taken() {
    let leaving = Leaving::default();
    leaving.add(DATASET, segment(9), 0..1);
    let gathering = leaving.begin(DATASET, Some(at(5, 4096)), 4);
    leaving.add(DATASET, segment(3), 0..10);
    leaving.add(DATASET, segment(4), 0..10);
    leaving.add(DATASET, segment(5), 0..10);
    leaving.add(DATASET, segment(5), 4096..4106);
    leaving.add(DatasetId::new(21), segment(6), 0..10);
    leaving.add(DATASET, segment(6), 5..5);
    assert_eq!(gathering.take(10).dead, [(segment(5), 10)]);
    drop(gathering);
    leaving.add(DATASET, segment(9), 0..1);
    let gathering = leaving.begin(DATASET, None, 0);
    assert_eq!(gathering.take(10).dead, []);
}

#[test]
fn steps_go_from_the_lowest_segment_up() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    for number in [9, 7, 8] {
        leaving.add(DATASET, segment(number), 0..10);
    }
    let first = gathering.take(2);
    assert_eq!(first.dead, [(segment(7), 10), (segment(8), 10)]);
    assert_eq!((first.to, first.is_last), (9, false));
    // What is let go of later, in a segment that is done, was counted by who let go of it.
    leaving.add(DATASET, segment(8), 20..30);
    let last = gathering.take(2);
    assert_eq!(last.dead, [(segment(9), 10)]);
    assert_eq!((last.to, last.is_last), (u64::MAX, true));
}

#[test]
fn too_much_is_left_to_the_next_round() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    leaving.round.lock().as_mut().unwrap().ranges_max = 4;
    for number in [9, 5, 7] {
        for index in 0..3 {
            leaving.add(DATASET, segment(number), index * 10..index * 10 + 1);
        }
    }
    // Segment 7 did not fit either, nor does what follows for it.
    leaving.add(DATASET, segment(7), 100..101);
    let step = gathering.take(10);
    assert_eq!(step.dead, [(segment(5), 3)]);
    assert_eq!((step.to, step.is_last), (7, true));
}

#[test]
fn a_segment_is_taken_whole_however_much_it_is() {
    let leaving = Leaving::default();
    let gathering = leaving.begin(DATASET, None, 0);
    leaving.round.lock().as_mut().unwrap().ranges_max = 4;
    for index in 0..100 {
        leaving.add(DATASET, segment(5), index * 10..index * 10 + 1);
    }
    assert_eq!(gathering.take(10).dead, [(segment(5), 100)]);
}
