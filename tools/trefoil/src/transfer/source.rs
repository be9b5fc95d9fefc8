//! The file of an import: its size, its holes, its bytes.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::path::Path;

use engine_base::limits::BLOCK;
use engine_base::{ErrorKind, align_down, align_up};
use rustix::fs::SeekFrom as HoleSeek;
use rustix::io::Errno;

use crate::backend::BackendError;
use crate::transfer::host_error;

/// A regular file or block device that is read from front to back.
pub(crate) struct Source<'a> {
    file: File,
    path: &'a Path,
    size: u64,
}

/// What comes next in a source: a hole up to `data_start`, then data up to `data_end`. Both are
/// multiples of a block, or the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) data_start: u64,
    pub(crate) data_end: u64,
}

impl<'a> Source<'a> {
    pub(crate) fn open(path: &'a Path) -> Result<Self, BackendError> {
        let failed = |doing| move |error: io::Error| host_error(doing, path, &error);
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let kind = std::fs::metadata(path)
            .map_err(failed("looking at"))?
            .file_type();
        if !kind.is_file() && !kind.is_block_device() {
            let message = format!(
                "{} is neither a file nor a block device; import what has a size",
                path.display()
            );
            return Err(BackendError::new(ErrorKind::Invalid, message));
        }
        let mut file = File::open(path).map_err(failed("opening"))?;
        // Metadata has no size for block devices.
        let size = file.seek(SeekFrom::End(0)).map_err(failed("measuring"))?;
        if size == 0 {
            let message = format!("{} is empty; there is nothing to import", path.display());
            return Err(BackendError::new(ErrorKind::Invalid, message));
        }
        Ok(Self { file, path, size })
    }

    /// Bytes; never zero.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// What follows `at`, a multiple of a block below the size.
    pub(crate) fn stretch(&self, at: u64) -> Result<Stretch, BackendError> {
        let whole = Stretch {
            data_start: at,
            data_end: self.size,
        };
        let data_start = match rustix::fs::seek(&self.file, HoleSeek::Data(at)) {
            Ok(start) => align_down(start, BLOCK).clamp(at, self.size),
            Err(Errno::NXIO) => self.size,
            // Devices and some file systems do not know holes: all is data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(whole),
            Err(error) => return Err(host_error("reading", self.path, &error.into())),
        };
        if data_start == self.size {
            return Ok(Stretch {
                data_start,
                data_end: data_start,
            });
        }
        // From the start of its block no hole can be found before the data in it.
        let from = data_start.max(at);
        let data_end = match rustix::fs::seek(&self.file, HoleSeek::Hole(from)) {
            Ok(end) => align_up(end.max(from + 1), BLOCK).min(self.size),
            Err(Errno::NXIO) => self.size,
            Err(error) => return Err(host_error("reading", self.path, &error.into())),
        };
        Ok(Stretch {
            data_start,
            data_end,
        })
    }

    /// Fills `buf` from `at`.
    pub(crate) fn read(&self, at: u64, buf: &mut [u8]) -> Result<(), BackendError> {
        self.file
            .read_exact_at(buf, at)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    let file = self.path.display();
                    let message =
                        format!("{file} became shorter while it was read; import it again");
                    BackendError::new(ErrorKind::Io, message)
                }
                _ => host_error("reading", self.path, &error),
            })
    }
}
