//! A device in a directory: one file for the label, one for each slot.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_base::Slot;
use rustix::fs::statvfs;

use super::open_file::OpenFile;
use super::slot_files::SlotFiles;
use super::space;
use crate::{Area, Geometry, Prepare};

/// Name of the label's file.
pub(super) const LABEL_FILE: &str = "superblock";
/// Name of the directory of slot files.
pub(super) const SEGMENTS_DIR: &str = "segments";

/// A directory of files.
pub(super) struct Directory {
    path: PathBuf,
    writable: bool,
    /// Holds the lock on the device.
    label: Arc<OpenFile>,
    slots: SlotFiles,
}

impl Directory {
    /// `label` is the open and locked label.
    pub(super) fn new(path: &Path, writable: bool, label: File) -> Self {
        Self {
            path: path.to_owned(),
            writable,
            label: Arc::new(OpenFile::new(label)),
            slots: SlotFiles::default(),
        }
    }

    /// The open label.
    pub(super) const fn label(&self) -> &Arc<OpenFile> {
        &self.label
    }

    /// The file of an area.
    pub(super) fn file(&self, area: Area) -> io::Result<Arc<OpenFile>> {
        match area {
            Area::Label => Ok(Arc::clone(&self.label)),
            Area::Segment(slot) => self.slots.get(slot, || {
                let mut options = OpenOptions::new();
                options.read(true).write(self.writable);
                options.open(self.slot_path(slot)).map(OpenFile::new)
            }),
        }
    }

    /// What the file system has free for this process's user.
    pub(super) fn available(&self) -> io::Result<u64> {
        let stat = statvfs(&self.path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Creates or extends the slot's file. On failure the slot is as before.
    pub(super) fn prepare(&self, slot: Slot, geometry: Geometry, how: Prepare) -> io::Result<()> {
        let path = self.slot_path(slot);
        create_directory(&self.segments_path())?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let (file, created) = match options.clone().create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (options.open(&path)?, false)
            }
            other => (other?, true),
        };
        let old_bytes = file.metadata()?.len();
        if let Err(error) = space::allocate(&file, 0, geometry.segment_bytes.into(), how) {
            undo_prepare(&file, &path, created, old_bytes);
            return Err(error);
        }
        // CRASH: before this sync the file may be missing after a power cut; nothing refers to it
        // yet.
        sync_directory(&self.segments_path())?;
        if created {
            self.slots.replace(slot, OpenFile::new(file));
        }
        Ok(())
    }

    /// Deletes the slot's file. A power cut may bring it back: nothing refers to it.
    pub(super) fn discard(&self, slot: Slot) -> io::Result<()> {
        self.slots.remove(slot);
        match fs::remove_file(self.slot_path(slot)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn segments_path(&self) -> PathBuf {
        self.path.join(SEGMENTS_DIR)
    }

    fn slot_path(&self, slot: Slot) -> PathBuf {
        self.segments_path().join(format!("{:08x}.seg", slot.get()))
    }
}

/// Gives back what a failed allocation got. Its own failures are logged: the first one is reported.
fn undo_prepare(file: &File, path: &Path, created: bool, old_bytes: u64) {
    let undone = if created {
        fs::remove_file(path)
    } else {
        file.set_len(old_bytes)
    };
    if let Err(error) = undone {
        tracing::warn!(path = %path.display(), %error, "could not give back space after a failure");
    }
}

/// Creates a directory that only its owner may enter, durably; fine if it exists.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(parent(path)),
    }
}

/// Makes names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The directory that holds `path`.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}
