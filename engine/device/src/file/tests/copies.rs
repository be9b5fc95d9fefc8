//! Reads of one copy, and repairs.

use engine_base::Slot;

use super::{on_every_layout, pattern};
use crate::{Area, DeviceError, Place, Prepare, ReadFrom};

#[test]
fn a_copy_is_read_from_cache_and_storage() {
    on_every_layout(|device| {
        let slot = Slot::new(1);
        device.prepare(slot, Prepare::Allocate).unwrap();
        let bytes = pattern(1 << 20, 3);
        device.write(Place::slot(slot, 0), &[&bytes]).unwrap();
        assert_eq!(device.copies(Area::Segment(slot)), 1);
        assert_eq!(device.copies(Area::Label), 1);
        // Unsynced, then synced; whole and at odd places.
        for _ in 0..2 {
            for from in [ReadFrom::Cache, ReadFrom::Storage] {
                for (offset, length) in [(0, 1 << 20), (1, 1), (4095, 2), (5000, 300_001)] {
                    let mut buf = vec![0; length];
                    let at = Place::slot(slot, offset as u64);
                    device.read_copy(0, at, from, &mut buf).unwrap();
                    assert!(buf == bytes[offset..offset + length], "{}", device.name());
                }
            }
            device.sync(Area::Segment(slot)).unwrap();
        }
    });
}

#[test]
fn a_repair_writes_and_reads_back() {
    on_every_layout(|device| {
        let slot = Slot::new(7);
        device.prepare(slot, Prepare::Allocate).unwrap();
        let at = Place::slot(slot, 8192);
        device
            .write(Place::slot(slot, 0), &[&pattern(65_536, 1)])
            .unwrap();
        device.repair(0, at, &pattern(4096, 77)).unwrap();
        let mut buf = vec![0; 65_536];
        device
            .read_copy(0, Place::slot(slot, 0), ReadFrom::Storage, &mut buf)
            .unwrap();
        assert!(buf[..8192] == pattern(65_536, 1)[..8192]);
        assert!(buf[8192..12_288] == pattern(4096, 77)[..]);
        assert!(buf[12_288..] == pattern(65_536, 1)[12_288..]);
        device
            .repair(0, Place::label(512), &pattern(4096, 5))
            .unwrap();
    });
}

#[test]
fn there_is_no_second_copy() {
    on_every_layout(|device| {
        let at = Place::label(0);
        let read = device.read_copy(1, at, ReadFrom::Cache, &mut [0; 8]);
        assert!(matches!(read, Err(DeviceError::Io { .. })));
        assert!(matches!(
            device.repair(1, at, &[0; 8]),
            Err(DeviceError::Io { .. })
        ));
        let mut beyond = [0; 8];
        let at = Place::label(1 << 20);
        assert!(
            device
                .read_copy(0, at, ReadFrom::Storage, &mut beyond)
                .is_err()
        );
    });
}
