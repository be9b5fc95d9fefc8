//! Compressed volumes on a simulated device: what they take, and that they read as plain ones do,
//! whatever is cut, trimmed, kept, cloned and turned on and off.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod model;
mod packing;
mod scrub;

use common::*;
use engine_base::to_usize;
use engine_device::Place;
use engine_format::Compression;
use engine_pool::block_on;
use engine_volume::Ack;

#[test]
fn a_compressed_volume_takes_what_it_compresses_to() {
    let device = new_pool();
    let volumes = open(&device, 0);
    let made = block_on(volumes.create_with("v", size(4 * MIB), Compression::Lz4)).unwrap();
    assert_eq!(made.compression, Compression::Lz4);
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &text(256 << 10));
    let (allocated, stored) = taken(&volumes, "v");
    assert_eq!(allocated, 256 << 10);
    assert!(stored < 128 << 10, "{stored}");
    assert_eq!(volumes.pool().status().live_data.get(), stored);
    assert!(read(&volume, 0, 256 << 10) == text(256 << 10));
    assert!(read(&volume, 100_000, 100) == text(256 << 10)[100_000..100_100]);

    // Cut in the middle of units: each rest counts for its share.
    write(&volume, 64 << 10, &noise(1, 4096));
    write(&volume, 100_000, &noise(2, 4096));
    let mut expected = text(256 << 10);
    expected[64 << 10..][..4096].copy_from_slice(&noise(1, 4096));
    expected[100_000..][..4096].copy_from_slice(&noise(2, 4096));
    assert!(read(&volume, 0, 256 << 10) == expected);
    assert_eq!(taken(&volumes, "v").0, 256 << 10);

    let volumes = reopen(&device, 1);
    let volume = volumes.open("v").unwrap();
    assert!(read(&volume, 0, 256 << 10) == expected);
    trim(&volume, 0, 4 * MIB);
    assert_eq!(taken(&volumes, "v"), (0, 0));
    assert_eq!(volumes.pool().status().live_data.get(), 0);
}

#[test]
fn zeroes_that_are_written_take_a_block_for_each_unit() {
    let device = new_pool();
    let volumes = open(&device, 0);
    block_on(volumes.create_with("v", size(MIB), Compression::Lz4)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &vec![0; to_usize(MIB)]);
    assert_eq!(taken(&volumes, "v"), (MIB, MIB / 16));
    assert!(read(&volume, 0, to_usize(MIB)) == vec![0; to_usize(MIB)]);
    block_on(volume.write_zeroes(at(0), MIB / 2, false, Ack::Written)).unwrap();
    assert_eq!(taken(&volumes, "v"), (MIB / 2, MIB / 32));
    block_on(volume.write_zeroes(at(0), MIB / 2, true, Ack::Written)).unwrap();
    assert_eq!(taken(&volumes, "v"), (MIB, MIB / 16));
    is_clean(&device);
}

#[test]
fn the_setting_is_for_what_is_written_and_goes_to_clones() {
    let device = new_pool();
    let volumes = open(&device, 0);
    block_on(volumes.create("v", size(4 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &text(to_usize(MIB)));
    assert_eq!(taken(&volumes, "v"), (MIB, MIB));
    let set = block_on(volumes.set_compression("v", Compression::Lz4)).unwrap();
    assert_eq!(set.compression, Compression::Lz4);
    assert_eq!(taken(&volumes, "v"), (MIB, MIB), "what is stored stays");
    write(&volume, MIB, &text(to_usize(MIB)));
    let stored = taken(&volumes, "v").1;
    assert!(stored < MIB + MIB / 2, "{stored}");
    block_on(volumes.take_snapshot("s", &["v"])).unwrap();
    block_on(volumes.set_compression("v", Compression::Off)).unwrap();
    write(&volume, 2 * MIB, &text(to_usize(MIB)));
    assert_eq!(taken(&volumes, "v"), (3 * MIB, stored + MIB));
    let clone = block_on(volumes.create_from("c", ("v", Some("s")))).unwrap();
    assert_eq!(clone.compression, Compression::Lz4, "as it was then");
    let reverted = block_on(volumes.revert("v", "s")).unwrap();
    assert_eq!(reverted.compression, Compression::Off, "as it is");

    let volumes = reopen(&device, 1);
    let listed = volumes.list();
    let of = |name: &str| listed.iter().find(|info| info.name == name).unwrap();
    assert_eq!(of("c").compression, Compression::Lz4);
    assert_eq!(of("v").compression, Compression::Off);
    for name in ["v", "c"] {
        assert_eq!(taken(&volumes, name), (2 * MIB, stored));
        assert!(read(&volumes.open(name).unwrap(), MIB, to_usize(MIB)) == text(to_usize(MIB)));
    }
}

#[test]
fn a_snapshot_shows_what_it_has_alone_in_stored_bytes() {
    let device = new_pool();
    let volumes = open(&device, 0);
    block_on(volumes.create_with("v", size(4 * MIB), Compression::Lz4)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &text(64 << 10));
    let whole = taken(&volumes, "v").1;
    block_on(volumes.take_snapshot("s", &["v"])).unwrap();
    assert_eq!(exclusive(&volumes, "s"), 0);
    trim(&volume, 32 << 10, 32 << 10);
    assert_eq!(exclusive(&volumes, "s"), whole / 2);
    trim(&volume, 0, 16 << 10);
    assert_eq!(exclusive(&volumes, "s"), whole / 4 * 3);
    let live = || volumes.pool().status().live_data.get();
    assert_eq!(live(), whole);
    block_on(volumes.delete_snapshot("v", "s")).unwrap();
    assert_eq!(live(), whole / 4);
    is_clean(&device);
    trim(&volume, 0, MIB);
    assert_eq!(live(), 0);
}

/// Each bit of what is stored of a unit, one after the other.
#[test]
fn every_flipped_bit_of_a_unit_is_an_error_for_that_range() {
    let device = new_pool();
    let volumes = open(&device, 0);
    block_on(volumes.create_with("v", size(MIB), Compression::Lz4)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &text(64 << 10));
    write(&volume, 64 << 10, &noise(1, 64 << 10));
    let (place, blocks) = stored_at(&device, &text(64 << 10));
    for byte in 0..blocks as u64 * 4096 {
        for bit in 0..8 {
            let place = Place {
                offset: place.offset + byte,
                ..place
            };
            device.flip_bit(place, bit);
            let read = block_on(volume.read(at(4096), 4096));
            assert!(read.is_err(), "bit {bit} of byte {byte}");
            device.flip_bit(place, bit);
        }
    }
    device.flip_bit(place, 0);
    assert!(read(&volume, 64 << 10, 64 << 10) == noise(1, 64 << 10));
    device.flip_bit(place, 0);
    assert!(read(&volume, 0, 64 << 10) == text(64 << 10));
}
