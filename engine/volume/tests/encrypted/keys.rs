//! Master keys that come, go and change.

use std::ops::ControlFlow;

use engine_base::DatasetId;
use engine_format::{PoolKey, WrappedKey};
use engine_pool::{Rotation, block_on};
use engine_volume::Volumes;

use crate::common::*;
use crate::secret;

/// Wrapped keys and sessions of the pool's tree.
fn records(volumes: &Volumes) -> (Vec<WrappedKey>, usize) {
    let (mut wrapped, mut sessions) = (Vec::new(), 0);
    let pool = volumes.pool();
    volumes.pool().checkpoint().unwrap();
    let dataset = pool.dataset(DatasetId::POOL).unwrap();
    let scanned = dataset.with_tree(|tree| {
        tree.scan(&[], |key, value| {
            match PoolKey::decode(key).unwrap() {
                PoolKey::DataKey(_) => wrapped.push(WrappedKey::decode(value).unwrap()),
                PoolKey::Session(_) => sessions += 1,
                PoolKey::Dataset(_) | PoolKey::Setting(_) => {}
            }
            ControlFlow::Continue(())
        })
    });
    assert!(scanned.is_ok());
    (wrapped, sessions)
}

#[test]
fn the_key_goes_with_the_last_of_its_family() {
    let mut device = new_pool();
    let mut volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
    block_on(volumes.create_as("other", size(4 * MIB), SEALED)).unwrap();
    assert_eq!((records(&volumes).0.len(), records(&volumes).1), (2, 0));
    for life in 1..4 {
        write(&volumes.open("v").unwrap(), life * MIB, &secret(5));
        write(&volumes.open("v").unwrap(), 0, &secret(5));
        volumes = reopen(&mut device, life, &[master(1)]);
    }
    write(&volumes.open("other").unwrap(), 0, &secret(5));
    assert_eq!(
        records(&volumes).1,
        4,
        "one for each family that was written to in a life"
    );
    block_on(volumes.take_snapshot("s", &["v"])).unwrap();
    block_on(volumes.create_from("c", ("v", Some("s")))).unwrap();
    block_on(volumes.delete_snapshot("v", "s")).unwrap();
    block_on(volumes.delete("v")).unwrap();
    assert_eq!((records(&volumes).0.len(), records(&volumes).1), (2, 4));
    let volumes = reopen(&mut device, 9, &[master(1)]);
    let mut expected = secret(5);
    expected.resize(4 << 20, 0);
    for life in 1..4 {
        expected[life << 20..][..5 * 4096].copy_from_slice(&secret(5));
    }
    assert!(read(&volumes.open("c").unwrap(), 0, 4 << 20) == expected);
    block_on(volumes.delete("c")).unwrap();
    block_on(volumes.pool().clean_up()).unwrap();
    assert_eq!((records(&volumes).0.len(), records(&volumes).1), (1, 1));
    block_on(volumes.delete("other")).unwrap();
    assert_eq!((records(&volumes).0.len(), records(&volumes).1), (0, 0));
    is_clean(&device);
}

/// More sessions than one batch removes: the record goes with the last of them, and the power may
/// fail between.
#[test]
fn sessions_of_many_lives_go_wherever_the_power_fails() {
    let mut device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
    device = on_image(device.process_kill_image());
    for life in 1..=1001 {
        let volumes = open(&device, life, &[master(1)]);
        write(&volumes.open("v").unwrap(), 0, &secret(1));
        volumes.pool().checkpoint().unwrap();
        device = on_image(device.process_kill_image());
    }
    let volumes = open(&device, 2000, &[]);
    assert_eq!(records(&volumes).1, 1001);
    block_on(volumes.create_from("c", ("v", None))).unwrap();
    block_on(volumes.delete("v")).unwrap();
    block_on(volumes.delete("c")).unwrap();
    block_on(volumes.pool().clean_up()).unwrap();
    for seed in 0..30 {
        let device = on_image(device.crash_image(seed));
        is_clean(&device);
        let volumes = open(&device, 2001, &[]);
        block_on(volumes.pool().clean_up()).unwrap();
        if volumes.list().is_empty() {
            assert_eq!((records(&volumes).0.len(), records(&volumes).1), (0, 0));
        }
        is_clean(&device);
    }
}

#[test]
fn changing_the_master_key_leaves_the_data_as_it_is() {
    let mut device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    for name in ["a", "b"] {
        block_on(volumes.create_as(name, size(4 * MIB), SEALED)).unwrap();
        write(&volumes.open(name).unwrap(), 0, &secret(40));
    }
    let written = volumes.pool().metrics().index_bytes;
    let rotation = block_on(volumes.pool().rotate_master_key(&master(2))).unwrap();
    assert_eq!(
        rotation,
        Rotation {
            wrapped: 2,
            locked: 0
        }
    );
    assert_eq!(
        volumes.pool().metrics().index_bytes,
        written,
        "no page was written"
    );
    let again = block_on(volumes.pool().rotate_master_key(&master(2))).unwrap();
    assert_eq!(
        again,
        Rotation {
            wrapped: 0,
            locked: 0
        }
    );
    block_on(volumes.create_as("late", size(4 * MIB), SEALED)).unwrap();
    write(&volumes.open("a").unwrap(), MIB, &secret(3));
    let volumes = reopen(&mut device, 1, &[master(1)]);
    for name in ["a", "b", "late"] {
        assert!(is_locked(volumes.open(name)), "{name}");
        assert_eq!(volumes.show(name).unwrap().locked_by, Some(master(2).id()));
    }
    let none = block_on(volumes.pool().rotate_master_key(&master(1))).unwrap();
    assert_eq!(
        none,
        Rotation {
            wrapped: 0,
            locked: 3
        }
    );
    let volumes = reopen(&mut device, 2, &[master(2)]);
    for name in ["a", "b"] {
        assert!(read(&volumes.open(name).unwrap(), 0, 40 * 4096) == secret(40));
    }
    assert!(read(&volumes.open("a").unwrap(), MIB, 3 * 4096) == secret(3));
}

/// Power cuts at each change of the device while the key is changed.
#[test]
fn a_change_of_the_master_key_that_was_cut_off_can_be_ended() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    for name in ["a", "b"] {
        block_on(volumes.create_as(name, size(4 * MIB), SEALED)).unwrap();
        write(&volumes.open(name).unwrap(), 0, &secret(4));
    }
    block_on(volumes.pool().flush()).unwrap();
    let images: Vec<_> = {
        let mut images = vec![device.crash_image(1)];
        block_on(volumes.pool().rotate_master_key(&master(2))).unwrap();
        images.extend((2..12).map(|seed| device.crash_image(seed)));
        volumes.pool().checkpoint().unwrap();
        images.extend((20..24).map(|seed| device.crash_image(seed)));
        images
    };
    for image in images {
        let device = on_image(image);
        is_clean(&device);
        let volumes = open(&device, 1, &[master(2), master(1)]);
        for name in ["a", "b"] {
            assert!(read(&volumes.open(name).unwrap(), 0, 4 * 4096) == secret(4));
        }
        let ended = block_on(volumes.pool().rotate_master_key(&master(2))).unwrap();
        assert!(ended.locked == 0 && ended.wrapped <= 2);
        drop(volumes);
        let volumes = open(&on_image(device.process_kill_image()), 2, &[master(2)]);
        for name in ["a", "b"] {
            assert!(read(&volumes.open(name).unwrap(), 0, 4 * 4096) == secret(4));
        }
    }
}
