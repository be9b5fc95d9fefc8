//! Snapshots on a simulated device: what they show, what they cost, and their deletion in many
//! steps, cut off anywhere and beside writers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, SimDevice, SimImage, SimOptions};
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, block_on, check};
use engine_volume::{Ack, Volume, Volumes};

const MIB: u64 = 1 << 20;
const BLOCK: u64 = 4096;

fn device(image: SimImage, crash_at_change: Option<u64>) -> Arc<SimDevice> {
    let options = SimOptions {
        crash_at_change,
        ..SimOptions::default()
    };
    Arc::new(SimDevice::from_image(image, options))
}

fn new_pool(capacity_mib: u64) -> Arc<SimDevice> {
    let device = device(SimImage::default(), None);
    let create = CreateOptions {
        capacity: Some(ByteCount::new(capacity_mib * MIB)),
        segment_bytes: Some(2 << 20),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create).unwrap();
    device
}

fn try_open(used: &Arc<SimDevice>) -> Option<Volumes> {
    let options = PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7)),
        ..PoolOptions::default()
    };
    let device: Arc<dyn Device> = Arc::clone(used) as Arc<dyn Device>;
    Pool::open(device, &options).ok().map(Volumes::new)
}

fn open(used: &Arc<SimDevice>) -> Volumes {
    try_open(used).unwrap()
}

fn write(volume: &Volume, block: u64, byte: u8) {
    let mut buf = PageBuf::zeroed(4096);
    buf.fill(byte);
    block_on(volume.write(VolumeOffset::new(block * BLOCK), buf, Ack::Written)).unwrap();
}

fn byte_at(volume: &Volume, block: u64) -> u8 {
    let at = VolumeOffset::new(block * BLOCK);
    let read = block_on(volume.read(at, 4096)).unwrap();
    let bytes = read.data().map_or_else(|| vec![0; 4096], <[u8]>::to_vec);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    bytes[0]
}

fn is_clean(image: SimImage) {
    let device = device(image, None) as Arc<dyn Device>;
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}

/// Volume `v` with the snapshots `a` and `b`: every second of `BLOCKS` blocks was written before
/// each, in an extent of its own, and a part of them after them.
const BLOCKS: u64 = 4000;

fn history(volumes: &Volumes) {
    block_on(volumes.create("v", ByteCount::new(64 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    let every = |from: u64, step: usize, byte: u8| {
        for block in (from..BLOCKS).step_by(step) {
            write(&volume, block, byte);
        }
    };
    every(0, 2, 1);
    block_on(volumes.take_snapshot("a", &["v"])).unwrap();
    every(0, 4, 2);
    block_on(volumes.take_snapshot("b", &["v"])).unwrap();
    every(0, 8, 3);
    block_on(volumes.pool().flush()).unwrap();
}

/// What `v@a`, `v@b` and `v` hold.
fn expected(block: u64) -> [u8; 3] {
    let written = |step: u64, byte: u8, before: u8| {
        if block.is_multiple_of(step) {
            byte
        } else {
            before
        }
    };
    let a = written(2, 1, 0);
    let b = written(4, 2, a);
    [a, b, written(8, 3, b)]
}

fn verify(volumes: &Volumes) {
    let states = [
        volumes.open_snapshot("v", "a").ok(),
        volumes.open_snapshot("v", "b").ok(),
        volumes.open("v").ok(),
    ];
    for block in (0..BLOCKS).step_by(7) {
        for (state, byte) in states.iter().zip(expected(block)) {
            if let Some(state) = state {
                assert_eq!(byte_at(state, block), byte, "block {block}");
            }
        }
    }
}

#[test]
fn snapshots_show_what_was_and_cost_what_differs() {
    let used = new_pool(160);
    let volumes = open(&used);
    history(&volumes);
    verify(&volumes);
    let exclusive = |label| block_on(volumes.exclusive_bytes("v", label)).unwrap().get();
    assert_eq!(exclusive("a"), BLOCKS / 4 * BLOCK);
    assert_eq!(exclusive("b"), BLOCKS / 8 * BLOCK);
    let status = volumes.pool().status();
    let written = BLOCKS / 2 + BLOCKS / 4 + BLOCKS / 8;
    assert_eq!(status.live_data.get(), written * BLOCK);
    let mut found = Vec::new();
    let (b, head) = (
        volumes.open_snapshot("v", "b").unwrap(),
        volumes.open("v").unwrap(),
    );
    block_on(b.differences(&head, |range| {
        found.push(range);
        true
    }))
    .unwrap();
    let blocks = (0..BLOCKS).step_by(8).map(|block| block * BLOCK);
    assert_eq!(found, blocks.map(|at| at..at + BLOCK).collect::<Vec<_>>());
    let refused = block_on(b.write(VolumeOffset::new(0), PageBuf::zeroed(4096), Ack::Written));
    assert!(refused.unwrap_err().to_string().contains("snapshot"));
    assert!(block_on(b.trim(VolumeOffset::new(0), 4096, Ack::Written)).is_err());
    assert!(block_on(volumes.delete("v")).is_err(), "it has snapshots");
    assert!(
        block_on(volumes.take_snapshot("b", &["v"])).is_err(),
        "taken"
    );
    assert!(
        block_on(volumes.take_snapshot("B", &["v"])).is_err(),
        "no label"
    );
    is_clean(used.process_kill_image());
}

/// The middle one, the oldest one and the volume are deleted, and the power goes at some change of
/// the device.
#[test]
fn a_deletion_in_many_steps_goes_on_after_a_power_cut() {
    let used = new_pool(160);
    history(&open(&used));
    let begin = used.process_kill_image();
    let delete_all = |volumes: &Volumes| {
        block_on(volumes.delete_snapshot("v", "b"))?;
        block_on(volumes.delete_snapshot("v", "a"))?;
        block_on(volumes.delete("v"))
    };
    let whole = device(begin.clone(), None);
    delete_all(&open(&whole)).unwrap();
    let changes = whole.changes();
    for at in (0..changes).step_by(3) {
        let cut = device(begin.clone(), Some(at));
        if let Some(volumes) = try_open(&cut) {
            assert!(delete_all(&volumes).is_err(), "the power was lost");
        }
        let image = cut.crash_image(at);
        is_clean(image.clone());
        let used = device(image, None);
        let volumes = open(&used);
        verify(&volumes);
        block_on(volumes.pool().clean_up()).unwrap();
        verify(&volumes);
        is_clean(used.process_kill_image());
        if volumes.open("v").is_ok() {
            for label in ["a", "b"] {
                let _ = block_on(volumes.delete_snapshot("v", label));
            }
            block_on(volumes.delete("v")).unwrap();
        }
        assert_eq!(volumes.pool().status().live_data.get(), 0, "change {at}");
    }
}

/// Writers, snapshots and their deletion at the same time, with everything in the background.
#[test]
fn snapshots_come_and_go_beside_writers() {
    // Four clones stay, and each may have all of the volume for itself.
    let used = new_pool(512);
    let volumes = open(&used);
    history(&volumes);
    volumes.pool().start_background().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (volume, done) = (volumes.open("v").unwrap(), &done);
            scope.spawn(move || {
                let mut round = 0;
                while !done.load(Ordering::Relaxed) {
                    for block in (half..BLOCKS).step_by(2) {
                        write(&volume, block * 3 % BLOCKS / 2 * 2 + half, round);
                    }
                    round = round.wrapping_add(1);
                }
            });
        }
        for round in 0..12 {
            let label = format!("s{round}");
            block_on(volumes.take_snapshot(&label, &["v"])).unwrap();
            let volume = volumes.open_snapshot("v", &label).unwrap();
            let before: Vec<u8> = (0..40).map(|block| byte_at(&volume, block)).collect();
            block_on(volumes.create_from(&format!("c{round}"), ("v", Some(&label)))).unwrap();
            let after: Vec<u8> = (0..40).map(|block| byte_at(&volume, block)).collect();
            assert_eq!(before, after);
            block_on(volumes.delete_snapshot("v", &label)).unwrap();
            if round % 3 > 0 {
                block_on(volumes.delete(&format!("c{round}"))).unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    block_on(volumes.pool().clean_up()).unwrap();
    volumes.pool().close().unwrap();
    is_clean(used.process_kill_image());
    let used = device(used.process_kill_image(), None);
    let volumes = open(&used);
    verify_gone(&volumes);
}

fn verify_gone(volumes: &Volumes) {
    for label in ["a", "b"] {
        block_on(volumes.delete_snapshot("v", label)).unwrap();
    }
    for info in volumes.list() {
        block_on(volumes.delete(&info.name)).unwrap();
    }
    block_on(volumes.pool().clean_up()).unwrap();
    assert_eq!(volumes.pool().status().live_data.get(), 0);
}
