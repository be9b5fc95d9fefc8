//! The simulated device answers as the real ones do.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use engine_base::{ByteCount, SeededEntropy, Slot};
use tempfile::TempDir;

use super::{GEOMETRY, SimDevice, SimOptions, ZERO, below, device};
use crate::sim::SimLayout;
use crate::{Area, Device, DeviceError, Geometry, OpenMode, PageBuf, Place, Prepare, open_path};

/// Outcome of a call, as far as both must agree.
fn kind(result: &Result<(), DeviceError>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(DeviceError::Io { .. }) => "io",
        Err(DeviceError::NoSpace { .. }) => "no space",
        Err(DeviceError::Unusable { .. }) => "unusable",
    }
}

#[test]
fn it_agrees_with_a_directory_of_files() {
    for seed in 0..8 {
        let dir = TempDir::new().unwrap();
        let mode = OpenMode::Create { capacity: None };
        let real = open_path(&dir.path().join("pool"), mode).unwrap().device;
        let sim: Arc<dyn Device> = Arc::new(SimDevice::new(SimOptions::seeded(seed)));
        let random = SeededEntropy::new(seed);
        for step in 0..150 {
            if step == 5 {
                real.attach(GEOMETRY).unwrap();
                sim.attach(GEOMETRY).unwrap();
            }
            let (choice, draw) = (below(&random, 7), random.next_u64());
            let results = [&real, &sim].map(|device| one_call(&**device, choice, draw));
            let [(real, real_bytes), (sim, sim_bytes)] = &results;
            assert_eq!(
                kind(real),
                kind(sim),
                "seed {seed} step {step}: {real:?} / {sim:?}"
            );
            assert!(
                real.is_err() || real_bytes == sim_bytes,
                "seed {seed} step {step}"
            );
        }
    }
}

/// One call of any kind, right or wrong.
fn one_call(device: &dyn Device, choice: usize, draw: u64) -> (Result<(), DeviceError>, Vec<u8>) {
    let random = SeededEntropy::new(draw);
    // One slot too many, and at times a few bytes too far.
    let slot = Slot::new(u32::try_from(below(&random, 17)).unwrap());
    let area = if below(&random, 4) == 0 {
        Area::Label
    } else {
        Area::Segment(slot)
    };
    let offset = below(&random, (1 << 20) - 500) as u64;
    let at = Place { area, offset };
    let mut bytes = vec![u8::try_from(below(&random, 256)).unwrap(); below(&random, 1000)];
    let result = match choice {
        0 | 1 => device.write(at, &[&bytes, b"", &bytes[..bytes.len() / 2]]),
        2 | 3 => device.read(at, &mut bytes),
        4 => device.sync(area),
        5 if below(&random, 3) == 0 => device.discard(slot),
        _ => device.prepare(slot, Prepare::Overwritable),
    };
    (result, bytes)
}

#[test]
fn geometry_is_checked_where_size_is_fixed() {
    let options = SimOptions {
        layout: SimLayout::Span,
        capacity: ByteCount::new(16 << 20),
        ..SimOptions::default()
    };
    let device = SimDevice::new(options);
    assert_eq!(device.available().unwrap(), options.capacity);
    assert!(device.attach(GEOMETRY).is_err());
    device
        .attach(Geometry {
            slots: 15,
            ..GEOMETRY
        })
        .unwrap();
    assert!(
        device
            .attach(Geometry {
                slots: 15,
                ..GEOMETRY
            })
            .is_err()
    );
    let mut byte = [1];
    device
        .read(Place::slot(Slot::new(14), 9), &mut byte)
        .unwrap();
    assert_eq!(byte, [0], "a range can be read before it was prepared");
}

#[test]
fn reads_may_yield_and_then_give_the_bytes() {
    let device = device(SimOptions {
        reads_yield: true,
        ..SimOptions::seeded(3)
    });
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    device.write(Place::slot(ZERO, 0), &[&[7; 4096]]).unwrap();
    let (mut pending, mut uncached) = (0, 0);
    for _ in 0..100 {
        let mut read = pin!(device.read_async(Place::slot(ZERO, 0), PageBuf::zeroed(4096)));
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = read.as_mut().poll(&mut context);
        if poll.is_pending() {
            pending += 1;
            poll = read.as_mut().poll(&mut context);
        }
        let std::task::Poll::Ready(Ok(buf)) = poll else {
            panic!("{poll:?}")
        };
        assert_eq!(buf[..], [7; 4096]);
        uncached += usize::from(
            !device
                .read_cached(Place::slot(ZERO, 0), &mut [0; 8])
                .unwrap(),
        );
    }
    assert!((1..100).contains(&pending) && (1..100).contains(&uncached));
}

#[test]
fn a_large_pool_of_stamps_fits_in_memory() {
    let device = SimDevice::new(SimOptions::default());
    device
        .attach(Geometry {
            segment_bytes: 64 << 20,
            slots: 64,
        })
        .unwrap();
    let mut block = vec![0; 1 << 20];
    for slot in 0..64 {
        device.prepare(Slot::new(slot), Prepare::Allocate).unwrap();
        for mib in 0..4_u64 {
            let stamp = (u64::from(slot) << 32 | mib).to_le_bytes();
            block
                .chunks_exact_mut(8)
                .for_each(|word| word.copy_from_slice(&stamp));
            device
                .write(Place::slot(Slot::new(slot), mib << 24), &[&block])
                .unwrap();
        }
        device.sync(Area::Segment(Slot::new(slot))).unwrap();
    }
    let image = device.process_kill_image();
    for slot in image.slots() {
        let state = image.area(Area::Segment(slot)).unwrap();
        assert_eq!(state.live.chunks.full_chunks(), 0);
    }
    assert_eq!(device.stats().segment_bytes, 256 << 20);
}
