//! What goes on without a key: everything but reading and writing what it is the key of.

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Waker};

use engine_base::VolumeOffset;
use engine_device::{PageBuf, SimDevice};
use engine_format::{Compression, MasterKey};
use engine_pool::block_on;
use engine_volume::{Ack, Storage, Volumes};

use crate::common::*;
use crate::{secret, use_it};

const PLAIN: &[u8] = &[0x33; 8192];

/// A pool with an encrypted volume, a snapshot and a clone of it, and a volume that is not.
fn pool() -> (Arc<SimDevice>, Volumes) {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    let storage = Storage {
        compression: Compression::Lz4,
        ..SEALED
    };
    block_on(volumes.create_as("v", size(8 * MIB), storage)).unwrap();
    block_on(volumes.create("plain", size(8 * MIB))).unwrap();
    use_it(&volumes);
    write(&volumes.open("plain").unwrap(), 0, PLAIN);
    // The journal has batches of it behind the newest checkpoint.
    write(&volumes.open("v").unwrap(), 7 * MIB, &secret(9));
    (device, volumes)
}

#[test]
fn a_wrong_or_missing_key_refuses_that_volume_alone() {
    let wrong: [&[MasterKey]; 3] = [&[], &[master(2)], &[master(3), master(2)]];
    for keys in wrong {
        let (mut device, volumes) = pool();
        let whole = read(&volumes.open("v").unwrap(), 0, 8 << 20);
        let volumes = reopen(&mut device, 1, keys);
        assert!(is_locked(volumes.open("v")));
        assert!(is_locked(volumes.open_snapshot("v", "s")));
        assert!(is_locked(volumes.open("c")));
        let listed = volumes.list();
        let locked = listed
            .iter()
            .filter(|info| info.locked_by == Some(master(1).id()));
        assert_eq!((listed.len(), locked.count()), (3, 2));
        let plain = volumes.open("plain").unwrap();
        assert!(read(&plain, 0, 8192) == PLAIN);
        write(&plain, MIB, &secret(20));
        // What keeps a pool alive: checkpoints, scrubbing, cleaning, snapshots.
        volumes.pool().checkpoint().unwrap();
        let status = volumes.pool().scrub(&mut |_| ()).unwrap();
        assert_eq!((status.found, status.lost_ranges), (0, 0));
        while volumes.pool().clean().unwrap() {
            volumes.pool().checkpoint().unwrap();
        }
        block_on(volumes.take_snapshot("t", &["v", "plain"])).unwrap();
        let clone = block_on(volumes.create_from("d", ("v", Some("t")))).unwrap();
        assert_eq!(clone.locked_by, Some(master(1).id()));
        let volumes = reopen(&mut device, 2, &[master(1)]);
        for name in ["v", "d"] {
            let found = read(&volumes.open(name).unwrap(), 0, 8 << 20);
            assert!(found == whole, "{name}");
        }
        assert!(read(&volumes.open("plain").unwrap(), MIB, 20 * 4096) == secret(20));
    }
}

#[test]
fn what_is_locked_can_be_deleted_and_gives_its_space_back() {
    let (mut device, volumes) = pool();
    drop(volumes);
    let volumes = reopen(&mut device, 1, &[]);
    block_on(volumes.revert("v", "s")).unwrap();
    assert!(is_locked(volumes.open("v")));
    block_on(volumes.delete_snapshot("v", "s")).unwrap();
    block_on(volumes.delete("v")).unwrap();
    block_on(volumes.delete("c")).unwrap();
    block_on(volumes.pool().clean_up()).unwrap();
    assert_eq!(volumes.pool().status().live_data.get(), PLAIN.len() as u64);
    let volumes = reopen(&mut device, 2, &[]);
    assert_eq!(volumes.list().len(), 1);
    assert!(read(&volumes.open("plain").unwrap(), 0, 8192) == PLAIN);
}

/// Writes that are polled one by one, the later one first, as soon as they have gathered.
#[test]
fn the_first_writes_of_an_opening_do_not_wait_for_each_other() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
    let volume = volumes.open("v").unwrap();
    let plug = volumes.pool().plug();
    let mut context = Context::from_waker(Waker::noop());
    let mut writes: Vec<_> = (0..3)
        .map(|at| {
            let data = PageBuf::copy_of(&secret(2));
            Box::pin(volume.write(VolumeOffset::new(at * MIB), data, Ack::Written))
        })
        .collect();
    let polled = writes
        .iter_mut()
        .map(|write| write.as_mut().poll(&mut context).is_ready());
    let done: Vec<bool> = polled.collect();
    assert_eq!(done, [false; 3], "they wait for the plug");
    drop(plug);
    for write in writes.into_iter().rev() {
        block_on(write).unwrap();
    }
    for at in 0..3 {
        assert!(read(&volume, at * MIB, 8192) == secret(2));
    }
    is_clean(&device);
}

/// The first write after an opening commits its session before what is sealed in it: wherever the
/// power fails, what is there can be opened.
#[test]
fn the_first_write_of_an_opening_can_be_read_wherever_the_power_fails() {
    let device = new_pool();
    let volumes = open(&device, 0, &[master(1)]);
    block_on(volumes.create_as("v", size(4 * MIB), SEALED)).unwrap();
    drop(volumes);
    let device = on_image(device.process_kill_image());
    let volumes = open(&device, 1, &[master(1)]);
    write(&volumes.open("v").unwrap(), 0, &secret(16));
    for seed in 0..40 {
        let device = on_image(device.crash_image(seed));
        is_clean(&device);
        let volumes = open(&device, 2, &[master(1)]);
        let volume = volumes.open("v").unwrap();
        let found = read(&volume, 0, 16 * 4096);
        assert!(
            found == secret(16) || found == vec![0; 16 * 4096],
            "seed {seed}"
        );
        write(&volume, MIB, &secret(2));
        assert!(read(&volume, MIB, 2 * 4096) == secret(2));
    }
}
