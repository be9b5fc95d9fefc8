//! What is left of a damaged pool is right, and what is missing is told; and scrubbing a pool that
//! opens finds what is damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine_base::SeededEntropy;
use engine_base::limits::BLOCK_BYTES;
use engine_device::{Device, Place};
use engine_format::{ExtentRef, MasterKey, decompress_unit};
use engine_pool::{Pool, Salvage, SalvageOptions, block_on, salvage};

use crate::device::{Fault, ImageDevice};
use crate::history::{Killed, Model, options};
use crate::pools;
use crate::regions::{Kind, Region, regions};

const SEED: u64 = 0x7361_6c76;

fn at_random(region: &Region, random: &SeededEntropy) -> Fault {
    let offset = random.next_u64() % region.bytes as u64;
    Fault::Flip {
        place: Place {
            offset: region.place.offset + offset,
            ..region.place
        },
        mask: 1 << (random.next_u64() % 8),
    }
}

/// What was copied, and the blocks of which no copy is good.
type Copied = BTreeMap<String, (Vec<u8>, BTreeSet<usize>)>;

fn copied(left: &Salvage) -> Copied {
    let mut all = Copied::new();
    for dataset in left.datasets() {
        let size = usize::try_from(dataset.size.get()).unwrap();
        let mut content = vec![0; size.next_multiple_of(BLOCK_BYTES)];
        let mut bad = BTreeSet::new();
        let mut next = Some(Vec::new());
        while let Some(from) = next {
            let found = left.entries(dataset.id, &from).unwrap();
            for (key, value) in &found.entries {
                let start = u64::from_be_bytes(key[..].try_into().unwrap());
                let first = usize::try_from(start).unwrap() / BLOCK_BYTES;
                let (stored, good) = read(left, &ExtentRef::decode(value).unwrap());
                let blocks = stored.chunks_exact(BLOCK_BYTES).zip(good).enumerate();
                for (index, (block, is_good)) in blocks {
                    let number = first + index;
                    let Some(to) = content.chunks_exact_mut(BLOCK_BYTES).nth(number) else {
                        continue;
                    };
                    if is_good {
                        to.copy_from_slice(block);
                    } else {
                        bad.insert(number);
                    }
                }
            }
            next = found.next;
        }
        content.truncate(size);
        all.insert(dataset.name, (content, bad));
    }
    all
}

/// The blocks of an extent, and which are good: of a unit all or none.
fn read(left: &Salvage, extent: &ExtentRef<'_>) -> (Vec<u8>, Vec<bool>) {
    let (stored, good) = left.read(extent);
    let Some(unit) = extent.codec().unit() else {
        return (stored.to_vec(), good);
    };
    let mut bytes = vec![0; usize::try_from(unit.bytes()).unwrap()];
    let is_good = good.iter().all(|is_good| *is_good);
    if is_good {
        decompress_unit(&unit, &stored, &mut bytes).unwrap();
    }
    let part = bytes[extent.skip().into()..][..usize::try_from(extent.bytes()).unwrap()].to_vec();
    let good = vec![is_good; part.len() / BLOCK_BYTES];
    (part, good)
}

/// Whether what was copied is a state, but for what is said to be missing.
fn is_state(copied: &Copied, state: &Model) -> bool {
    let same = |(name, content): (&String, &Vec<u8>)| {
        let Some((found, bad)) = copied.get(name) else {
            return false;
        };
        let blocks = content.chunks(BLOCK_BYTES).zip(found.chunks(BLOCK_BYTES));
        let is_right = |(number, (a, b)): (usize, (&[u8], &[u8]))| a == b || bad.contains(&number);
        content.len() == found.len() && blocks.enumerate().all(is_right)
    };
    copied.len() == state.len() && state.iter().all(same)
}

fn salvage_with(pool: &Killed, fault: Fault) -> Salvage {
    let device = ImageDevice::new(&pool.image, fault);
    let as_device = Arc::clone(&device) as Arc<dyn Device>;
    let options = SalvageOptions {
        master_keys: vec![MasterKey::new([1; 32])],
        ..SalvageOptions::default()
    };
    let left = salvage(as_device, &options).unwrap();
    assert_eq!(device.changes(), 0, "nothing is written");
    left
}

/// Damages each structure; one bit takes so many blocks at most.
fn each_region(pool: &Killed, flips: usize, most_bad: usize) {
    let random = SeededEntropy::new(SEED);
    for region in regions(&pool.image) {
        for _ in 0..flips {
            let fault = at_random(&region, &random);
            let left = salvage_with(pool, fault);
            let copied = copied(&left);
            let bad: usize = copied.values().map(|(_, bad)| bad.len()).sum();
            let at = format!("pool {:?}, seed {SEED:#x}, {fault:?}", pool.name);
            assert!(bad <= most_bad, "{at}: one block holds the bit");
            if left.notes().is_empty() && left.lost_keys().is_empty() {
                let is_any = pool.states.iter().any(|state| is_state(&copied, state));
                assert!(is_any, "{at}: {region:?}: wrong, and nothing is said");
            }
        }
    }
}

#[test]
fn what_is_left_of_small_pools_is_right_or_missing() {
    for pool in pools::small() {
        each_region(pool, 3, 1);
    }
}

#[test]
fn what_is_left_of_a_compressed_pool_is_right_or_missing() {
    each_region(pools::compressed(), 1, 16);
}

#[test]
fn what_is_left_of_an_encrypted_pool_is_right_or_missing() {
    each_region(pools::encrypted(), 1, 16);
}

#[test]
fn what_is_left_of_a_wide_pool_is_right_or_missing() {
    let pool = pools::wide();
    let random = SeededEntropy::new(SEED + 1);
    let all = regions(&pool.image);
    for kind in [
        Kind::TreePage,
        Kind::Delta,
        Kind::Superblock,
        Kind::TablePage,
    ] {
        for region in all.iter().filter(|region| region.kind == kind) {
            let left = salvage_with(pool, at_random(region, &random));
            let copied = copied(&left);
            let whole = left.notes().is_empty() && left.lost_keys().is_empty();
            let last = pool.states.last().unwrap();
            // What the journal says anew of a lost range is there; the range is told all the same.
            assert!(!whole || is_state(&copied, last), "{region:?}");
            // Behind an unreadable leaf it goes on.
            let right = |name: &str| {
                let (found, content) = (&copied[name].0, &last[name]);
                let pairs = found.chunks(BLOCK_BYTES).zip(content.chunks(BLOCK_BYTES));
                pairs.filter(|(found, content)| found == content).count()
            };
            assert!(
                right("wide") * 2 > last["wide"].len() / BLOCK_BYTES,
                "{region:?}"
            );
        }
    }
}

/// All that a pool refers to after it was opened is found by one pass.
#[test]
fn one_pass_finds_damage_in_what_is_live() {
    let random = SeededEntropy::new(SEED + 2);
    let (mut found, mut repaired) = (0, 0);
    for pool in pools::small().iter().chain([pools::wide()]) {
        for region in regions(&pool.image) {
            let fault = at_random(&region, &random);
            let device = ImageDevice::new(&pool.image, fault) as Arc<dyn Device>;
            let Ok(opened) = Pool::open(device, &options(5)) else {
                continue;
            };
            let status = opened.scrub(&mut |_| {}).unwrap();
            if region.kind == Kind::Data && !region.unvouched {
                assert_eq!((status.found, status.lost_ranges), (1, 1), "{region:?}");
                let lost = block_on(opened.lost()).unwrap();
                assert_eq!(lost[0].bytes, BLOCK_BYTES as u64, "{region:?}");
            }
            assert_eq!(
                status.found,
                status.repaired + status.lost_ranges,
                "{region:?}"
            );
            found += status.found;
            repaired += status.repaired;
        }
    }
    println!("seed {SEED:#x}: {found} found, {repaired} of them repaired");
    assert!(repaired > 0);
}
