//! Getting space from a file system: allocation, and zeroes where nothing was ever written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use engine_base::to_usize;
use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

use crate::{PageBuf, Prepare};

/// Bytes of zeroes written at a time.
const FILL_BYTES: u64 = 1 << 20;

/// Whether the host refused for want of room.
pub(super) fn is_out_of_space(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Allocates a range of a file, which grows if it is shorter, and makes that durable. Old bytes
/// stay.
pub(super) fn allocate(file: &File, offset: u64, bytes: u64, how: Prepare) -> io::Result<()> {
    let mut fill = how == Prepare::Overwritable;
    loop {
        match fallocate(file, FallocateFlags::empty(), offset, bytes) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                // Without fallocate only written bytes are sure to have space.
                if file.metadata()?.len() < offset + bytes {
                    file.set_len(offset + bytes)?;
                }
                fill = true;
                break;
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    if fill {
        fill_holes(file, offset, offset + bytes)?;
    }
    file.sync_all()
}

/// Writes zeroes wherever `start..end` of the file was never written: holes, and space that is
/// allocated but marked unwritten (which file systems report as holes too).
///
/// Hosts that do not report holes report none: then later syncs may be slower, nothing else.
fn fill_holes(file: &File, start: u64, end: u64) -> io::Result<()> {
    let zeroes = PageBuf::zeroed(to_usize(FILL_BYTES));
    let mut at = start;
    while let Some(hole) = next_hole(file, at)?.filter(|hole| *hole < end) {
        let hole_end = next_data(file, hole)?.map_or(end, |data| data.min(end));
        at = hole;
        while at < hole_end {
            let bytes = (hole_end - at).min(FILL_BYTES);
            file.write_all_at(&zeroes[..to_usize(bytes)], at)?;
            at += bytes;
        }
        if hole_end == end {
            break;
        }
    }
    Ok(())
}

/// The first byte at or behind `from` that was never written.
fn next_hole(file: &File, from: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Hole(from)) {
        Ok(hole) => Ok(Some(hole)),
        Err(Errno::NXIO | Errno::INVAL | Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// The first byte at or behind `from` that was written.
fn next_data(file: &File, from: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(from)) {
        Ok(data) => Ok(Some(data)),
        Err(Errno::NXIO) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
