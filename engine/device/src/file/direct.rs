//! Reads of what storage holds, past the page cache.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use engine_base::to_usize;
use rustix::fs::{Advice, Mode, OFlags, fadvise, open};

use super::layout::Target;
use crate::PageBuf;

/// What a direct read begins and ends at: the largest logical block of today's disks. Areas begin
/// and end at multiples of it.
const ALIGN: u64 = 4096;
/// Bytes read at once.
const PIECE: u64 = 1 << 20;

/// Fills `buf` from storage. The host writes back what is dirty in that range first.
pub(super) fn read(target: &Target, buf: &mut [u8]) -> io::Result<()> {
    let Some(direct) = open_direct(target.file.file()) else {
        return read_uncached(target, buf);
    };
    let end = target.offset + buf.len() as u64;
    let mut at = target.offset;
    while at < end {
        let first = at / ALIGN * ALIGN;
        let last = end.next_multiple_of(ALIGN).min(first + PIECE);
        let mut piece = PageBuf::recycled(to_usize(last - first));
        match direct.read_exact_at(&mut piece, first) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // A host that opens but does not read so.
                return read_uncached(target, buf);
            }
            other => other?,
        }
        let upto = last.min(end);
        let into = to_usize(at - target.offset)..to_usize(upto - target.offset);
        buf[into].copy_from_slice(&piece[to_usize(at - first)..to_usize(upto - first)]);
        at = upto;
    }
    Ok(())
}

/// A second descriptor of the file that goes past the page cache; `None` where the host has none.
fn open_direct(file: &File) -> Option<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).ok().map(File::from)
}

/// Has the host forget what it can of the range, then reads it.
fn read_uncached(target: &Target, buf: &mut [u8]) -> io::Result<()> {
    let first = target.offset / ALIGN * ALIGN;
    let end = (target.offset + buf.len() as u64).next_multiple_of(ALIGN);
    let bytes = std::num::NonZeroU64::new(end - first);
    if let Err(error) = fadvise(target.file.file(), first, bytes, Advice::DontNeed) {
        tracing::trace!(%error, "the host does not take a hint");
    }
    super::transfer::read(target, buf)
}
