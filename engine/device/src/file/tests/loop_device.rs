//! A block device over a file, where the machine lets us make one.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Detached when dropped.
pub(super) struct LoopDevice(PathBuf);

impl LoopDevice {
    /// `None`, and a line that says why, if this machine has no loop devices for us.
    pub(super) fn new(directory: &Path, bytes: u64) -> Option<Self> {
        let image = directory.join("disk.img");
        std::fs::File::create(&image)
            .unwrap()
            .set_len(bytes)
            .unwrap();
        let output = Command::new("losetup")
            .args(["--find", "--show"])
            .arg(&image)
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let name = String::from_utf8(output.stdout).unwrap();
                Some(Self(PathBuf::from(name.trim())))
            }
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr);
                eprintln!("skipping the block device: losetup: {}", reason.trim());
                None
            }
            Err(error) => {
                eprintln!("skipping the block device: cannot run losetup: {error}");
                None
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let status = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("{} was not detached", self.0.display());
        }
    }
}
