//! A host without room: a small file system of its own, where the machine lets us mount one.

use std::path::Path;
use std::process::Command;

use engine_base::Slot;
use tempfile::TempDir;

use super::open;
use crate::{DeviceError, Place, Prepare};

/// Unmounted when dropped.
struct SmallFileSystem(TempDir);

impl SmallFileSystem {
    fn new() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new("mount");
        command
            .args(["-t", "tmpfs", "-o", "size=4608k", "tmpfs"])
            .arg(dir.path());
        match command.output() {
            Ok(output) if output.status.success() => Some(Self(dir)),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr);
                eprintln!("skipping the full host: mount: {}", reason.trim());
                None
            }
            Err(error) => {
                eprintln!("skipping the full host: cannot run mount: {error}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(self.path()).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("{} was not unmounted", self.path().display());
        }
    }
}

#[test]
fn prepare_without_room_leaves_the_slot_as_it_was() {
    let Some(host) = SmallFileSystem::new() else {
        return;
    };
    let path = host.path().join("pool");
    let device = open(&path);
    let fits = |index| match device.prepare(Slot::new(index), Prepare::Overwritable) {
        Ok(()) => true,
        Err(DeviceError::NoSpace { .. }) => false,
        Err(error) => panic!("{error:?}"),
    };
    // Of 4.5 MiB, the label takes one.
    assert_eq!([0, 1, 2, 3].map(fits), [true, true, true, false]);
    let file = path.join("segments/00000003.seg");
    assert!(!file.exists());

    std::fs::write(&file, b"old").unwrap();
    assert!(!fits(3));
    assert_eq!(std::fs::read(&file).unwrap(), b"old");

    device
        .write(Place::slot(Slot::new(2), 0), &[&[7; 1 << 20]])
        .unwrap();
    device.discard(Slot::new(1)).unwrap();
    assert!(fits(3));
    let mut buf = [0; 3];
    device.read(Place::slot(Slot::new(3), 0), &mut buf).unwrap();
    assert_eq!(&buf, b"old");
    drop(device);
}
