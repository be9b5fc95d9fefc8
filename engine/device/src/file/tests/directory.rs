use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};

use engine_base::Slot;
use rustix::fs::{SeekFrom, seek};
use tempfile::TempDir;

use super::{SEGMENT, open};
use crate::{DeviceError, Place, Prepare};

#[test]
fn slots_are_files_of_full_length_with_space_behind_them() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    let device = open(&path);
    let file = path.join("segments/00000005.seg");
    device.prepare(Slot::new(5), Prepare::Allocate).unwrap();
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.len(), u64::from(SEGMENT));
    assert!(metadata.blocks() * 512 >= u64::from(SEGMENT));
    device.discard(Slot::new(5)).unwrap();
    assert!(!file.exists());
    let missing = device.read(Place::slot(Slot::new(5), 0), &mut [0]);
    assert!(
        matches!(missing, Err(DeviceError::Io { .. })),
        "{missing:?}"
    );
}

#[test]
fn overwritable_leaves_no_byte_unwritten() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    let device = open(&path);
    // Old bytes in the middle of a file that was otherwise never written.
    let file = fs::File::create_new(path.join("segments/00000000.seg")).unwrap();
    file.set_len(SEGMENT.into()).unwrap();
    file.write_all_at(b"old", 500_000).unwrap();
    file.sync_all().unwrap();
    device.prepare(Slot::new(0), Prepare::Overwritable).unwrap();
    assert_eq!(seek(&file, SeekFrom::Hole(0)).unwrap(), u64::from(SEGMENT));
    let mut buf = [0; 3];
    device
        .read(Place::slot(Slot::new(0), 500_000), &mut buf)
        .unwrap();
    assert_eq!(&buf, b"old");
}

#[test]
fn a_slot_shorter_than_the_geometry_is_an_error_to_read() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    let device = open(&path);
    fs::write(path.join("segments/00000000.seg"), [7; 5000]).unwrap();
    let at = Place::slot(Slot::new(0), 4096);
    let mut buf = [0; 4096];
    assert!(!device.read_cached(at, &mut buf).unwrap());
    let error = device.read(at, &mut buf).unwrap_err();
    assert!(
        matches!(&error, DeviceError::Io { place, .. } if *place == at),
        "{error:?}"
    );
}

#[test]
fn more_slots_than_descriptors_are_usable() {
    let dir = TempDir::new().unwrap();
    let opened = super::open_path(&dir.path().join("pool"), super::CREATE).unwrap();
    let device = opened.device;
    device
        .attach(crate::Geometry {
            segment_bytes: 4096,
            slots: 700,
        })
        .unwrap();
    for index in 0..700 {
        device.prepare(Slot::new(index), Prepare::Allocate).unwrap();
        device
            .write(Place::slot(Slot::new(index), 0), &[&index.to_le_bytes()])
            .unwrap();
        device.sync(crate::Area::Segment(Slot::new(index))).unwrap();
    }
    for index in 0..700_u32 {
        let mut buf = [0; 4];
        device
            .read(Place::slot(Slot::new(index), 0), &mut buf)
            .unwrap();
        assert_eq!(u32::from_le_bytes(buf), index);
    }
}
