//! System calls that neither std nor rustix offers as safe functions.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use rustix::ioctl::{Getter, Opcode, Setter, ioctl, opcode};

/// `BLKGETSIZE64` of `linux/fs.h`. The macro names the type `size_t`; the kernel writes a `u64`.
const BLKGETSIZE64: Opcode = opcode::read::<usize>(0x12, 114);
/// `BLKDISCARD` of `linux/fs.h`.
const BLKDISCARD: Opcode = opcode::none(0x12, 119);

/// Bytes of a block device.
#[expect(unsafe_code, reason = "rustix cannot know what an ioctl does")]
pub(super) fn block_device_bytes(file: &File) -> io::Result<u64> {
    // SAFETY: linux/fs.h: BLKGETSIZE64 writes one u64 and has no other effect; on a descriptor that
    // is no block device it is ENOTTY.
    Ok(unsafe { ioctl(file, Getter::<BLKGETSIZE64, u64>::new()) }?)
}

/// Tells a block device that a range holds nothing of use.
#[expect(unsafe_code, reason = "rustix cannot know what an ioctl does")]
pub(super) fn block_discard(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    // SAFETY: linux/fs.h: BLKDISCARD reads two u64, start and length, and touches no other memory.
    Ok(unsafe { ioctl(file, Setter::<BLKDISCARD, [u64; 2]>::new([offset, bytes])) }?)
}

/// Starts writing dirty pages of a range back, without waiting. Failures are ignored: the next sync
/// meets the same failure and reports it.
#[expect(unsafe_code, reason = "there is no safe binding of sync_file_range(2)")]
pub(super) fn start_writeback(file: &File, offset: u64, bytes: u64) {
    let (Ok(offset), Ok(bytes)) = (i64::try_from(offset), i64::try_from(bytes)) else {
        return;
    };
    // SAFETY: the call takes no memory, and `file` keeps the descriptor open.
    unsafe {
        libc::sync_file_range(file.as_raw_fd(), offset, bytes, libc::SYNC_FILE_RANGE_WRITE);
    }
}
