//! What the index takes: nothing for what was deleted, and little more than it needs however it is
//! written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod full;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use engine_base::{ByteCount, ErrorKind, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, SimDevice, SimOptions};
use engine_pool::{CreateOptions, Pool, PoolOptions, StoreError, block_on};
use engine_volume::{Ack, Volume, Volumes};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const BLOCK: u64 = 4096;

fn options(memory: u64) -> PoolOptions {
    PoolOptions {
        memory: ByteCount::new(memory),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7)),
        ..PoolOptions::default()
    }
}

fn new_device(capacity: u64) -> Arc<SimDevice> {
    let device = Arc::new(SimDevice::new(SimOptions::default()));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(capacity)),
        segment_bytes: Some(2 << 20),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create).unwrap();
    device
}

fn open(device: &Arc<SimDevice>, memory: u64) -> Volumes {
    let device: Arc<dyn Device> = Arc::clone(device) as Arc<dyn Device>;
    Volumes::new(Pool::open(device, &options(memory)).unwrap())
}

fn reboot(device: &SimDevice) -> Arc<SimDevice> {
    Arc::new(SimDevice::from_image(
        device.process_kill_image(),
        SimOptions::default(),
    ))
}

fn block(byte: u8) -> PageBuf {
    let mut buf = PageBuf::zeroed(4096);
    buf.fill(byte);
    buf
}

/// Writes single blocks, all that one group takes in one. Ends at the first error.
fn write_blocks(
    volume: &Volume,
    blocks: impl IntoIterator<Item = u64>,
    byte: u8,
) -> Result<(), StoreError> {
    let blocks: Vec<u64> = blocks.into_iter().collect();
    for together in blocks.chunks(64) {
        let plug = volume.plug();
        let mut cx = Context::from_waker(Waker::noop());
        let mut writes: Vec<Pin<Box<_>>> = Vec::new();
        let mut result = Ok(());
        for block_index in together {
            let at = VolumeOffset::new(block_index * BLOCK);
            let mut write = Box::pin(volume.write(at, block(byte), Ack::Written));
            match write.as_mut().poll(&mut cx) {
                Poll::Ready(done) => result = result.and(done),
                Poll::Pending => writes.push(write),
            }
        }
        drop(plug);
        for write in writes {
            result = result.and(block_on(write));
        }
        result?;
    }
    Ok(())
}

fn checkpoints(volumes: &Volumes, count: usize) {
    for _ in 0..count {
        volumes.pool().checkpoint().unwrap();
    }
}

/// A leaf that became empty while its neighbours were not in memory stays in the tree.
#[test]
fn a_deleted_volume_whose_tree_is_larger_than_memory_leaves_no_page() {
    let memory = 256 * KIB;
    let device = new_device(256 * MIB);
    let mut volumes = open(&device, memory);
    checkpoints(&volumes, 3);
    let empty = volumes.pool().status();
    for round in 0..3_u8 {
        block_on(volumes.create("v", ByteCount::new(1 << 30))).unwrap();
        let volume = volumes.open("v").unwrap();
        // Scattered, so that leaves are half full, and never two in a row.
        let blocks = (0..20_000).map(|index: u64| index * 7919 % 20_000 * 2);
        write_blocks(&volume, blocks, round).unwrap();
        checkpoints(&volumes, 1);
        let full = volumes.pool().status();
        let index = full.live_index.get() - empty.live_index.get();
        assert!(index > 2 * memory, "{index} bytes of pages");
        block_on(volumes.delete("v")).unwrap();
        drop(volume);
        if round == 1 {
            // The deletion is in the journal, and replayed.
            drop(volumes);
            volumes = open(&reboot(&device), memory);
        }
        checkpoints(&volumes, 3);
        let after = volumes.pool().status();
        assert_eq!(after.live_data.get(), 0);
        assert_eq!(after.live_index, empty.live_index);
        assert_eq!(after.dirty.get(), 0);
    }
}

/// Every leaf is written now and then and is cold afterwards, each in another index segment: those
/// used to be held for ever by one page each.
#[test]
fn cold_leaves_do_not_hold_a_segment_each() {
    const BLOCKS: u64 = 16_000;
    let device = new_device(128 * MIB);
    let mut volumes = open(&device, 4 * MIB);
    block_on(volumes.create("v", ByteCount::new(64 * MIB))).unwrap();
    let mut volume = volumes.open("v").unwrap();
    write_blocks(&volume, (0..BLOCKS).map(|index| index * 7919 % BLOCKS), 1).unwrap();
    let mut most = 0;
    for round in 0..900_u64 {
        // Eighteen checkpoints of a leaf's few changes fill about a segment; then the next leaf.
        let leaf = round / 18 * 331 % BLOCKS;
        let blocks = (0..2).map(|index| (leaf + index + round % 18 * 2) % BLOCKS);
        write_blocks(&volume, blocks, u8::try_from(round % 251).unwrap()).unwrap();
        checkpoints(&volumes, 1);
        if round % 400 == 250 {
            drop((volume, volumes));
            volumes = open(&reboot(&device), 4 * MIB);
            volume = volumes.open("v").unwrap();
        }
        let status = volumes.pool().status();
        let taken = u64::from(status.segments.1) * status.segment_bytes.get();
        let slots = taken.saturating_sub(2 * status.live_index.get()) / status.segment_bytes.get();
        most = most.max(slots);
        assert!(
            slots <= 7,
            "round {round}: {slots} beside twice what is live: {status:?}"
        );
    }
    let status = volumes.pool().status();
    assert_eq!(status.live_data.get(), BLOCKS * BLOCK);
    assert!(volumes.pool().metrics().pages_relocated > 0);
    println!("at most {most} segments beside twice what is live");
}

/// The same on a full pool, by trims: what held the segments ate up the reserve, and in the end no
/// checkpoint found room.
#[test]
fn trims_on_a_full_pool_do_not_eat_up_the_reserve() {
    const BLOCKS: u64 = 40_000;
    let device = new_device(128 * MIB);
    let volumes = open(&device, 4 * MIB);
    block_on(volumes.create("v", ByteCount::new(BLOCKS * BLOCK))).unwrap();
    let volume = volumes.open("v").unwrap();
    // Scattered within parts, so that leaves are half full.
    let scattered = (0..BLOCKS).map(|index| index / 6000 * 6000 + index * 1999 % 6000);
    let full = write_blocks(&volume, scattered, 1).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::NoSpace);
    for round in 0..1200_u64 {
        let block_index = round / 18 * 331 + round % 18;
        let at = VolumeOffset::new(block_index * BLOCK);
        let trimmed = block_on(volume.trim(at, BLOCK, Ack::Durable));
        trimmed.unwrap_or_else(|error| panic!("{round}: {error}: {:?}", volumes.pool().status()));
        checkpoints(&volumes, 1);
    }
    assert!(volumes.pool().metrics().pages_relocated > 0);
    println!("{:?}", volumes.pool().status());
}
