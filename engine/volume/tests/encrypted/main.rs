//! Encrypted volumes on a simulated device: nothing that was written lies there in the clear, who
//! has the key reads it, and who has not goes on with everything else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod keys;
mod numbers;
mod without_key;

use common::*;
use engine_base::{VolumeOffset, to_usize};
use engine_device::{Fault, Place};
use engine_format::{Compression, Encryption};
use engine_pool::{StoreError, block_on};
use engine_volume::{Ack, Storage};

const NEEDLE: &[u8] = b"a secret that nobody else must ever see: 4711";

/// Blocks full of the needle.
fn secret(blocks: usize) -> Vec<u8> {
    let mut bytes = NEEDLE.repeat(4096 * blocks / NEEDLE.len() + 1);
    bytes.truncate(4096 * blocks);
    bytes
}

/// Writes in each way that there is, keeps and clones, and has all of it moved and written down.
fn use_it(volumes: &engine_volume::Volumes) {
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &secret(256));
    write(&volume, 2 * MIB + 512, &secret(3)[..5000]);
    block_on(volumes.take_snapshot("s", &["v"])).unwrap();
    write(&volume, 64 << 10, &secret(8));
    write(&volume, 3 * MIB + 1024, &secret(1)[..512]);
    let at = VolumeOffset::new(4096);
    block_on(volume.trim(at, 100_000, Ack::Durable)).unwrap();
    block_on(volumes.create_from("c", ("v", Some("s")))).unwrap();
    write(&volumes.open("c").unwrap(), 5 * MIB, &secret(20));
    volumes.pool().checkpoint().unwrap();
    volumes.pool().clean().unwrap();
    volumes.pool().checkpoint().unwrap();
}

#[test]
fn nothing_lies_on_the_device_in_the_clear() {
    for compression in [Compression::Off, Compression::Lz4] {
        for encryption in [Encryption::Off, Encryption::Aes256Gcm] {
            let device = new_pool();
            let volumes = open(&device, 0, &[master(1)]);
            let storage = Storage {
                compression,
                encryption,
            };
            let made = block_on(volumes.create_as("v", size(8 * MIB), storage)).unwrap();
            assert_eq!((made.encryption, made.locked_by), (encryption, None));
            use_it(&volumes);
            let found = occurrences(&device, NEEDLE);
            match encryption {
                Encryption::Off => assert!(found > 0, "the search finds what is there"),
                Encryption::Aes256Gcm => assert_eq!(found, 0, "{compression:?}"),
            }
            is_clean(&device);
        }
    }
}

#[test]
fn it_reads_as_it_was_written_after_the_process_died() {
    for compression in [Compression::Off, Compression::Lz4] {
        let mut device = new_pool();
        let volumes = open(&device, 0, &[master(1)]);
        let storage = Storage {
            compression,
            ..SEALED
        };
        block_on(volumes.create_as("v", size(8 * MIB), storage)).unwrap();
        use_it(&volumes);
        drop(volumes);
        let volumes = reopen(&mut device, 1, &[master(1)]);
        let snapshot = volumes.open_snapshot("v", "s").unwrap();
        let mut kept = vec![0; 8 << 20];
        kept[..to_usize(MIB)].copy_from_slice(&secret(256));
        kept[2 << 20..][512..5512].copy_from_slice(&secret(3)[..5000]);
        assert!(read(&snapshot, 0, 8 << 20) == kept);
        // Reads of less than a block, and over the ends of extents.
        assert!(read(&snapshot, 130_000, 3000) == kept[130_000..133_000]);
        assert!(read(&snapshot, 4095, 2) == kept[4095..4097]);
        let mut head = kept.clone();
        head[64 << 10..][..8 * 4096].copy_from_slice(&secret(8));
        head[3 << 20..][1024..1536].copy_from_slice(&secret(1)[..512]);
        head[4096..102_400].fill(0);
        // The ends of what was trimmed were not whole blocks.
        let found = read(&volumes.open("v").unwrap(), 0, 8 << 20);
        assert!(found[..4096] == head[..4096] && found[106_496..] == head[106_496..]);
        assert!(found[4096..102_400] == head[4096..102_400]);
        kept[5 << 20..][..20 * 4096].copy_from_slice(&secret(20));
        assert!(read(&volumes.open("c").unwrap(), 0, 8 << 20) == kept);
        drop(volumes);
    }
}

#[test]
fn there_is_no_encrypted_volume_without_a_master_key() {
    let device = new_pool();
    let volumes = open(&device, 0, &[]);
    let refused = block_on(volumes.create_as("v", size(MIB), SEALED));
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    assert!(volumes.list().is_empty());
    block_on(volumes.create("v", size(MIB))).unwrap();
    is_clean(&device);
}

#[test]
fn damage_is_an_error_of_that_block_alone() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(8 * MIB), SEALED)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &secret(64));
    volumes.pool().checkpoint().unwrap();
    let image = device.process_kill_image();
    let mut spoilt = None;
    for slot in image.slots() {
        for block in 1..512 {
            let place = Place::slot(slot, block * 4096);
            device.flip_bit(place, 5);
            let lost = |at| block_on(volume.read(VolumeOffset::new(at), 4096)).is_err();
            let bad: Vec<u64> = (0..64).map(|at| at * 4096).filter(|at| lost(*at)).collect();
            if let [only] = bad[..] {
                spoilt = Some(only);
            }
            device.flip_bit(place, 5);
            if spoilt.is_some() {
                break;
            }
        }
    }
    assert!(
        spoilt.is_some(),
        "some block of the device is one of the volume"
    );
    assert!(read(&volume, 0, 64 * 4096) == secret(64));
}

#[test]
fn what_is_deleted_or_kept_needs_no_key_to_refuse_a_change() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    let at = VolumeOffset::new(0);
    let refused = |volume: &engine_volume::Volume| {
        let data = engine_device::PageBuf::copy_of(&secret(1));
        block_on(volume.write(at, data, Ack::Written)).unwrap_err()
    };
    for is_written in [false, true] {
        block_on(volumes.create_as("v", size(8 * MIB), SEALED)).unwrap();
        let volume = volumes.open("v").unwrap();
        if is_written {
            write(&volume, 0, &secret(1));
        }
        block_on(volumes.take_snapshot("s", &["v"])).unwrap();
        let error = refused(&volumes.open_snapshot("v", "s").unwrap());
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        block_on(volumes.delete_snapshot("v", "s")).unwrap();
        block_on(volumes.delete("v")).unwrap();
        block_on(volumes.pool().clean_up()).unwrap();
        let error = refused(&volume);
        assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
        let error = block_on(volume.read(at, 4096)).unwrap_err();
        assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
    }
    is_clean(&device);
}

#[test]
fn a_write_that_fails_takes_its_numbers_with_it() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(8 * MIB), SEALED)).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, &secret(1));
    device.inject(Fault::FailSync { nth: 0 });
    let at = VolumeOffset::new(4096);
    let data = engine_device::PageBuf::copy_of(&secret(1));
    assert!(block_on(volume.write(at, data, Ack::Durable)).is_err());
    assert!(
        read(&volume, 0, 4096) == secret(1),
        "what is there can be read"
    );
}
