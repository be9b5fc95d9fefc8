//! The life of a volume from its creation over restarts to its deletion, on a simulated device.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, Fault, PageBuf, SimDevice, SimOptions};
use engine_pool::{CreateOptions, Pool, PoolOptions, block_on};
use engine_volume::{Ack, MapKind, Volume, Volumes};

const MIB: u64 = 1 << 20;

fn options() -> PoolOptions {
    PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7)),
        ..PoolOptions::default()
    }
}

fn new_pool() -> Arc<SimDevice> {
    let device = Arc::new(SimDevice::new(SimOptions::default()));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(128 * MIB)),
        segment_bytes: Some(2 << 20),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create).unwrap();
    device
}

fn open(device: &Arc<SimDevice>) -> Volumes {
    let device: Arc<dyn Device> = Arc::clone(device) as Arc<dyn Device>;
    Volumes::new(Pool::open(device, &options()).unwrap())
}

fn reboot(device: &SimDevice) -> Arc<SimDevice> {
    Arc::new(SimDevice::from_image(
        device.process_kill_image(),
        SimOptions::default(),
    ))
}

fn buf(byte: u8, bytes: usize) -> PageBuf {
    let mut buf = PageBuf::zeroed(bytes);
    buf.fill(byte);
    buf
}

fn write(volume: &Volume, at: u64, byte: u8, bytes: usize) {
    block_on(volume.write(VolumeOffset::new(at), buf(byte, bytes), Ack::Durable)).unwrap();
}

fn read(volume: &Volume, at: u64, bytes: usize) -> Vec<u8> {
    let read = block_on(volume.read(VolumeOffset::new(at), bytes)).unwrap();
    read.data().map_or_else(|| vec![0; bytes], <[u8]>::to_vec)
}

#[test]
fn a_volume_keeps_what_was_written_over_restarts() {
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(16 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, 1, 4096);
    write(&volume, 8192 + 100, 2, 5000);
    assert_eq!(read(&volume, 0, 4096), vec![1; 4096]);
    assert_eq!(read(&volume, 4096, 4096), vec![0; 4096]);
    assert_eq!(read(&volume, 8292, 5000), vec![2; 5000]);
    assert_eq!(read(&volume, 8192, 100), vec![0; 100]);
    drop((volume, volumes));

    let device = reboot(&device);
    let volumes = open(&device);
    let volume = volumes.open("v").unwrap();
    assert_eq!(read(&volume, 0, 4096), vec![1; 4096]);
    assert_eq!(read(&volume, 8292, 5000), vec![2; 5000]);
    write(&volume, 0, 3, 4096);
    volumes.pool().close().unwrap();

    let device = reboot(&device);
    let volumes = open(&device);
    let volume = volumes.open("v").unwrap();
    assert_eq!(read(&volume, 0, 4096), vec![3; 4096]);
    let map = block_on(volume.map(VolumeOffset::new(0), 16 * MIB, 100)).unwrap();
    let kinds: Vec<_> = map.iter().map(|run| (run.bytes, run.kind)).collect();
    let hole = 16 * MIB - 16384;
    assert_eq!(
        kinds,
        [
            (4096, MapKind::Data),
            (4096, MapKind::Hole),
            (8192, MapKind::Data),
            (hole, MapKind::Hole)
        ]
    );
}

#[test]
fn overwriting_for_ever_reuses_dead_segments() {
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(8 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    for round in 0..64_u64 {
        for mib in 0..8 {
            let byte = u8::try_from((round * 8 + mib) % 251).unwrap();
            let data = buf(byte, 1 << 20);
            block_on(volume.write(VolumeOffset::new(mib * MIB), data, Ack::Written)).unwrap();
        }
    }
    for mib in 0..8 {
        let byte = u8::try_from((63 * 8 + mib) % 251).unwrap();
        assert_eq!(read(&volume, mib * MIB, 4096), vec![byte; 4096]);
    }
}

#[test]
fn a_deleted_volume_gives_its_space_back() {
    let device = new_pool();
    let volumes = open(&device);
    let before = volumes.pool().status().available;
    block_on(volumes.create("v", ByteCount::new(32 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    for mib in 0..24 {
        write(&volume, mib * MIB, 9, 1 << 20);
    }
    block_on(volumes.delete("v")).unwrap();
    assert!(volumes.open("v").is_err());
    assert!(block_on(volume.read(VolumeOffset::new(0), 4096)).is_err());
    for _ in 0..4 {
        volumes.pool().checkpoint().unwrap();
    }
    let after = volumes.pool().status();
    assert_eq!(after.live_data.get(), 0);
    assert!(
        after.available.get() + 4 * MIB >= before.get(),
        "{before} before, {after:?}"
    );
}

#[test]
fn a_mebibyte_is_written_and_zeroed_wherever_it_begins() {
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(8 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    let at = MIB + 4096 * 3 + 512;
    write(&volume, at - 4096, 1, 4096);
    write(&volume, at, 2, 1 << 20);
    write(&volume, at + MIB, 3, 4096);
    assert_eq!(read(&volume, at, 1 << 20), vec![2; 1 << 20]);
    let zeroed = (VolumeOffset::new(at + 100), MIB - 200);
    block_on(volume.write_zeroes(zeroed.0, zeroed.1, false, Ack::Durable)).unwrap();
    let device = reboot(&device);
    drop((volume, volumes));
    let volume = open(&device).open("v").unwrap();
    assert_eq!(read(&volume, at - 4096, 4096), vec![1; 4096]);
    assert_eq!(read(&volume, at, 100), vec![2; 100]);
    assert_eq!(
        read(&volume, at + 100, (1 << 20) - 200),
        vec![0; (1 << 20) - 200]
    );
    assert_eq!(read(&volume, at + MIB - 100, 100), vec![2; 100]);
    assert_eq!(read(&volume, at + MIB, 4096), vec![3; 4096]);
    let map = block_on(volume.map(VolumeOffset::new(at + 4096), MIB - 8192, 4)).unwrap();
    assert_eq!(map.len(), 1);
    assert_eq!(map[0].kind, MapKind::Hole);
}

#[test]
fn zeroing_the_first_bytes_of_a_block_zeroes_them() {
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(16 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    write(&volume, 0, 7, 8192);
    block_on(volume.write_zeroes(VolumeOffset::new(4096), 512, false, Ack::Written)).unwrap();
    let mut expected = vec![7; 8192];
    expected[4096..4608].fill(0);
    assert_eq!(read(&volume, 0, 8192), expected);
}

#[test]
fn a_superblock_that_cannot_be_read_is_as_good_as_a_damaged_one() {
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(MIB))).unwrap();
    write(&volumes.open("v").unwrap(), 4096, 9, 4096);
    volumes.pool().close().unwrap();
    drop(volumes);
    for copy in 0..2 {
        let rebooted = reboot(&device);
        rebooted.inject(Fault::FailRead { nth: copy });
        let volumes = open(&rebooted);
        let volume = volumes.open("v").unwrap();
        assert_eq!(read(&volume, 4096, 4096), vec![9; 4096], "copy {copy}");
    }
}

#[test]
fn what_was_read_ahead_is_shown_only_while_it_is_what_is_there() {
    const BYTES: usize = 64 << 10;
    let device = new_pool();
    let volumes = open(&device);
    block_on(volumes.create("v", ByteCount::new(16 * MIB))).unwrap();
    let volume = volumes.open("v").unwrap();
    let at = VolumeOffset::new(MIB);
    let ahead = |offset: u64| volume.read_ahead(VolumeOffset::new(offset), BYTES);
    let shown = |ahead| {
        let read = block_on(volume.read_with(at, BYTES, ahead)).unwrap();
        read.data().map_or_else(|| vec![0; BYTES], <[u8]>::to_vec)
    };
    assert!(ahead(MIB).is_none(), "nothing is stored there");
    assert!(ahead(1 << 40).is_none(), "past the end");
    write(&volume, MIB, 1, BYTES);
    let unchanged = ahead(MIB);
    assert!(unchanged.is_some());
    assert!(shown(unchanged) == vec![1; BYTES]);
    let elsewhere = ahead(MIB);
    write(&volume, 2 * MIB, 3, BYTES);
    assert!(shown(elsewhere) == vec![1; BYTES]);
    let written_over = ahead(MIB);
    write(&volume, MIB + 8192, 2, 4096);
    let now = read(&volume, MIB, BYTES);
    assert_eq!((now[8191], now[8192], now[12_288]), (1, 2, 1));
    assert!(shown(written_over) == now);
    let trimmed = ahead(MIB);
    block_on(volume.trim(at, BYTES as u64, Ack::Durable)).unwrap();
    assert!(shown(trimmed) == vec![0; BYTES]);
    assert!(shown(ahead(2 * MIB)) == vec![0; BYTES], "of another range");
}
