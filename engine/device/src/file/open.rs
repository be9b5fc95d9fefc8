//! Opening a path as what it is: directory, file or block device; refusing what is not ours.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use engine_base::limits::LABEL_BYTES;
use engine_base::{ByteCount, to_usize};

use super::directory::{self, Directory, LABEL_FILE, SEGMENTS_DIR};
use super::layout::{self, Layout};
use super::open_file::OpenFile;
use super::span::Span;
use super::{FileDevice, busy, sys};
use crate::{Device, DeviceError, PageBuf};

/// The label's file while it is being created; left behind only by a crash.
const NEW_LABEL_FILE: &str = "superblock.new";

/// What may be done with a device, and whether it may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Only reading. Refused while a server has the device open.
    ReadOnly,
    /// An existing device, exclusively.
    ReadWrite,
    /// An existing device or a new one, exclusively. A path that does not exist becomes a
    /// directory.
    Create {
        /// Size that a regular file of zero bytes is given; others keep theirs.
        capacity: Option<ByteCount>,
    },
}

/// A device that was opened.
pub struct Opened {
    /// The device: locked until it is dropped, not yet attached.
    pub device: Arc<dyn Device>,
    /// Whether nothing was ever stored on it.
    pub empty: bool,
}

/// Opens the device at `path` and locks it: exclusively for writing, shared for reading.
///
/// Durability: what [`OpenMode::Create`] makes (directory, label, size) is durable on return.
///
/// # Errors
/// [`DeviceError::Unusable`], with the reason and the way out: nothing there, in use by another
/// process, or something there that is not Trefoil's.
pub fn open_path(path: &Path, mode: OpenMode) -> Result<Opened, DeviceError> {
    let opening = Opening {
        path,
        mode,
        name: path.display().to_string().into(),
    };
    opening.open()
}

/// One call of [`open_path`].
struct Opening<'a> {
    path: &'a Path,
    mode: OpenMode,
    name: Arc<str>,
}

impl Opening<'_> {
    fn open(&self) -> Result<Opened, DeviceError> {
        let kind = match fs::metadata(self.path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.open_missing(),
            Err(error) => return Err(self.failed("cannot be looked at", error)),
        };
        if kind.is_dir() {
            self.open_directory()
        } else if kind.is_file() {
            self.open_span(false)
        } else if kind.is_block_device() {
            self.open_span(true)
        } else {
            Err(self
                .refused("is neither a directory, a file nor a block device; choose another path"))
        }
    }

    fn open_missing(&self) -> Result<Opened, DeviceError> {
        if !self.creates() {
            return Err(self.refused("does not exist; check the path, or create the pool first"));
        }
        directory::create_directory(self.path).map_err(|error| {
            self.failed("cannot be created; check the directory above it", error)
        })?;
        self.open_directory()
    }

    fn open_directory(&self) -> Result<Opened, DeviceError> {
        if !self.path.join(LABEL_FILE).exists() {
            self.check_only_ours()?;
            if !self.creates() {
                return Err(self.refused("is a directory without a pool; create the pool first"));
            }
            self.create_label()?;
        }
        let label = OpenOptions::new()
            .read(true)
            .write(self.writable())
            .open(self.path.join(LABEL_FILE))
            .map_err(|error| self.failed("its file `superblock` cannot be opened", error))?;
        self.lock(&label)?;
        let blank = self.check_label(&label)?;
        let segments = self.names_in(&self.path.join(SEGMENTS_DIR))?;
        let directory = Directory::new(self.path, self.writable(), label);
        Ok(self.opened(Layout::Directory(directory), blank && segments.is_empty()))
    }

    /// A directory without a label may hold nothing but what Trefoil puts beside it.
    fn check_only_ours(&self) -> Result<(), DeviceError> {
        const OURS: [&str; 4] = ["control.sock", NEW_LABEL_FILE, SEGMENTS_DIR, "lost+found"];
        let names = self.names_in(self.path)?;
        let foreign = names
            .iter()
            .find(|name| !OURS.contains(&name.as_str()) && !name.ends_with(".key"));
        if let Some(name) = foreign {
            return Err(self.refused(&format!(
                "is not a Trefoil pool: it holds `{name}` and no `superblock`; \
                 choose an empty directory or a path that does not exist"
            )));
        }
        if self.names_in(&self.path.join(SEGMENTS_DIR))?.is_empty() {
            return Ok(());
        }
        Err(self.refused(
            "holds segments of a pool, but its file `superblock` is missing; put it back, \
             or delete `segments` if the pool is not needed",
        ))
    }

    /// Creates an all-zero label, whole or not at all.
    fn create_label(&self) -> Result<(), DeviceError> {
        let failed = |error| self.failed("its file `superblock` cannot be created", error);
        let directory = File::open(self.path).map_err(failed)?;
        // Two servers that start on one new directory: the second finds this lock, or the label's.
        self.lock(&directory)?;
        if self.path.join(LABEL_FILE).exists() {
            return Ok(());
        }
        self.write_new_label(&directory).map_err(failed)
    }

    fn write_new_label(&self, directory: &File) -> io::Result<()> {
        directory::create_directory(&self.path.join(SEGMENTS_DIR))?;
        let new = self.path.join(NEW_LABEL_FILE);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&new)?;
        file.write_all_at(&PageBuf::zeroed(to_usize(LABEL_BYTES)), 0)?;
        file.sync_all()?;
        // CRASH: before the rename there is only the new name, which the next creation replaces.
        fs::rename(&new, self.path.join(LABEL_FILE))?;
        directory.sync_all()
    }

    fn open_span(&self, raw: bool) -> Result<Opened, DeviceError> {
        let mut options = OpenOptions::new();
        options.read(true).write(self.writable());
        if raw && self.writable() {
            // On a block device O_EXCL means: not mounted, and not part of an array or volume.
            options.custom_flags(libc::O_EXCL);
        }
        let file = busy::open(&options, self.path).map_err(|error| match error.kind() {
            io::ErrorKind::ResourceBusy => self.failed(
                "is in use (mounted, or by another process); free it first",
                error,
            ),
            _ => self.failed("cannot be opened", error),
        })?;
        self.locked(busy::lock(&file, self.writable()))?;
        let bytes = self.span_bytes(&file, raw)?;
        if bytes < LABEL_BYTES {
            return Err(self.refused(&format!(
                "has {}, too small for a pool; use a larger one",
                ByteCount::new(bytes)
            )));
        }
        let empty = self.check_label(&file)?;
        let span = Span {
            file: Arc::new(OpenFile::new(file)),
            bytes,
            raw,
        };
        Ok(self.opened(Layout::Span(span), empty))
    }

    /// Size of the file, after an empty one was given its capacity.
    fn span_bytes(&self, file: &File, raw: bool) -> Result<u64, DeviceError> {
        let failed = |error| self.failed("its size cannot be read or set", error);
        if raw {
            return sys::block_device_bytes(file).map_err(failed);
        }
        let bytes = file.metadata().map_err(failed)?.len();
        match self.mode {
            OpenMode::Create {
                capacity: Some(capacity),
            } if bytes == 0 => {
                file.set_len(capacity.get()).map_err(failed)?;
                file.sync_all().map_err(failed)?;
                Ok(capacity.get())
            }
            OpenMode::Create { capacity: None } if bytes == 0 => {
                Err(self.refused("is an empty file; say with which capacity to create the pool"))
            }
            _ => Ok(bytes),
        }
    }

    fn lock(&self, file: &File) -> Result<(), DeviceError> {
        self.locked(busy::try_lock(file, self.writable()))
    }

    fn locked(&self, result: Result<(), TryLockError>) -> Result<(), DeviceError> {
        match result {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) if self.writable() => {
                Err(self
                    .refused("is in use by another process; stop that one, or choose another path"))
            }
            Err(TryLockError::WouldBlock) => {
                Err(self.refused("is in use by a running server; stop the server, then try again"))
            }
            Err(TryLockError::Error(error)) => Err(self.failed("cannot be locked", error)),
        }
    }

    /// Whether the label is all zero. A label that is neither that nor ours is refused for writing;
    /// readers may look at what is left of it.
    fn check_label(&self, file: &File) -> Result<bool, DeviceError> {
        let mut label = PageBuf::recycled(to_usize(LABEL_BYTES));
        file.read_exact_at(&mut label, 0)
            .map_err(|error| self.failed("its label (the first MiB) cannot be read", error))?;
        if label.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        let ours = layout::is_label(&label);
        if ours || !self.writable() {
            return Ok(false);
        }
        Err(self.refused(
            "is not a Trefoil pool: its first MiB holds something else; \
             wipe it (`wipefs -a`, or write zeroes over that MiB) if you mean it",
        ))
    }

    /// Names in a directory; none if it does not exist.
    fn names_in(&self, path: &Path) -> Result<Vec<String>, DeviceError> {
        let failed = |error| self.failed("cannot be listed", error);
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        entries
            .map(|entry| {
                Ok(entry
                    .map_err(failed)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned())
            })
            .collect()
    }

    fn opened(&self, layout: Layout, empty: bool) -> Opened {
        let device = FileDevice {
            name: Arc::clone(&self.name),
            writable: self.writable(),
            geometry: OnceLock::new(),
            layout,
        };
        Opened {
            device: Arc::new(device),
            empty,
        }
    }

    fn writable(&self) -> bool {
        self.mode != OpenMode::ReadOnly
    }

    const fn creates(&self) -> bool {
        matches!(self.mode, OpenMode::Create { .. })
    }

    fn refused(&self, reason: &str) -> DeviceError {
        let device = Arc::clone(&self.name);
        DeviceError::Unusable {
            device,
            reason: reason.to_owned(),
            source: None,
        }
    }

    fn failed(&self, reason: &str, source: io::Error) -> DeviceError {
        DeviceError::Unusable {
            device: Arc::clone(&self.name),
            reason: reason.to_owned(),
            source: Some(Arc::new(source)),
        }
    }
}
