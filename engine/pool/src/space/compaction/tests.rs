use engine_base::SegmentId;

use super::{CompactionGoal, SealedIndex, choose_victims};

const SEGMENT: u32 = 1000;

fn sealed(lives: &[u32]) -> Vec<SealedIndex> {
    let ids = (1..).map(|id| SegmentId::new(id).unwrap());
    ids.zip(lives)
        .map(|(segment, live)| SealedIndex {
            segment,
            live: *live,
        })
        .collect()
}

fn victims(lives: &[u32], tight: bool, moved_max: u64) -> Vec<u64> {
    let goal = CompactionGoal {
        segment_bytes: SEGMENT,
        live: lives.iter().map(|live| u64::from(*live)).sum(),
        tight,
        moved_max,
    };
    let chosen = choose_victims(sealed(lives), &goal);
    chosen.into_iter().map(SegmentId::get).collect()
}

#[test]
fn an_index_that_takes_twice_its_live_bytes_is_left_alone() {
    assert!(victims(&[], false, 9999).is_empty());
    assert!(victims(&[1, 1, 1, 1], false, 9999).is_empty());
    assert!(victims(&[500; 100], false, 9999).is_empty());
    assert!(victims(&[1000; 100], true, 9999).is_empty());
}

#[test]
fn the_sparsest_go_first_until_enough_slots_come_back() {
    // 8 slots for 415 bytes: too many. 3 may stay, and what is moved takes a part of one.
    let lives = [10, 90, 20, 80, 30, 70, 40, 75];
    assert_eq!(victims(&lives, false, 9999), [1, 3, 5, 6, 7, 8]);
}

#[test]
fn one_round_moves_a_bounded_amount_but_at_least_one_segment() {
    let lives = [10, 90, 20, 80, 30, 70, 40, 75];
    assert_eq!(victims(&lives, false, 60), [1, 3, 5]);
    assert_eq!(victims(&lives, false, 0), [1]);
}

#[test]
fn half_full_segments_are_moved_only_when_slots_are_short() {
    let lives = [600; 12];
    assert!(victims(&lives, false, u64::MAX).is_empty());
    assert!(!victims(&lives, true, u64::MAX).is_empty());
    assert!(
        victims(&[760; 40], true, u64::MAX).is_empty(),
        "brings too little"
    );
}

#[test]
fn short_slots_are_got_back_down_to_the_last() {
    assert_eq!(victims(&[5, 10, 15], true, u64::MAX), [1, 2]);
    assert!(victims(&[5], true, u64::MAX).is_empty());
}

/// What is chosen always gives back more than it costs, and repeating it ends.
#[test]
fn rounds_converge_to_the_bound() {
    for tight in [false, true] {
        let mut lives: Vec<u32> = (0..200).map(|index| index * 37 % 400).collect();
        let total: u64 = lives.iter().map(|live| u64::from(*live)).sum();
        for round in 0.. {
            assert!(round < 100, "{lives:?}");
            let chosen = victims(&lives, tight, 3000);
            if chosen.is_empty() {
                break;
            }
            let mut moved = 0;
            for id in &chosen {
                let index = usize::try_from(id - 1).unwrap();
                moved += lives[index];
                lives[index] = u32::MAX;
            }
            lives.retain(|live| *live != u32::MAX);
            while moved > 0 {
                lives.push(moved.min(SEGMENT));
                moved -= moved.min(SEGMENT);
            }
        }
        let bound = if tight {
            total * 3 / 2 + 1000
        } else {
            total * 2 + 4000
        };
        assert!(
            lives.len() as u64 * 1000 <= bound,
            "{} segments",
            lives.len()
        );
    }
}
