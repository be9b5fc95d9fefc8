//! A small pool on a simulated device, and bytes to write.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, Place, SimDevice, SimOptions};
use engine_format::{MasterKey, compress_unit};
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, block_on, check};
use engine_volume::{Ack, Volume, Volumes};

pub(crate) const MIB: u64 = 1 << 20;
const SEGMENT_BYTES: u32 = 2 << 20;

pub(crate) fn new_pool() -> Arc<SimDevice> {
    let device = Arc::new(SimDevice::new(SimOptions::default()));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(240 * MIB)),
        segment_bytes: Some(SEGMENT_BYTES),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create).unwrap();
    device
}

pub(crate) fn open(device: &Arc<SimDevice>, life: u64) -> Volumes {
    let options = PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7 + life)),
        master_keys: vec![MasterKey::new([1; 32])],
        ..PoolOptions::default()
    };
    let device: Arc<dyn Device> = Arc::clone(device) as Arc<dyn Device>;
    Volumes::new(Pool::open(device, &options).unwrap())
}

fn killed(device: &Arc<SimDevice>) -> Arc<SimDevice> {
    let image = device.process_kill_image();
    Arc::new(SimDevice::from_image(image, SimOptions::default()))
}

/// What the death of the process leaves is whole.
pub(crate) fn is_clean(device: &Arc<SimDevice>) {
    let device = killed(device) as Arc<dyn Device>;
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}

/// The process dies, and the pool is opened again.
pub(crate) fn reopen(device: &Arc<SimDevice>, life: u64) -> Volumes {
    is_clean(device);
    open(&killed(device), life)
}

/// As [`reopen`], with the device.
pub(crate) fn reopen_on(device: &mut Arc<SimDevice>, life: u64) -> Volumes {
    is_clean(device);
    *device = killed(device);
    open(device, life)
}

pub(crate) fn size(bytes: u64) -> ByteCount {
    ByteCount::new(bytes)
}

pub(crate) fn at(offset: u64) -> VolumeOffset {
    VolumeOffset::new(offset)
}

/// Lines that compress well.
pub(crate) fn text(bytes: usize) -> Vec<u8> {
    let line = |index: usize| format!("{index:06}: what is said here is said again and again\n");
    let mut text: Vec<u8> = (0..=bytes / 50)
        .flat_map(|at| line(at).into_bytes())
        .collect();
    text.truncate(bytes);
    text
}

/// Bytes that do not compress.
pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let entropy = SeededEntropy::new(seed);
    let words = (0..bytes.div_ceil(8)).flat_map(|_| entropy.next_u64().to_le_bytes());
    words.take(bytes).collect()
}

pub(crate) fn write(volume: &Volume, offset: u64, bytes: &[u8]) {
    block_on(volume.write(at(offset), PageBuf::copy_of(bytes), Ack::Written)).unwrap();
}

pub(crate) fn trim(volume: &Volume, offset: u64, bytes: u64) {
    block_on(volume.trim(at(offset), bytes, Ack::Written)).unwrap();
}

pub(crate) fn read(volume: &Volume, offset: u64, bytes: usize) -> Vec<u8> {
    let read = block_on(volume.read(at(offset), bytes)).unwrap();
    read.data().map_or_else(|| vec![0; bytes], <[u8]>::to_vec)
}

/// Allocated and stored bytes of a volume.
pub(crate) fn taken(volumes: &Volumes, name: &str) -> (u64, u64) {
    let info = volumes.show(name).unwrap();
    (info.allocated.get(), info.stored.get())
}

/// Bytes that only this snapshot of `v` has.
pub(crate) fn exclusive(volumes: &Volumes, label: &str) -> u64 {
    block_on(volumes.exclusive_bytes("v", label)).unwrap().get()
}

/// Where these bytes are stored as a unit, and in how many blocks.
pub(crate) fn stored_at(device: &SimDevice, bytes: &[u8]) -> (Place, usize) {
    let unit = |_, compressed: &[u8]| compressed.to_vec();
    let compressed = compress_unit(bytes, unit).unwrap();
    let image = device.process_kill_image();
    for slot in image.slots() {
        let mut segment = vec![0; SEGMENT_BYTES as usize];
        let _ = image.read(Place::slot(slot, 0), &mut segment);
        let mut blocks = segment.chunks(4096).enumerate();
        let found = blocks.find(|(_, block)| compressed.starts_with(&block[..2048]));
        if let Some((index, _)) = found {
            let place = Place::slot(slot, index as u64 * 4096);
            return (place, compressed.len().div_ceil(4096));
        }
    }
    panic!("no slot has the unit");
}
