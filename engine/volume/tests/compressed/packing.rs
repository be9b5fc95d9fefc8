//! Cleaning of segments that hold units.

use engine_base::to_usize;
use engine_format::Compression;
use engine_pool::block_on;
use engine_volume::{Volume, Volumes};

use crate::common::*;

const UNIT: u64 = 64 << 10;
const UNITS: u64 = 1200;

/// What compresses to a little more than half.
fn unit(number: u64) -> Vec<u8> {
    let mut bytes = noise(number, to_usize(UNIT / 2));
    bytes.resize(to_usize(UNIT), 7);
    bytes
}

fn filled(volumes: &Volumes) -> Volume {
    block_on(volumes.create_with("v", size(UNITS * UNIT), Compression::Lz4)).unwrap();
    let volume = volumes.open("v").unwrap();
    for number in 0..UNITS {
        write(&volume, number * UNIT, &unit(number));
    }
    assert_eq!(taken(volumes, "v"), (UNITS * UNIT, UNITS * (36 << 10)));
    volume
}

fn packed(volumes: &Volumes) -> u64 {
    volumes.pool().metrics().packed_bytes
}

/// Cleans until nothing is to be brought back, or for so many rounds.
fn clean(volumes: &Volumes, rounds: u32) -> bool {
    (0..rounds).any(|_| {
        volumes.pool().checkpoint().unwrap();
        let goes_on = volumes.pool().clean().unwrap();
        volumes.pool().checkpoint().unwrap();
        volumes.pool().checkpoint().unwrap();
        !goes_on
    })
}

#[test]
fn units_move_whole() {
    let device = new_pool();
    let volumes = open(&device, 0);
    let volume = filled(&volumes);
    // Every fourth stays, of every eighth only a part.
    for number in 0..UNITS {
        match number % 8 {
            0 => trim(&volume, number * UNIT + 4096, UNIT - 12_288),
            4 => {}
            _ => trim(&volume, number * UNIT, UNIT),
        }
    }
    let before = volumes.pool().status().free.get();
    assert!(clean(&volumes, 100), "it comes to an end");
    assert!(packed(&volumes) > 0);
    let gained = volumes.pool().status().free.get() - before;
    assert!(gained > UNITS * (36 << 10) / 2, "{gained}");
    let again = reopen(&device, 1);
    for volumes in [&volumes, &again] {
        let volume = volumes.open("v").unwrap();
        for number in 0..UNITS {
            let mut expected = unit(number);
            match number % 8 {
                0 => expected[4096..to_usize(UNIT) - 8192].fill(0),
                4 => {}
                _ => expected.fill(0),
            }
            assert!(read(&volume, number * UNIT, to_usize(UNIT)) == expected);
        }
    }
}

#[test]
fn units_that_are_almost_dead_are_not_copied_again_and_again() {
    let device = new_pool();
    let volumes = open(&device, 0);
    let volume = filled(&volumes);
    // The counters say that a sixteenth is live; all blocks are needed.
    for number in 0..UNITS {
        trim(&volume, number * UNIT, UNIT - 4096);
    }
    // What comes back are the heads of groups, a block of ten: each unit moves for that once.
    for _ in 0..40 {
        write(&volume, 0, &noise(1, 4096));
        clean(&volumes, 1);
    }
    let moved = packed(&volumes);
    println!("{moved} bytes moved");
    assert!(moved < 2 * UNITS * (36 << 10), "{moved}");
    for _ in 0..20 {
        write(&volume, 0, &noise(1, 4096));
        clean(&volumes, 1);
    }
    assert!(packed(&volumes) - moved < MIB, "it comes to an end");
    for number in 1..UNITS {
        let found = read(&volume, (number + 1) * UNIT - 4096, 4096);
        assert_eq!(found, [7; 4096]);
    }
    trim(&volume, 0, UNITS * UNIT);
    assert_eq!(volumes.pool().status().live_data.get(), 0);
    is_clean(&device);
}
