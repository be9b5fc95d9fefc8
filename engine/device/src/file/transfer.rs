//! Reads and writes that are complete or an error.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;

use rustix::io::{Errno, ReadWriteFlags, preadv2, pwritev};
use smallvec::SmallVec;

use super::layout::Target;

/// Parts that one `pwritev` takes: `IOV_MAX` of Linux.
const PARTS_MAX: usize = 1024;

/// Fills `buf`. The end of the file inside of it is [`io::ErrorKind::UnexpectedEof`].
pub(super) fn read(target: &Target, buf: &mut [u8]) -> io::Result<()> {
    target.file.file().read_exact_at(buf, target.offset)
}

/// Fills `buf` from the page cache, or says that it is not all there.
pub(super) fn read_cached(target: &Target, buf: &mut [u8]) -> io::Result<bool> {
    let bytes = buf.len();
    let mut parts = [IoSliceMut::new(buf)];
    match preadv2(
        target.file.file(),
        &mut parts,
        target.offset,
        ReadWriteFlags::NOWAIT,
    ) {
        Ok(read) => Ok(read == bytes),
        // What could not be read now (also: a host that does not know the flag) a real read will
        // tell.
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// A write that failed after `written` bytes.
pub(super) struct WriteFailure {
    pub(super) written: u64,
    pub(super) source: io::Error,
}

/// Writes all parts, one behind the other.
pub(super) fn write(target: &Target, parts: &[&[u8]]) -> Result<(), WriteFailure> {
    target.file.mark_dirty();
    let mut written = 0;
    let mut result = Ok(());
    for batch in parts.chunks(PARTS_MAX) {
        let mut slices: SmallVec<[IoSlice<'_>; 32]> =
            batch.iter().map(|part| IoSlice::new(part)).collect();
        result = write_batch(target, &mut slices, &mut written);
        if result.is_err() {
            break;
        }
    }
    target.file.mark_dirty();
    result.map_err(|source| WriteFailure { written, source })
}

/// Writes at most [`PARTS_MAX`] parts from `written` bytes behind the target on, and counts them.
fn write_batch(
    target: &Target,
    mut slices: &mut [IoSlice<'_>],
    written: &mut u64,
) -> io::Result<()> {
    // Empty parts in front would make a complete write look like one without progress.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match pwritev(target.file.file(), slices, target.offset + *written) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(bytes) => {
                IoSlice::advance_slices(&mut slices, bytes);
                *written += bytes as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
