//! A device in one file or one raw block device.

use std::io;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::open_file::OpenFile;
use super::{space, sys};
use crate::Prepare;

/// One file that holds all areas.
pub(super) struct Span {
    pub(super) file: Arc<OpenFile>,
    /// Its size when it was opened.
    pub(super) bytes: u64,
    /// Whether it is a block device rather than a regular file.
    pub(super) raw: bool,
}

impl Span {
    /// Gets space for a range. A block device has it, and no file system underneath.
    pub(super) fn prepare(&self, offset: u64, bytes: u64, how: Prepare) -> io::Result<()> {
        if self.raw {
            return Ok(());
        }
        space::allocate(self.file.file(), offset, bytes, how)
    }

    /// Gives a range back, if the host knows how: else it stays as it is.
    pub(super) fn discard(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let file = self.file.file();
        let result = if self.raw {
            sys::block_discard(file, offset, bytes)
        } else {
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(file, punch, offset, bytes).map_err(io::Error::from)
        };
        match result {
            Err(error) if is_unsupported(&error) => {
                tracing::debug!(offset, bytes, %error, "the host cannot discard; the range stays");
                Ok(())
            }
            other => other,
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [Errno::OPNOTSUPP, Errno::NOSYS, Errno::NOTTY];
    error
        .raw_os_error()
        .is_some_and(|errno| unsupported.contains(&Errno::from_raw_os_error(errno)))
}
