//! One flipped bit, anywhere.

use std::collections::BTreeMap;

use engine_base::SeededEntropy;
use engine_device::Place;

use crate::device::Fault;
use crate::history::Killed;
use crate::pools;
use crate::regions::{Kind, Region, regions};
use crate::verdict::{Outcome, check_with, judge, outcome};

const SEED: u64 = 0x666c_6970;

/// Flips bits of every structure; `flips` of each, or all.
fn flip_bits(pool: &Killed, flips: impl Fn(Kind) -> usize) {
    let random = SeededEntropy::new(SEED);
    let mut broken = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for region in regions(&pool.image) {
        for bit in sample(&region, flips(region.kind), &random) {
            let fault = flip(&region, bit);
            match judge(pool, fault, region.unvouched) {
                Ok(outcome) => {
                    *counts
                        .entry(format!("{:?}: {outcome:?}", region.kind))
                        .or_default() += 1;
                }
                Err(what) => broken.push(format!(
                    "{:?} at {}, bit {bit}: {what}",
                    region.kind, region.place
                )),
            }
        }
    }
    println!("pool {:?}, seed {SEED:#x}: {counts:#?}", pool.name);
    assert!(
        broken.is_empty(),
        "pool {:?}, seed {SEED:#x}: {} of the flips, the first: {:#?}",
        pool.name,
        broken.len(),
        &broken[..broken.len().min(20)]
    );
}

fn flip(region: &Region, bit: usize) -> Fault {
    let offset = region.place.offset + (bit / 8) as u64;
    let place = Place {
        offset,
        ..region.place
    };
    let mask = 1 << (bit % 8);
    Fault::Flip { place, mask }
}

/// One bit at random in each of equal steps, and the first and the last one.
fn sample(region: &Region, flips: usize, random: &SeededEntropy) -> Vec<usize> {
    let bits = region.bytes * 8;
    if cfg!(feature = "all") || flips >= bits {
        return (0..bits).collect();
    }
    let step = bits / flips;
    let within = |limit: usize| usize::try_from(random.next_u64() % limit as u64).unwrap();
    let mut chosen: Vec<usize> = (0..flips)
        .map(|index| index * step + within(step))
        .collect();
    if flips > 1 {
        chosen.extend([0, bits - 1]);
    }
    chosen
}

/// Enough of each for a run of about a minute in all.
fn flips_of_small(kind: Kind) -> usize {
    match kind {
        Kind::Superblock => 2000,
        Kind::Head => 400,
        Kind::SegmentHeader | Kind::TablePage | Kind::TreePage => 250,
        Kind::Delta => 200,
        Kind::Data => 40,
    }
}

fn flips_of_wide(kind: Kind) -> usize {
    match kind {
        Kind::Superblock => 200,
        Kind::Head => 30,
        Kind::SegmentHeader | Kind::TablePage | Kind::TreePage => 60,
        Kind::Delta => 200,
        Kind::Data => 1,
    }
}

#[test]
fn whole_pools_are_clean_and_right() {
    for pool in pools::small()
        .iter()
        .chain([pools::wide(), pools::packed()])
    {
        let report = check_with(pool, Fault::None).unwrap();
        assert_eq!(report.findings, [], "pool {:?}", pool.name);
        assert!(report.is_clean());
        println!("pool {:?}: {:?}", pool.name, report.counts);
        assert_eq!(outcome(pool, Fault::None), Outcome::Right);
    }
}

#[test]
fn every_kind_of_structure_is_there() {
    let small = pools::small().iter().flat_map(|pool| regions(&pool.image));
    let wide = regions(&pools::wide().image);
    let kinds = [
        Kind::Superblock,
        Kind::SegmentHeader,
        Kind::TablePage,
        Kind::TreePage,
        Kind::Delta,
        Kind::Head,
        Kind::Data,
    ];
    let all: Vec<Region> = small.chain(wide).collect();
    for kind in kinds {
        assert!(
            all.iter().any(|region| region.kind == kind),
            "{kind:?} is not"
        );
    }
    assert!(all.iter().any(|region| region.unvouched));
}

#[test]
fn flipped_bits_of_a_killed_pool() {
    flip_bits(&pools::small()[0], flips_of_small);
}

#[test]
fn flipped_bits_of_an_idle_pool() {
    flip_bits(&pools::small()[1], flips_of_small);
}

#[test]
fn flipped_bits_of_a_closed_pool() {
    flip_bits(&pools::small()[2], flips_of_small);
}

#[test]
fn flipped_bits_of_a_restarted_pool() {
    flip_bits(&pools::small()[3], flips_of_small);
}

#[test]
fn flipped_bits_of_a_wide_pool() {
    flip_bits(pools::wide(), flips_of_wide);
}

#[test]
fn flipped_bits_of_a_packed_pool() {
    flip_bits(pools::packed(), flips_of_wide);
}
