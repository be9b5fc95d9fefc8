//! One flipped bit, anywhere.

use std::collections::BTreeMap;

use engine_base::SeededEntropy;
use engine_device::Place;

use crate::decode::Refusal;
use crate::device::Fault;
use crate::history::Killed;
use crate::pools;
use crate::regions::{Kind, Region, regions};
use crate::verdict::{Outcome, check_with, judge, outcome};

const SEED: u64 = 0x666c_6970;

/// Of the bits that are refused for one reason, so many are judged as a whole.
const JUDGED: usize = 4;

/// What came of the flips of a pool.
#[derive(Default)]
struct Flips {
    counts: BTreeMap<String, usize>,
    broken: Vec<String>,
}

impl Flips {
    fn judge(&mut self, pool: &Killed, region: &Region, bit: usize) {
        match judge(pool, flip(region, bit), region.unvouched) {
            Ok(outcome) => self.count(format!("{:?}: {outcome:?}", region.kind), 1),
            Err(what) => self.broken.push(format!(
                "{:?} at {}, bit {bit}: {what}",
                region.kind, region.place
            )),
        }
    }

    fn count(&mut self, what: String, number: usize) {
        *self.counts.entry(what).or_default() += number;
    }

    fn finish(self, pool: &Killed) {
        let Self { counts, broken } = self;
        println!("pool {:?}, seed {SEED:#x}: {counts:#?}", pool.name);
        assert!(
            broken.is_empty(),
            "pool {:?}, seed {SEED:#x}: {} of the flips, the first: {:#?}",
            pool.name,
            broken.len(),
            &broken[..broken.len().min(20)]
        );
    }
}

/// Flips bits of every structure: `flips` of each, or all.
fn flip_bits(pool: &Killed, flips: impl Fn(Kind) -> usize) {
    let random = SeededEntropy::new(SEED);
    let mut done = Flips::default();
    for region in regions(&pool.image) {
        if cfg!(feature = "all") {
            flip_all(pool, &region, &random, &mut done);
            continue;
        }
        for bit in sample(&region, flips(region.kind), &random) {
            done.judge(pool, &region, bit);
        }
    }
    done.finish(pool);
}

/// Flips every bit of a structure.
fn flip_all(pool: &Killed, region: &Region, random: &SeededEntropy, done: &mut Flips) {
    let whole = pool.image.read(region.place, region.bytes);
    let unit_bytes = region.decode.unit_bytes(region.bytes);
    for (unit, bytes) in whole.chunks(unit_bytes).enumerate() {
        let mut bytes = bytes.to_vec();
        let whole = region.decode.refusal(unit, &bytes);
        assert_eq!(whole, None, "{:?} at {}", region.kind, region.place);
        let mut refused: BTreeMap<Refusal, (usize, Vec<usize>)> = BTreeMap::new();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let refusal = region.decode.refusal(unit, &bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let at = unit * unit_bytes * 8 + bit;
            let Some(reason) = refusal else {
                done.count(format!("{:?}: not refused", region.kind), 1);
                done.judge(pool, region, at);
                continue;
            };
            let (count, chosen) = refused.entry(reason).or_default();
            *count += 1;
            // A sample in which each is as likely as any other.
            if chosen.len() < JUDGED {
                chosen.push(at);
            } else if let Ok(index) = usize::try_from(random.next_u64() % *count as u64)
                && let Some(other) = chosen.get_mut(index)
            {
                *other = at;
            }
        }
        for (reason, (count, chosen)) in refused {
            done.count(format!("{:?}: refused for {reason:?}", region.kind), count);
            // One block of data is as good as the next.
            let judged = if unit > 0 { 1 } else { JUDGED };
            for bit in chosen.into_iter().take(judged) {
                done.judge(pool, region, bit);
            }
        }
    }
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
    if flips >= bits {
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
        .chain([pools::compressed(), pools::encrypted()])
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

#[test]
fn flipped_bits_of_a_compressed_pool() {
    flip_bits(pools::compressed(), flips_of_wide);
}

#[test]
fn flipped_bits_of_an_encrypted_pool() {
    flip_bits(pools::encrypted(), flips_of_wide);
}
