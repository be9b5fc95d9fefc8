//! The same bodies over all three layouts; what differs between them is in the modules.

mod copies;
mod directory;
mod full_host;
mod loop_device;
mod opening;

use std::path::Path;
use std::sync::Arc;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, Slot};
use tempfile::TempDir;

use self::loop_device::LoopDevice;
use super::{OpenMode, open_path};
use crate::{Area, Device, DeviceError, Geometry, PageBuf, Place, Prepare};

const SEGMENT: u32 = 1 << 20;
const GEOMETRY: Geometry = Geometry {
    segment_bytes: SEGMENT,
    slots: 8,
};
const CREATE: OpenMode = OpenMode::Create {
    capacity: Some(ByteCount::new(9 << 20)),
};

fn open(path: &Path) -> Arc<dyn Device> {
    let opened = open_path(path, CREATE).unwrap();
    opened.device.attach(GEOMETRY).unwrap();
    opened.device
}

/// Runs `body` on a new device of each layout that this machine can make.
fn on_every_layout(body: impl Fn(&dyn Device)) {
    let dir = TempDir::new().unwrap();
    body(&*open(&dir.path().join("pool")));
    let file = dir.path().join("file");
    std::fs::File::create_new(&file).unwrap();
    body(&*open(&file));
    if let Some(disk) = LoopDevice::new(dir.path(), 9 << 20) {
        body(&*open(disk.path()));
    }
}

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|i| seed.wrapping_add(u8::try_from(i % 251).unwrap()))
        .collect()
}

#[test]
fn what_is_written_in_parts_is_read_back() {
    on_every_layout(|device| {
        let slot = Slot::new(3);
        device.prepare(slot, Prepare::Allocate).unwrap();
        let parts: Vec<_> = (0..1500).map(|i| pattern(i % 100, 1)).collect();
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        device.write(Place::slot(slot, 4096), &slices).unwrap();
        device.start_writeback(Place::slot(slot, 4096), 70_000);
        device.sync(Area::Segment(slot)).unwrap();
        let mut all = vec![0; parts.iter().map(Vec::len).sum()];
        device.read(Place::slot(slot, 4096), &mut all).unwrap();
        assert_eq!(all, parts.concat(), "{}", device.name());
        assert!(
            device
                .read_cached(Place::slot(slot, 4096), &mut all)
                .unwrap()
        );
        assert_eq!(all, parts.concat());
    });
}

#[test]
fn what_was_forgotten_is_still_there() {
    on_every_layout(|device| {
        let slot = Slot::new(2);
        device.prepare(slot, Prepare::Allocate).unwrap();
        let bytes = pattern(1 << 20, 5);
        device.write(Place::slot(slot, 0), &[&bytes]).unwrap();
        // Before it is durable, and after.
        device.forget(Place::slot(slot, 4096), 500_000);
        device.sync(Area::Segment(slot)).unwrap();
        device.forget(Place::slot(slot, 4096), 500_000);
        let mut all = vec![0; bytes.len()];
        device.read(Place::slot(slot, 0), &mut all).unwrap();
        assert!(all == bytes, "{}", device.name());
        device.forget(Place::slot(Slot::new(99), 0), 4096);
    });
}

#[test]
fn label_and_slots_do_not_overlap() {
    on_every_layout(|device| {
        device
            .write(Place::label(0), &[&pattern(1 << 20, 9)])
            .unwrap();
        for index in 0..GEOMETRY.slots {
            let slot = Slot::new(index);
            device.prepare(slot, Prepare::Overwritable).unwrap();
            let seed = u8::try_from(index).unwrap();
            device
                .write(Place::slot(slot, 0), &[&pattern(1 << 20, seed)])
                .unwrap();
        }
        device.sync(Area::Label).unwrap();
        let mut buf = PageBuf::zeroed(1 << 20);
        device.read(Place::label(0), &mut buf).unwrap();
        assert!(buf[..] == pattern(1 << 20, 9)[..]);
        for index in 0..GEOMETRY.slots {
            device
                .read(Place::slot(Slot::new(index), 0), &mut buf)
                .unwrap();
            assert!(buf[..] == pattern(1 << 20, u8::try_from(index).unwrap())[..]);
        }
    });
}

#[test]
fn prepare_keeps_old_bytes() {
    on_every_layout(|device| {
        let slot = Slot::new(1);
        device.prepare(slot, Prepare::Allocate).unwrap();
        device
            .write(Place::slot(slot, 300_000), &[b"still here"])
            .unwrap();
        device.prepare(slot, Prepare::Overwritable).unwrap();
        device.prepare(slot, Prepare::Allocate).unwrap();
        let mut buf = [0; 10];
        device.read(Place::slot(slot, 300_000), &mut buf).unwrap();
        assert_eq!(&buf, b"still here");
    });
}

#[test]
fn a_discarded_slot_can_be_used_again() {
    on_every_layout(|device| {
        let slot = Slot::new(2);
        for round in 0..3 {
            device.prepare(slot, Prepare::Overwritable).unwrap();
            device
                .write(Place::slot(slot, 0), &[&[round; 4096]])
                .unwrap();
            device.sync(Area::Segment(slot)).unwrap();
            let mut buf = [0; 4096];
            device.read(Place::slot(slot, 0), &mut buf).unwrap();
            assert_eq!(buf, [round; 4096]);
            device.discard(slot).unwrap();
            device.discard(slot).unwrap();
        }
    });
}

#[test]
fn requests_outside_an_area_are_errors() {
    on_every_layout(|device| {
        device.prepare(Slot::new(7), Prepare::Allocate).unwrap();
        let mut buf = [0; 2];
        let last = u64::from(SEGMENT) - 1;
        let outside = [
            Place::slot(Slot::new(7), last),
            Place::slot(Slot::new(8), 0),
            Place::slot(Slot::new(7), u64::MAX),
            Place::label(LABEL_BYTES - 1),
        ];
        for place in outside {
            let read = device.read(place, &mut buf);
            assert!(
                matches!(read, Err(DeviceError::Io { .. })),
                "{place}: {read:?}"
            );
            let write = device.write(place, &[&[1], &[2]]);
            assert!(
                matches!(write, Err(DeviceError::Io { .. })),
                "{place}: {write:?}"
            );
            assert!(device.read_cached(place, &mut buf).is_err());
        }
        assert!(device.prepare(Slot::new(8), Prepare::Allocate).is_err());
        assert!(device.discard(Slot::new(8)).is_err());
        device
            .read(Place::slot(Slot::new(7), last - 1), &mut buf)
            .unwrap();
    });
}

#[test]
fn slots_need_a_geometry_that_fits_and_is_given_once() {
    on_every_layout(|device| {
        let again = device.attach(GEOMETRY);
        assert!(matches!(again, Err(DeviceError::Unusable { .. })));
        assert_eq!(device.geometry(), Some(GEOMETRY));
        assert!(device.available().unwrap().get() >= 9 << 20);
    });
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    std::fs::File::create_new(&file).unwrap();
    let device = open_path(&file, CREATE).unwrap().device;
    assert!(device.read(Place::slot(Slot::new(0), 0), &mut [0]).is_err());
    let error = device
        .attach(Geometry {
            slots: 9,
            ..GEOMETRY
        })
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("9.0 MiB") && error.contains("10.0 MiB"),
        "{error}"
    );
}
