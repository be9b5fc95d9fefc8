use engine_base::{SeededEntropy, SegmentId};

use super::{Candidate, PackingGoal, choose_packing};

const SEGMENT: u32 = 2 << 20;
const USABLE: u64 = SEGMENT as u64 - 4096;

fn candidate(segment: u64, live: u64) -> Candidate {
    Candidate {
        segment: SegmentId::new(segment).unwrap(),
        live,
    }
}

fn goal(room: u64, gain: u32) -> PackingGoal {
    PackingGoal {
        segment_bytes: SEGMENT,
        next_segment: SegmentId::new(1000).unwrap(),
        room,
        gain,
    }
}

fn ids(chosen: &[Candidate]) -> Vec<u64> {
    chosen.iter().map(|chosen| chosen.segment.get()).collect()
}

#[test]
fn the_sparsest_of_one_age_go_first_and_only_as_many_as_are_wanted() {
    let all = vec![
        candidate(901, USABLE / 2),
        candidate(902, USABLE / 8),
        candidate(903, USABLE / 4),
        candidate(904, USABLE / 8 * 7),
    ];
    assert_eq!(
        ids(&choose_packing(all.clone(), &goal(u64::MAX, 1))),
        [902, 903]
    );
    assert_eq!(
        ids(&choose_packing(all, &goal(u64::MAX, 2))),
        [902, 903, 901]
    );
}

#[test]
fn of_two_that_are_as_sparse_the_older_goes_first() {
    let all = vec![
        candidate(990, USABLE / 4),
        candidate(10, USABLE / 4),
        candidate(980, USABLE / 4),
    ];
    assert_eq!(ids(&choose_packing(all, &goal(u64::MAX, 1))), [10, 980]);
}

#[test]
fn nothing_is_chosen_that_brings_no_slot() {
    let full = (1..40).map(|id| candidate(id, USABLE / 32 * 31)).collect();
    assert_eq!(choose_packing(full, &goal(u64::MAX, 1)), []);
    let one = vec![candidate(5, USABLE / 2)];
    assert_eq!(choose_packing(one, &goal(u64::MAX, 1)), []);
    let no_room = vec![candidate(5, USABLE / 2), candidate(6, USABLE / 2)];
    assert_eq!(choose_packing(no_room, &goal(USABLE / 2, 1)), []);
    assert_eq!(choose_packing(Vec::new(), &goal(u64::MAX, 1)), []);
}

/// Where the best by age do not fit, the sparsest may.
#[test]
fn with_little_room_the_sparsest_are_chosen() {
    let all = vec![
        candidate(1, USABLE / 2),
        candidate(998, USABLE / 8),
        candidate(999, USABLE / 8),
    ];
    assert_eq!(ids(&choose_packing(all, &goal(USABLE / 2, 1))), [998, 999]);
}

#[test]
fn whatever_is_chosen_fits_and_brings_what_it_says() {
    let random = SeededEntropy::new(3);
    for _ in 0..2000 {
        let count = random.next_u64() % 60;
        let all: Vec<Candidate> = (0..count)
            .map(|id| candidate(id + 1, random.next_u64() % (USABLE + 1)))
            .collect();
        let goal = goal(
            random.next_u64() % (8 * USABLE),
            u32::try_from(random.next_u64() % 6 + 1).unwrap(),
        );
        let chosen = choose_packing(all.clone(), &goal);
        let moved: u64 = chosen.iter().map(|chosen| chosen.live).sum();
        assert!(moved <= goal.room);
        assert!(chosen.iter().all(|chosen| all.contains(chosen)));
        let packs = moved.div_ceil(USABLE);
        assert!(chosen.is_empty() || chosen.len() as u64 > packs);
    }
}
