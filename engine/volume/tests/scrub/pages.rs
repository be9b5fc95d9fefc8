//! Pages and superblocks that rot.

use std::sync::Arc;

use engine_base::limits::{BLOCK_BYTES, PAGE_BYTES};
use engine_device::{Place, SimDevice, SimOptions};
use engine_pool::{CheckOptions, check};

use crate::{BLOCKS, World, failing};

/// Blocks whose extents take several leaves.
const MANY: u64 = 3000;

/// Pages of a kind (1 leaf, 2 inner) on the device, dead ones too.
fn pages(world: &World, kind: u8) -> Vec<Place> {
    let is_page = |chunk: &[u8]| chunk.starts_with(b"TPAG") && chunk[4] == kind;
    world.places_of(BLOCK_BYTES, &is_page)
}

#[test]
fn a_page_with_a_second_copy_is_repaired_from_it() {
    for seed in 0..4 {
        let world = World::new(seed + 10);
        world.create_of("v", MANY);
        for at in 0..MANY {
            world.write("v", at * 7 % MANY, 1, 1);
        }
        world.pool().checkpoint().unwrap();
        // Neither of two neighbours, which may be copies of each other.
        let inner = pages(&world, 2);
        assert!(!inner.is_empty());
        for place in inner.iter().step_by(2) {
            let offset = place.offset + 16 + world.below(PAGE_BYTES as u64 - 16);
            flip(&world, Place { offset, ..*place });
        }
        let status = world.scrub();
        assert_eq!(status.lost_ranges, 0, "seed {seed}");
        assert_eq!(status.found, status.repaired, "seed {seed}");
        assert!(is_clean(&world), "seed {seed}");
    }
}

fn flip(world: &World, place: Place) {
    world.device.flip_bit(place, 5);
}

fn is_clean(world: &World) -> bool {
    let image = world.device.process_kill_image();
    let device = Arc::new(SimDevice::from_image(image, SimOptions::default()));
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    let findings = &report.findings;
    assert!(report.is_clean(), "{findings:#?}");
    true
}

#[test]
fn both_superblocks_are_repaired() {
    for copy in 0..2 {
        let world = World::new(20);
        world.create("v");
        world.scrub();
        let offset = copy * 524_288 + 200;
        flip(&world, Place::label(offset));
        let status = world.scrub();
        assert_eq!((status.found, status.repaired), (1, 1));
        assert!(is_clean(&world));
    }
}

#[test]
fn a_leaf_that_memory_has_is_written_anew() {
    let world = World::new(30);
    let volume = world.create("v");
    for at in 0..BLOCKS {
        world.write("v", at * 7 % BLOCKS, 1, 1);
    }
    world.pool().checkpoint().unwrap();
    failing(&volume, "v", &|_| 1);
    for place in pages(&world, 1) {
        flip(
            &world,
            Place {
                offset: place.offset + 9000,
                ..place
            },
        );
    }
    let status = world.scrub();
    assert_eq!(status.lost_ranges, 0);
    assert_eq!(status.found, status.repaired);
    assert_eq!(failing(&volume, "v", &|_| 1).len(), 0);
    let world = world.kill();
    let volume = world.volumes.open("v").unwrap();
    assert_eq!(failing(&volume, "v", &|_| 1).len(), 0);
}
