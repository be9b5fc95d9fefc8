//! A power cut is no damage: whatever it leaves, a check finds no stored byte wrong, and the pool
//! opens. Cuts during the recovery from earlier cuts included, because then slots are in use again
//! that the newest checkpoint still names.

use std::sync::Arc;

use engine_base::{ByteCount, ManualClock, SeededEntropy, VolumeOffset};
use engine_device::{Device, PageBuf, SimDevice, SimImage, SimOptions};
use engine_pool::{CheckOptions, CreateOptions, Pool, StoreError, block_on, check};
use engine_volume::{Ack, Volumes};

use crate::history::{SEGMENT_BYTES, options};

const CAPACITY: u64 = 67 << 20;
const VOLUME_BYTES: u64 = 3 << 20;

fn sim_options(seed: u64, crash_at_change: Option<u64>) -> SimOptions {
    SimOptions {
        capacity: ByteCount::new(CAPACITY),
        crash_at_change,
        ..SimOptions::seeded(seed)
    }
}

fn created() -> SimImage {
    let device = SimDevice::new(sim_options(1, None));
    let create = CreateOptions {
        capacity: Some(ByteCount::new(CAPACITY)),
        segment_bytes: Some(SEGMENT_BYTES),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(1)),
    };
    Pool::create(&device, &create).unwrap();
    device.process_kill_image()
}

/// Opens the pool and uses it until the power goes, or for a while.
fn life(device: Arc<SimDevice>, seed: u64) -> Result<(), StoreError> {
    let random = SeededEntropy::new(seed);
    let pool = Pool::open(device as Arc<dyn Device>, &options(seed))?;
    let volumes = Volumes::new(Arc::clone(&pool));
    for step in 0..24 {
        let name = ["one", "two"][usize::try_from(random.next_u64() % 2).unwrap()];
        let Ok(volume) = volumes.open(name) else {
            block_on(volumes.create(name, ByteCount::new(VOLUME_BYTES)))?;
            continue;
        };
        let block = random.next_u64() % 512;
        let at = VolumeOffset::new(block * 4096);
        let ack = if random.next_u64().is_multiple_of(3) {
            Ack::Durable
        } else {
            Ack::Written
        };
        match random.next_u64() % 16 {
            0 => block_on(volumes.delete(name))?,
            1 | 2 => {
                pool.checkpoint()?;
            }
            3 => block_on(volume.trim(at, 256 << 10, ack))?,
            4 => {
                let size = ByteCount::new(VOLUME_BYTES - 4096 * (step % 7));
                block_on(volumes.resize(name, size))?;
            }
            5 | 6 => block_on(volume.flush())?,
            _ => {
                let bytes = 4096 * (1 + random.next_u64() % 100);
                let mut data = PageBuf::zeroed(usize::try_from(bytes).unwrap());
                data.fill(step.to_le_bytes()[0] + 1);
                match block_on(volume.write(at, data, ack)) {
                    // The volume may be the shorter one.
                    Err(StoreError::Invalid { .. }) => {}
                    result => result?,
                }
            }
        }
    }
    if random.next_u64().is_multiple_of(2) {
        pool.close()?;
    }
    Ok(())
}

fn assert_clean(image: &SimImage, what: &str) {
    let device = SimDevice::from_image(image.clone(), sim_options(9, None));
    let options = CheckOptions {
        memory: ByteCount::new(4 << 20),
        ..CheckOptions::default()
    };
    let report = check(Arc::new(device), &options, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{what}: {:#?}", report.findings);
}

/// Several lives in a row, each ended by a power cut or the death of the process.
fn lives(seed: u64) {
    let random = SeededEntropy::new(seed);
    let mut image = created();
    for number in 0..12 {
        let crash_at = random.next_u64() % 120;
        let device = Arc::new(SimDevice::from_image(
            image,
            sim_options(random.next_u64(), Some(crash_at)),
        ));
        let lived = life(Arc::clone(&device), random.next_u64());
        let what = format!("seed {seed}, life {number}, power lost at change {crash_at}");
        assert!(
            lived.is_ok() || device.power_lost(),
            "{what}: {:?}",
            lived.err()
        );
        image = device.crash_image(random.next_u64());
        assert_clean(&image, &what);
    }
}

#[test]
fn what_power_cuts_leave_is_clean() {
    let seeds = if cfg!(feature = "all") { 2000 } else { 60 };
    for seed in 0..seeds {
        lives(seed);
    }
}
