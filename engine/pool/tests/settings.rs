//! Settings of a pool over restarts and power cuts, on a simulated device.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy};
use engine_device::{Device, Place, SimDevice, SimOptions};
use engine_format::{
    FEATURE_SETTINGS, SETTING_BYTES_MAX, SETTING_NAME_BYTES_MAX, SUPERBLOCK_BYTES, Superblock,
    superblock_offset,
};
use engine_pool::{CheckOptions, CreateOptions, Pool, PoolOptions, block_on, check};

const MIB: u64 = 1 << 20;

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

fn open(device: &Arc<SimDevice>) -> Arc<Pool> {
    let options = PoolOptions {
        memory: ByteCount::new(4 * MIB),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7)),
        ..PoolOptions::default()
    };
    let device: Arc<dyn Device> = Arc::clone(device) as Arc<dyn Device>;
    Pool::open(device, &options).unwrap()
}

/// What is on stable storage alone.
fn power_cut(device: &SimDevice) -> Arc<SimDevice> {
    let image = device.crash_image(7);
    Arc::new(SimDevice::from_image(image, SimOptions::default()))
}

fn names(pool: &Pool, prefix: &[u8]) -> Vec<Vec<u8>> {
    let found = block_on(pool.settings(prefix)).unwrap();
    found.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn what_is_set_survives_power_cuts_and_checkpoints() {
    let device = new_pool();
    let pool = open(&device);
    for name in [&b"key/b"[..], b"key/a", b"quota/x"] {
        block_on(pool.set_setting(name, Some(name))).unwrap();
    }
    let device = power_cut(&device);
    let pool = open(&device);
    assert_eq!(
        names(&pool, b"key/"),
        [b"key/a".to_vec(), b"key/b".to_vec()]
    );
    block_on(pool.set_setting(b"key/a", Some(b"again"))).unwrap();
    block_on(pool.set_setting(b"key/b", None)).unwrap();
    pool.checkpoint().unwrap();
    let device = power_cut(&device);
    let pool = open(&device);
    let all = block_on(pool.settings(b"")).unwrap();
    let wanted = [("key/a", "again"), ("quota/x", "quota/x")];
    let wanted = wanted.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    assert_eq!(all, wanted);
    pool.close().unwrap();
    let device = power_cut(&device);
    let report = check(device, &CheckOptions::default(), &mut |_| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[test]
fn a_build_that_knows_no_settings_is_told() {
    let device = new_pool();
    let pool = open(&device);
    block_on(pool.set_setting(b"a", Some(b""))).unwrap();
    let image = device.process_kill_image();
    for copy in [0, 1] {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        assert!(image.read(Place::label(superblock_offset(copy)), &mut bytes));
        let superblock = Superblock::decode(&bytes, copy).unwrap();
        assert_eq!(superblock.features_incompatible, FEATURE_SETTINGS);
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let device = new_pool();
    let pool = open(&device);
    let set = |name: &[u8], value: &[u8]| block_on(pool.set_setting(name, Some(value)));
    set(&[b'n'; SETTING_NAME_BYTES_MAX], &[0; SETTING_BYTES_MAX]).unwrap();
    set(b"", b"").unwrap_err();
    set(&[b'n'; SETTING_NAME_BYTES_MAX + 1], b"").unwrap_err();
    set(b"a", &[0; SETTING_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(names(&pool, b"").len(), 1);
}
