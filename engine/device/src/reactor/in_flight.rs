//! The reads of a ring that the kernel has, or is going to have.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::{opcode, squeue, types};

use crate::file::OpenFile;
use crate::read_op::Pending;
use crate::{DeviceError, PageBuf, Place};

/// How often a read is submitted again because the kernel asked for that, before it is an error.
const RETRIES_MAX: u32 = 1000;

/// A read to be done: fill `buf` from `offset` of `file`.
pub(crate) struct ReadRequest {
    pub(crate) file: Arc<OpenFile>,
    pub(crate) offset: u64,
    pub(crate) buf: PageBuf,
    /// For messages.
    pub(crate) place: Place,
    /// For messages.
    pub(crate) device: Arc<str>,
}

/// A read in flight: owns its buffer and keeps its file open.
struct Read {
    request: ReadRequest,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Times the kernel asked to try again.
    retries: u32,
    pending: Arc<Pending>,
}

/// A read that is over, and its outcome.
pub(super) type Done = (Arc<Pending>, Result<PageBuf, DeviceError>);

/// A bounded table of reads; the index is what the kernel gives back.
pub(super) struct InFlight {
    reads: Vec<Option<Read>>,
    free: Vec<u32>,
}

impl InFlight {
    pub(super) fn new(entries: u32) -> Self {
        Self {
            reads: (0..entries).map(|_| None).collect(),
            free: (0..entries).rev().collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.reads.len()
    }

    /// Takes a read over and returns its index; gives it back when the table is full.
    pub(super) fn insert(
        &mut self,
        request: ReadRequest,
        pending: Arc<Pending>,
    ) -> Result<u32, ReadRequest> {
        let Some(index) = self.free.pop() else {
            return Err(request);
        };
        self.reads[index as usize] = Some(Read {
            request,
            filled: 0,
            retries: 0,
            pending,
        });
        Ok(index)
    }

    /// The submission for what is missing of a read. It points into the read's buffer, which stays
    /// in this table until [`Self::complete`] is told the kernel's result for it.
    pub(super) fn submission(&mut self, index: u32) -> squeue::Entry {
        let read = self.reads[index as usize]
            .as_mut()
            .expect("a read is submitted while it is here");
        let fd = types::Fd(read.request.file.file().as_raw_fd());
        let offset = read.request.offset + read.filled as u64;
        let rest = &mut read.request.buf[read.filled..];
        // What does not fit one submission comes in the next: a short read.
        let bytes = u32::try_from(rest.len()).unwrap_or(1 << 30);
        opcode::Read::new(fd, rest.as_mut_ptr(), bytes)
            .offset(offset)
            .build()
    }

    /// Takes the kernel's result for a read: bytes, or a negative errno. `None` if the read has to
    /// be submitted again for the rest.
    pub(super) fn complete(&mut self, index: u32, result: i32) -> Option<Done> {
        let slot = &mut self.reads[index as usize];
        let read = slot
            .as_mut()
            .expect("the kernel answers only what was submitted");
        let error = match usize::try_from(result) {
            Ok(bytes) => {
                read.filled += bytes;
                assert!(
                    read.filled <= read.request.buf.len(),
                    "the kernel read what was asked"
                );
                let full = read.filled == read.request.buf.len();
                match bytes {
                    _ if full => None,
                    0 => Some(io::ErrorKind::UnexpectedEof.into()),
                    _ => return None,
                }
            }
            Err(_) if is_temporary(result) && read.retries < RETRIES_MAX => {
                read.retries += 1;
                return None;
            }
            Err(_) => Some(io::Error::from_raw_os_error(-result)),
        };
        let read = slot.take().expect("it was there above");
        self.free.push(index);
        let ReadRequest {
            buf, place, device, ..
        } = read.request;
        let result = error.map_or(Ok(buf), |source| {
            Err(DeviceError::Io {
                action: "reading",
                device,
                place,
                source: Arc::new(source),
            })
        });
        Some((read.pending, result))
    }
}

/// Whether a negative errno asks to try again.
fn is_temporary(result: i32) -> bool {
    [-libc::EINTR, -libc::EAGAIN].contains(&result)
}
