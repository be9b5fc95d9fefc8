//! No two blocks are sealed with one key and one number, whatever happens between them.
//!
//! All blocks that are written hold the same bytes, so two of them with one key and one number
//! would have the same tag.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use engine_base::{SeededEntropy, VolumeOffset, to_usize};
use engine_device::{PageBuf, SimDevice};
use engine_format::{ExtentRef, Tag};
use engine_pool::block_on;
use engine_volume::{Ack, Volumes};

use crate::common::*;

const SEEDS: u64 = 6;
const STEPS: u64 = 60;

/// The tags of what was written last, of all volumes.
fn tags_of(volumes: &Volumes, name: &str, offset: u64, blocks: usize) -> Vec<Tag> {
    let info = volumes.show(name).unwrap();
    let dataset = volumes.pool().dataset(info.id).unwrap();
    let mut tags = Vec::new();
    let end = offset + blocks as u64 * 4096;
    // What was just written is in memory.
    let scanned = dataset.with_tree(|tree| {
        tree.scan(&offset.to_be_bytes(), |key, value| {
            let at = u64::from_be_bytes(key.try_into().unwrap());
            if at >= end {
                return ControlFlow::Break(());
            }
            let extent = ExtentRef::decode(value).unwrap();
            tags.extend_from_slice(extent.seal().unwrap().tags());
            ControlFlow::Continue(())
        })
    });
    assert!(scanned.is_ok());
    assert_eq!(tags.len(), blocks);
    tags
}

#[test]
fn no_number_comes_twice_over_crashes_rewinds_clones_and_cleaning() {
    for seed in 1..=SEEDS {
        println!("seed {seed}");
        history(seed);
    }
}

fn history(seed: u64) {
    let random = SeededEntropy::new(seed);
    let below = |bound: u64| random.next_u64() % bound;
    let mut device = new_pool();
    let (mut life, mut made) = (1, 0);
    let mut volumes = open(&device, life, &[master(1)]);
    block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
    let mut names = vec!["v".to_owned()];
    let mut seen: HashSet<Tag> = HashSet::new();
    let mut write_one = |volumes: &Volumes, name: &str| {
        let (from, blocks) = (below(512), 1 + below(80));
        let at = VolumeOffset::new(from * 4096);
        let data = PageBuf::copy_of(&vec![0x5a; to_usize(blocks) * 4096]);
        let ack = [Ack::Written, Ack::Durable][to_usize(below(2))];
        block_on(volumes.open(name).unwrap().write(at, data, ack)).unwrap();
        for tag in tags_of(volumes, name, from * 4096, to_usize(blocks)) {
            assert!(seen.insert(tag), "a number was used twice");
        }
    };
    for _ in 0..STEPS {
        match below(10) {
            0 => {
                // The power fails: some of what was not synced is there, torn or whole.
                let image = device.crash_image(below(1 << 40));
                (device, life) = (on_image(image), life + 1);
                volumes = open(&device, life, &[master(1)]);
            }
            1 => {
                // Back to the checkpoint before: what was written since is written anew.
                let image = device.process_kill_image();
                (device, life) = (on_image(image), life + 1);
                volumes = rewound(&device, life);
            }
            2 => drop(volumes.pool().checkpoint().unwrap()),
            3 => drop(volumes.pool().clean().unwrap()),
            4 if names.len() < 4 => {
                made += 1;
                let name = format!("c{made}");
                block_on(volumes.create_from(&name, ("v", None))).unwrap();
                names.push(name);
            }
            _ => {}
        }
        let there: Vec<String> = volumes.list().into_iter().map(|info| info.name).collect();
        names.retain(|name| there.contains(name));
        if names.is_empty() {
            // A rewind to before it was there.
            block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
            names.push("v".to_owned());
        }
        let name = names[to_usize(below(names.len() as u64))].clone();
        write_one(&volumes, &name);
    }
    drop(volumes);
    is_clean(&device);
}

fn rewound(device: &Arc<SimDevice>, life: u64) -> Volumes {
    // There is no older checkpoint right after one was lost.
    match try_open(device, life, &[master(1)], true) {
        Ok(volumes) => volumes,
        Err(_) => open(device, life, &[master(1)]),
    }
}
