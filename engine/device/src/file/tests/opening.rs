use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, Slot};
use tempfile::TempDir;

use super::{CREATE, GEOMETRY, LoopDevice};
use crate::{OpenMode, Place, Prepare, open_path};

fn refusal(path: &Path, mode: OpenMode) -> String {
    match open_path(path, mode) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_missing_path_is_created_only_when_asked() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    for mode in [OpenMode::ReadOnly, OpenMode::ReadWrite] {
        assert!(refusal(&path, mode).contains("does not exist"));
    }
    assert!(open_path(&path, CREATE).unwrap().empty);
    assert_eq!(
        fs::metadata(path.join("superblock")).unwrap().len(),
        1 << 20
    );
    assert!(open_path(&path, OpenMode::ReadWrite).unwrap().empty);
}

#[test]
fn a_device_is_empty_until_something_is_stored() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    let device = open_path(&path, CREATE).unwrap().device;
    device
        .write(Place::label(524_288), &[b"TREFOIL\x1a"])
        .unwrap();
    drop(device);
    assert!(!open_path(&path, OpenMode::ReadOnly).unwrap().empty);
    assert!(!open_path(&path, CREATE).unwrap().empty);

    let path = dir.path().join("segments first");
    let device = open_path(&path, CREATE).unwrap().device;
    device.attach(GEOMETRY).unwrap();
    device.prepare(Slot::new(0), Prepare::Allocate).unwrap();
    drop(device);
    assert!(!open_path(&path, CREATE).unwrap().empty);
}

#[test]
fn a_directory_with_other_things_is_refused() {
    let dir = TempDir::new().unwrap();
    for name in ["control.sock", "demo.key", "superblock.new"] {
        fs::write(dir.path().join(name), b"x").unwrap();
    }
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    assert!(refusal(dir.path(), OpenMode::ReadWrite).contains("without a pool"));
    fs::write(dir.path().join("thesis.tex"), b"x").unwrap();
    let message = refusal(dir.path(), CREATE);
    assert!(message.contains("thesis.tex"), "{message}");
    assert!(!dir.path().join("superblock").exists());
    fs::remove_file(dir.path().join("thesis.tex")).unwrap();
    assert!(open_path(dir.path(), CREATE).unwrap().empty);
    assert!(!dir.path().join("superblock.new").exists());
}

#[test]
fn segments_without_a_superblock_are_not_overwritten() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("segments")).unwrap();
    fs::write(dir.path().join("segments/00000000.seg"), b"x").unwrap();
    assert!(refusal(dir.path(), CREATE).contains("`superblock` is missing"));
}

#[test]
fn a_file_that_is_not_ours_is_refused_for_writing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    let file = File::create_new(&path).unwrap();
    let without = OpenMode::Create { capacity: None };
    assert!(refusal(&path, without).contains("capacity"));
    file.set_len(2 << 20).unwrap();
    assert!(open_path(&path, without).unwrap().empty);
    file.write_all_at(b"\x7fELF", 0).unwrap();
    for mode in [CREATE, OpenMode::ReadWrite] {
        let message = refusal(&path, mode);
        assert!(
            message.contains("is not a Trefoil pool") && message.contains("wipe"),
            "{message}"
        );
    }
    assert!(!open_path(&path, OpenMode::ReadOnly).unwrap().empty);
    file.write_all_at(b"TREFOIL\x1a", 524_288).unwrap();
    assert!(
        !open_path(&path, OpenMode::ReadWrite).unwrap().empty,
        "the second copy is ours"
    );
}

#[test]
fn a_file_keeps_its_size_and_an_empty_one_gets_the_capacity() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    File::create_new(&path).unwrap();
    let mode = |mib: u64| OpenMode::Create {
        capacity: Some(ByteCount::new(mib << 20)),
    };
    for mib in [5, 7] {
        let device = open_path(&path, mode(mib)).unwrap().device;
        assert_eq!(device.available().unwrap(), ByteCount::new(5 << 20));
    }
    File::create(dir.path().join("short"))
        .unwrap()
        .set_len(4096)
        .unwrap();
    assert!(refusal(&dir.path().join("short"), mode(5)).contains("too small"));
}

#[test]
fn a_device_has_one_writer_or_several_readers() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    File::create_new(&file).unwrap();
    let disk = LoopDevice::new(dir.path(), 9 << 20);
    let mut paths = vec![dir.path().join("pool"), file];
    paths.extend(disk.iter().map(|disk| disk.path().to_owned()));
    for path in paths {
        let writer = open_path(&path, CREATE).unwrap();
        for mode in [CREATE, OpenMode::ReadWrite] {
            assert!(
                refusal(&path, mode).contains("in use"),
                "{}",
                path.display()
            );
        }
        assert!(refusal(&path, OpenMode::ReadOnly).contains("stop the server"));
        drop(writer);
        let readers = [0, 1].map(|_| open_path(&path, OpenMode::ReadOnly).unwrap());
        assert!(refusal(&path, OpenMode::ReadWrite).contains("in use"));
        drop(readers);
        open_path(&path, OpenMode::ReadWrite).unwrap();
    }
}

#[test]
fn a_device_open_for_reading_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    drop(open_path(&path, CREATE).unwrap());
    let device = open_path(&path, OpenMode::ReadOnly).unwrap().device;
    device.attach(GEOMETRY).unwrap();
    let results = [
        device.write(Place::label(0), &[b"x"]),
        device.prepare(Slot::new(0), Prepare::Allocate),
        device.discard(Slot::new(0)),
    ];
    for result in results {
        assert!(result.unwrap_err().to_string().contains("reading only"));
    }
}

#[test]
fn other_kinds_of_files_are_refused() {
    assert!(refusal(Path::new("/dev/null"), CREATE).contains("neither a directory"));
}

#[test]
fn a_file_that_was_cut_is_attached_for_reading_and_fails_where_it_is_cut() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("pool");
    let whole = LABEL_BYTES + u64::from(GEOMETRY.slots) * u64::from(GEOMETRY.segment_bytes);
    File::create(&path).unwrap().set_len(whole).unwrap();
    let device = open_path(&path, OpenMode::ReadWrite).unwrap().device;
    device.attach(GEOMETRY).unwrap();
    device.prepare(Slot::new(0), Prepare::Allocate).unwrap();
    device
        .write(Place::slot(Slot::new(0), 0), &[b"kept"])
        .unwrap();
    drop(device);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(whole - 1).unwrap();

    let device = open_path(&path, OpenMode::ReadWrite).unwrap().device;
    let refused = device.attach(GEOMETRY).unwrap_err().to_string();
    assert!(refused.contains("was it made smaller"), "{refused}");
    drop(device);
    let device = open_path(&path, OpenMode::ReadOnly).unwrap().device;
    device.attach(GEOMETRY).unwrap();
    let mut bytes = [0; 4];
    device
        .read(Place::slot(Slot::new(0), 0), &mut bytes)
        .unwrap();
    assert_eq!(&bytes, b"kept");
    let last = Slot::new(GEOMETRY.slots - 1);
    let end = u64::from(GEOMETRY.segment_bytes) - 4;
    assert!(device.read(Place::slot(last, end), &mut bytes).is_err());
}
