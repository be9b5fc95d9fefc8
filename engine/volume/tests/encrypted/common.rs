//! A small pool on a simulated device, its keys, and what lies on the device.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset, to_usize};
use engine_device::{Area, Device, PageBuf, Place, SimDevice, SimImage, SimOptions};
use engine_format::{Compression, Encryption, MasterKey};
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, StoreError, block_on, check};
use engine_volume::{Ack, Storage, Volume, Volumes};

pub(crate) const MIB: u64 = 1 << 20;
const SEGMENT_BYTES: usize = 2 << 20;

/// A volume that is encrypted.
pub(crate) const SEALED: Storage = Storage {
    compression: Compression::Off,
    encryption: Encryption::Aes256Gcm,
};

pub(crate) fn master(number: u8) -> MasterKey {
    MasterKey::new([number; 32])
}

pub(crate) fn new_pool() -> Arc<SimDevice> {
    let device = Arc::new(SimDevice::new(SimOptions::default()));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(240 * MIB)),
        segment_bytes: Some(2 << 20),
        ..CreateOptions::default()
    };
    Pool::create(&*device, &create).unwrap();
    device
}

pub(crate) fn try_open(
    device: &Arc<SimDevice>,
    life: u64,
    master_keys: &[MasterKey],
    rewind: bool,
) -> Result<Volumes, StoreError> {
    let options = PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7 + life)),
        master_keys: master_keys.to_vec(),
        rewind,
        ..PoolOptions::default()
    };
    let device: Arc<dyn Device> = Arc::clone(device) as Arc<dyn Device>;
    Ok(Volumes::new(Pool::open(device, &options)?))
}

pub(crate) fn open(device: &Arc<SimDevice>, life: u64, keys: &[MasterKey]) -> Volumes {
    try_open(device, life, keys, false).unwrap()
}

pub(crate) fn on_image(image: SimImage) -> Arc<SimDevice> {
    Arc::new(SimDevice::from_image(image, SimOptions::default()))
}

/// What the death of the process leaves is whole; nobody needs a key to say so.
pub(crate) fn is_clean(device: &Arc<SimDevice>) {
    let device = on_image(device.process_kill_image()) as Arc<dyn Device>;
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}

/// The process dies, and the pool is opened again with these keys.
pub(crate) fn reopen(device: &mut Arc<SimDevice>, life: u64, keys: &[MasterKey]) -> Volumes {
    is_clean(device);
    *device = on_image(device.process_kill_image());
    open(device, life, keys)
}

pub(crate) fn size(bytes: u64) -> ByteCount {
    ByteCount::new(bytes)
}

pub(crate) fn write(volume: &Volume, offset: u64, bytes: &[u8]) {
    let at = VolumeOffset::new(offset);
    block_on(volume.write(at, PageBuf::copy_of(bytes), Ack::Written)).unwrap();
}

pub(crate) fn read(volume: &Volume, offset: u64, bytes: usize) -> Vec<u8> {
    let read = block_on(volume.read(VolumeOffset::new(offset), bytes)).unwrap();
    read.data().map_or_else(|| vec![0; bytes], <[u8]>::to_vec)
}

pub(crate) fn is_locked<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Locked { .. }))
}

/// How often these bytes lie anywhere on the device, in whatever was ever written and is left.
pub(crate) fn occurrences(device: &SimDevice, needle: &[u8]) -> usize {
    let image = device.process_kill_image();
    let mut label = vec![0; to_usize(MIB)];
    let place = Place {
        area: Area::Label,
        offset: 0,
    };
    let _ = image.read(place, &mut label);
    let mut found = count(&label, needle);
    for slot in image.slots() {
        let mut segment = vec![0; SEGMENT_BYTES];
        let _ = image.read(Place::slot(slot, 0), &mut segment);
        found += count(&segment, needle);
    }
    found
}

fn count(bytes: &[u8], needle: &[u8]) -> usize {
    let first = needle[0];
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts
        .filter(|(at, _)| bytes[*at..].starts_with(needle))
        .count()
}
