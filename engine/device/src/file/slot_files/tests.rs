use std::fs::File;
use std::io;

use engine_base::Slot;

use super::{OPEN_FILES_MAX, SlotFiles};
use crate::file::open_file::OpenFile;

fn null() -> io::Result<OpenFile> {
    File::open("/dev/null").map(OpenFile::new)
}

fn open_slots(files: &SlotFiles) -> usize {
    files.open.read().len()
}

#[test]
fn idle_files_are_closed_and_used_ones_are_not() {
    let files = SlotFiles::default();
    let busy = files.get(Slot::new(0), null).unwrap();
    files.get(Slot::new(1), null).unwrap().mark_dirty();
    for slot in 2..u32::try_from(3 * OPEN_FILES_MAX).unwrap() {
        files.get(Slot::new(slot), null).unwrap();
        assert!(open_slots(&files) <= OPEN_FILES_MAX);
    }
    let open = files.open.read();
    assert!(open.contains_key(&0), "in use");
    assert!(open.contains_key(&1), "has unsynced bytes");
    drop(open);
    drop(busy);
}

#[test]
fn unsynced_files_are_never_closed() {
    let files = SlotFiles::default();
    let many = u32::try_from(OPEN_FILES_MAX + 10).unwrap();
    for slot in 0..many {
        files.get(Slot::new(slot), null).unwrap().mark_dirty();
    }
    assert_eq!(open_slots(&files), OPEN_FILES_MAX + 10);
}

#[test]
fn a_created_file_replaces_one_that_a_reader_still_held() {
    let files = SlotFiles::default();
    let stale = files.get(Slot::new(7), null).unwrap();
    files.replace(Slot::new(7), null().unwrap());
    let fresh = files.get(Slot::new(7), || panic!("it is open")).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&stale, &fresh));
}
