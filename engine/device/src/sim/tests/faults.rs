use engine_base::Slot;

use super::{ZERO, device, read_byte, reboot};
use crate::sim::{Fault, SimDevice, SimOptions};
use crate::{Area, Device, DeviceError, Place, Prepare, ReadFrom};

/// A device with one prepared slot.
fn prepared() -> SimDevice {
    let device = device(SimOptions::seeded(11));
    device.prepare(ZERO, Prepare::Allocate).unwrap();
    device
}

fn write(device: &SimDevice, offset: u64, fill: u8) -> Result<(), DeviceError> {
    device.write(Place::slot(ZERO, offset), &[&[fill; 4096]])
}

#[test]
fn the_nth_call_fails_once() {
    let device = prepared();
    device.inject(Fault::FailRead { nth: 1 });
    device.inject(Fault::FailWrite { nth: 2 });
    for n in 0..4 {
        let read = device.read(Place::slot(ZERO, 0), &mut [0; 8]);
        assert_eq!(read.is_err(), n == 1, "read {n}");
        assert_eq!(write(&device, 0, 1).is_err(), n == 2, "write {n}");
    }
    device.inject(Fault::FailRead { nth: 0 });
    device.clear_faults();
    device.read(Place::slot(ZERO, 0), &mut [0; 8]).unwrap();
}

#[test]
fn a_failed_write_may_have_written_its_beginning() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let device = device(SimOptions::seeded(seed));
        device.prepare(ZERO, Prepare::Allocate).unwrap();
        device.inject(Fault::FailWrite { nth: 0 });
        assert!(matches!(write(&device, 0, 1), Err(DeviceError::Io { .. })));
        let mut buf = [0; 4096];
        device.read(Place::slot(ZERO, 0), &mut buf).unwrap();
        let written = buf.iter().position(|byte| *byte == 0).unwrap_or(4096);
        assert!(buf[written..].iter().all(|byte| *byte == 0), "seed {seed}");
        lengths.insert(written);
    }
    assert!(lengths.len() > 5, "{lengths:?}");
}

#[test]
fn a_write_without_space_changes_nothing() {
    let device = prepared();
    device.inject(Fault::NoSpaceWrite { nth: 0 });
    let error = write(&device, 0, 1).unwrap_err();
    assert!(matches!(error, DeviceError::NoSpace { .. }), "{error:?}");
    assert_eq!(read_byte(&device, Place::slot(ZERO, 0)), 0);
    write(&device, 0, 1).unwrap();
}

#[test]
fn prepare_fails_when_the_host_is_full() {
    let device = prepared();
    device.inject(Fault::NoSpaceAfter { slots: 2 });
    for (index, fits) in [
        (1, true),
        (1, true),
        (2, true),
        (3, false),
        (4, false),
        (2, true),
    ] {
        let result = device.prepare(Slot::new(index), Prepare::Allocate);
        match result {
            Ok(()) => assert!(fits, "slot {index}"),
            Err(DeviceError::NoSpace { .. }) => assert!(!fits, "slot {index}"),
            Err(error) => panic!("{error:?}"),
        }
    }
    device.clear_faults();
    device.prepare(Slot::new(3), Prepare::Allocate).unwrap();
}

#[test]
fn lost_and_misdirected_writes_report_success() {
    let device = prepared();
    device.inject(Fault::LoseWrite { nth: 0 });
    device.inject(Fault::MisdirectWrite {
        nth: 1,
        to: Place::slot(ZERO, 65_536),
    });
    write(&device, 0, 1).unwrap();
    write(&device, 8192, 2).unwrap();
    device.sync(Area::Segment(ZERO)).unwrap();
    let bytes = [0, 8192, 65_536].map(|offset| read_byte(&device, Place::slot(ZERO, offset)));
    assert_eq!(bytes, [0, 0, 2]);
}

#[test]
fn after_a_failed_sync_no_later_one_makes_it_good() {
    let (mut durable, mut lost) = (0, 0);
    for seed in 0..60 {
        let device = device(SimOptions::seeded(seed));
        device.prepare(ZERO, Prepare::Allocate).unwrap();
        device.inject(Fault::FailSync { nth: 0 });
        write(&device, 0, 1).unwrap();
        device.sync(Area::Segment(ZERO)).unwrap_err();
        device.sync(Area::Segment(ZERO)).unwrap();
        assert_eq!(
            read_byte(&device, Place::slot(ZERO, 0)),
            1,
            "the cache still shows it"
        );
        let after = reboot(device.crash_image(seed), seed);
        match read_byte(&after, Place::slot(ZERO, 0)) {
            0 => lost += 1,
            _ => durable += 1,
        }
    }
    assert!(durable > 0 && lost > 0, "{durable} durable, {lost} lost");
}

#[test]
fn images_can_be_damaged_and_looked_at() {
    let device = prepared();
    write(&device, 0, 0b100).unwrap();
    device.sync(Area::Segment(ZERO)).unwrap();
    device.flip_bit(Place::slot(ZERO, 5), 0);
    assert_eq!(read_byte(&device, Place::slot(ZERO, 5)), 0b101);
    let mut image = device.crash_image(0);
    image.flip_bit(Place::slot(ZERO, 6), 7);
    image.write(Place::label(9), b"L");
    assert!(!image.read(Place::slot(Slot::new(3), 0), &mut [0]));
    let after = reboot(image, 1);
    assert_eq!(read_byte(&after, Place::slot(ZERO, 5)), 0b101);
    assert_eq!(read_byte(&after, Place::slot(ZERO, 6)), 0b1000_0100);
    assert_eq!(read_byte(&after, Place::label(9)), b'L');
}

#[test]
fn calls_and_bytes_are_counted() {
    let device = prepared();
    write(&device, 0, 1).unwrap();
    device
        .write(Place::label(0), &[&[1; 100], &[2; 11]])
        .unwrap();
    device.start_writeback(Place::label(0), 100);
    device.sync(Area::Label).unwrap();
    device.read(Place::label(0), &mut [0; 7]).unwrap();
    device.discard(ZERO).unwrap();
    let stats = device.stats();
    assert_eq!(
        (stats.label_bytes, stats.segment_bytes, stats.read_bytes),
        (111, 4096, 7)
    );
    assert_eq!((device.operations(), device.changes()), (6, 5));
}

#[test]
fn storage_shows_what_a_failed_sync_lost() {
    let mut lost = 0;
    for seed in 0..20 {
        let device = device(SimOptions::seeded(seed));
        device.prepare(ZERO, Prepare::Allocate).unwrap();
        write(&device, 0, 7).unwrap();
        device.inject(Fault::FailSync { nth: 0 });
        device.sync(Area::Segment(ZERO)).unwrap_err();
        let [mut cached, mut stored] = [[0; 4096]; 2];
        let at = Place::slot(ZERO, 0);
        device
            .read_copy(0, at, ReadFrom::Cache, &mut cached)
            .unwrap();
        device
            .read_copy(0, at, ReadFrom::Storage, &mut stored)
            .unwrap();
        assert_eq!(cached, [7; 4096]);
        lost += u32::from(stored != cached);
    }
    assert!(lost > 0);
}

#[test]
fn a_repair_that_is_lost_or_goes_elsewhere_is_noticed() {
    let at = Place::slot(ZERO, 4096);
    let elsewhere = Place::slot(ZERO, 65_536);
    let faults = [
        Fault::LoseWrite { nth: 0 },
        Fault::FailWrite { nth: 0 },
        Fault::FailSync { nth: 0 },
        Fault::MisdirectWrite {
            nth: 0,
            to: elsewhere,
        },
    ];
    for fault in faults {
        let device = prepared();
        device.inject(fault);
        let error = device.repair(0, at, &[3; 4096]).unwrap_err();
        assert!(
            matches!(error, DeviceError::Io { .. }),
            "{fault:?}: {error:?}"
        );
    }
    let device = prepared();
    device.repair(0, at, &[3; 4096]).unwrap();
    assert_eq!(read_byte(&device, Place::slot(ZERO, 4096)), 3);
    assert!(device.repair(1, at, &[3; 4096]).is_err());
}
