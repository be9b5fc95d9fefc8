//! Where things are in the kernel's structures.

use std::ops::Range;

use io_uring::squeue;

/// `FUSE_IO_URING_CMD_REGISTER`: here are buffers for requests.
pub(super) const REGISTER: u32 = 1;
/// `FUSE_IO_URING_CMD_COMMIT_AND_FETCH`: here is the answer, give me the next request.
pub(super) const COMMIT_AND_FETCH: u32 = 2;

/// Parts of `fuse_uring_req_header`.
pub(super) const HEADER: Range<usize> = 0..128;
pub(super) const OPERATION: Range<usize> = 128..256;
pub(super) const COMMIT_ID: Range<usize> = 264..272;
pub(super) const PAYLOAD_BYTES: Range<usize> = 272..276;
pub(super) const HEADERS_BYTES: usize = 288;

/// Parts of `fuse_uring_cmd_req`, in the command area of a submission.
pub(super) const CMD_COMMIT_ID: Range<usize> = 8..16;
pub(super) const CMD_QUEUE: Range<usize> = 16..18;

/// Where a submission has its 32-bit `len`.
pub(super) const SUBMISSION_LEN: usize = 24;
/// Buffers of an entry: headers and payload.
pub(super) const SEGMENTS: u32 = 2;

/// Bytes of a `fuse_out_header`.
pub const COMMAND_ANSWER_BYTES: usize = 16;

/// Sets the length of a submission, which the library leaves out of its commands.
pub(super) fn with_len(mut entry: squeue::Entry128, len: u32) -> squeue::Entry128 {
    const { assert!(size_of::<squeue::Entry128>() == 128) };
    let start = (&raw mut entry).cast::<u8>();
    #[expect(unsafe_code, reason = "the library has no name for the field")]
    // SAFETY: an entry is `repr(C)`, 128 bytes, and the kernel's `io_uring_sqe`, which has plain
    // 32-bit `len` there; any value is one of it.
    unsafe {
        start.add(SUBMISSION_LEN).cast::<u32>().write_unaligned(len);
    }
    entry
}

#[expect(clippy::host_endian_bytes, reason = "the kernel's structures")]
pub(super) fn read_u32(bytes: &[u8]) -> u32 {
    u32::from_ne_bytes(bytes.try_into().expect("four bytes"))
}

#[expect(clippy::host_endian_bytes, reason = "the kernel's structures")]
pub(super) fn write_u32(to: &mut [u8], value: u32) {
    to.copy_from_slice(&value.to_ne_bytes());
}

#[expect(clippy::host_endian_bytes, reason = "the kernel's structures")]
pub(super) fn write_u16(to: &mut [u8], value: u16) {
    to.copy_from_slice(&value.to_ne_bytes());
}
