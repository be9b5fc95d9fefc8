//! Requests of the kernel by io_uring commands: it puts one into the buffers of an entry, and one
//! system call hands the answer over and waits for the next. The commands are those by which it
//! asks file systems in user space (Linux 6.14).
//!
//! ```text
//! register -> wait -> request -> commit (-> submit) -> wait -> ...
//! ```
//!
//! * A [`CommandRing`] belongs to one thread and has one entry, because that thread carries out one
//!   request at a time. The kernel queues what no entry is free for.
//! * It knows nothing of what requests mean: the first 40 bytes of [`CommandRequest::header`] are a
//!   `fuse_in_header`, and [`CommandRing::commit`] takes a `fuse_out_header`.
//!
//! Memory safety: the kernel is given the buffers once and may touch them whenever it has the
//! entry, that is from [`CommandRing::register`] or [`CommandRing::commit`] until
//! [`CommandRing::wait`] returns. In that time no reference into them can be had, and they are not
//! freed.

mod layout;

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use crate::PageBuf;
pub use layout::COMMAND_ANSWER_BYTES;
use layout::{
    CMD_COMMIT_ID, CMD_QUEUE, COMMIT_AND_FETCH, COMMIT_ID, HEADER, HEADERS_BYTES, OPERATION,
    PAYLOAD_BYTES, REGISTER, SEGMENTS, read_u32, with_len, write_u16, write_u32,
};

/// Submissions that are outstanding at once: one. The kernel rounds up anyhow.
const RING_ENTRIES: u32 = 2;

/// A request in the buffers of a ring.
#[derive(Debug)]
pub struct CommandRequest<'a> {
    /// Begins with the header of the request.
    pub header: &'a [u8; 128],
    /// Begins with the arguments of the operation of fixed length. What is behind them is left from
    /// earlier requests.
    pub operation: &'a [u8; 128],
    /// All of the payload's memory, on a page's boundary: what the request has beyond the fixed
    /// arguments is its first `payload_bytes`, and the answer goes here too.
    pub payload: &'a mut [u8],
    /// Bytes of the request's payload.
    pub payload_bytes: usize,
}

/// How the registration of an entry went.
#[derive(Debug)]
pub enum Registered {
    /// The kernel uses the entry.
    Yes,
    /// The kernel refused. It serves the connection through the device instead.
    Refused(io::Error),
}

/// Who has the buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// We, and there is nothing in them.
    Nobody,
    /// The kernel, which may touch them at any moment.
    Kernel,
    /// We, and there is a request in them.
    Request,
}

/// One entry; see the module. Not [`Send`].
pub struct CommandRing {
    uring: ManuallyDrop<IoUring<squeue::Entry128, cqueue::Entry>>,
    headers: ManuallyDrop<PageBuf>,
    payload: ManuallyDrop<PageBuf>,
    /// What the registration refers to.
    segments: ManuallyDrop<Box<[libc::iovec; 2]>>,
    /// The connection and its queue.
    device: Option<(Arc<OwnedFd>, u16)>,
    holder: Holder,
}

impl CommandRing {
    /// A ring for the calling thread, whose entry has a payload of `payload_bytes`.
    ///
    /// # Errors
    /// If the kernel gives no io_uring with what this needs.
    pub fn new(payload_bytes: usize) -> io::Result<Self> {
        let uring = IoUring::builder()
            .dontfork()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(RING_ENTRIES)?;
        let mut headers = PageBuf::zeroed(HEADERS_BYTES);
        let mut payload = PageBuf::zeroed(payload_bytes);
        let segment = |buf: &mut PageBuf| libc::iovec {
            iov_base: buf.as_mut_ptr().cast(),
            iov_len: buf.len(),
        };
        let segments = Box::new([segment(&mut headers), segment(&mut payload)]);
        Ok(Self {
            uring: ManuallyDrop::new(uring),
            headers: ManuallyDrop::new(headers),
            payload: ManuallyDrop::new(payload),
            segments: ManuallyDrop::new(segments),
            device: None,
            holder: Holder::Nobody,
        })
    }

    /// Gives the entry to a queue of a connection, whose handshake is done. The queue of a
    /// processor has the processor's number.
    ///
    /// # Errors
    /// If the kernel could not be asked: it may wait for this entry then, so the connection is to
    /// be given up.
    ///
    /// # Panics
    /// If it was given away before (programmer error).
    pub fn register(&mut self, device: Arc<OwnedFd>, queue: u16) -> io::Result<Registered> {
        assert!(self.device.is_none(), "an entry is registered once");
        self.device = Some((device, queue));
        self.push(REGISTER);
        self.submit()?;
        // A refusal is there at once; consent comes with the first request.
        match self.completed() {
            Some(Err(error)) => Ok(Registered::Refused(error)),
            Some(Ok(())) | None => Ok(Registered::Yes),
        }
    }

    /// Hands a committed answer over and sleeps until a request is here.
    ///
    /// # Errors
    /// The connection is over (`ENOTCONN` and others), or the kernel cannot be asked.
    ///
    /// # Panics
    /// If the last request was not answered (programmer error).
    pub fn wait(&mut self) -> io::Result<()> {
        while self.holder != Holder::Request {
            assert!(self.holder == Holder::Kernel, "a request is answered first");
            if let Some(completed) = self.completed() {
                return completed;
            }
            self.enter(1)?;
        }
        Ok(())
    }

    /// The request that [`Self::wait`] found.
    ///
    /// # Panics
    /// If there is none (programmer error).
    pub fn request(&mut self) -> CommandRequest<'_> {
        assert!(self.holder == Holder::Request, "a request is waited for");
        let (header, operation) = self.headers[..OPERATION.end].split_at(OPERATION.start);
        let bytes = &self.headers[PAYLOAD_BYTES];
        let payload_bytes = read_u32(bytes) as usize;
        CommandRequest {
            header: header.try_into().expect("its bounds are constants"),
            operation: operation.try_into().expect("its bounds are constants"),
            payload_bytes: payload_bytes.min(self.payload.len()),
            payload: &mut self.payload,
        }
    }

    /// Answers the request with a `fuse_out_header` and the first `payload_bytes` of the payload's
    /// memory. The kernel hears of it with the next [`Self::wait`] or [`Self::submit`].
    ///
    /// # Panics
    /// If there is no request, or the payload is longer than its memory (programmer errors).
    pub fn commit(&mut self, header: &[u8; COMMAND_ANSWER_BYTES], payload_bytes: usize) {
        assert!(self.holder == Holder::Request, "a request is answered");
        assert!(payload_bytes <= self.payload.len(), "an answer fits");
        let bytes = u32::try_from(payload_bytes).expect("no payload comes near 4 GiB");
        self.headers[HEADER][..COMMAND_ANSWER_BYTES].copy_from_slice(header);
        write_u32(&mut self.headers[PAYLOAD_BYTES], bytes);
        self.push(COMMIT_AND_FETCH);
    }

    /// Hands a committed answer over without waiting: the kernel has taken it in then.
    ///
    /// # Errors
    /// If the kernel cannot be asked.
    pub fn submit(&mut self) -> io::Result<()> {
        while !self.uring.submission().is_empty() {
            self.enter(0)?;
        }
        Ok(())
    }

    /// Takes the buffers back if the kernel is done with them: with a request, or for good.
    fn completed(&mut self) -> Option<io::Result<()>> {
        let result = self.uring.completion().next()?.result();
        if result < 0 {
            self.holder = Holder::Nobody;
            return Some(Err(io::Error::from_raw_os_error(-result)));
        }
        self.holder = Holder::Request;
        Some(Ok(()))
    }

    /// Queues a command, by which the kernel has the buffers.
    fn push(&mut self, command: u32) {
        let (device, queue) = self.device.as_ref().expect("commands are for a connection");
        let mut arguments = [0; 80];
        arguments[CMD_COMMIT_ID].copy_from_slice(&self.headers[COMMIT_ID]);
        write_u16(&mut arguments[CMD_QUEUE], *queue);
        let segments = self.segments.as_ptr() as u64;
        let entry = opcode::UringCmd80::new(types::Fd(device.as_raw_fd()), command)
            .cmd(arguments)
            .addr(Some(segments))
            .build();
        let entry = with_len(entry, SEGMENTS);
        self.holder = Holder::Kernel;
        #[expect(unsafe_code, reason = "the ring takes raw pointers")]
        // SAFETY: `segments` and the buffers they name are of this ring, which frees none of them
        // while `holder` is the kernel, and gives out no reference to them. The device is open for
        // as long as the ring lives.
        let pushed = unsafe { self.uring.submission().push(&entry) };
        pushed.expect("one command is outstanding at a time");
    }

    fn enter(&mut self, want: usize) -> io::Result<()> {
        match self.uring.submit_and_wait(want) {
            Ok(_) => Ok(()),
            // Interrupted, or short of memory for the moment.
            Err(error) if is_temporary(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [libc::EINTR, libc::EAGAIN, libc::EBUSY]
        .map(Some)
        .contains(&number)
}

impl Drop for CommandRing {
    fn drop(&mut self) {
        if self.holder == Holder::Kernel {
            tracing::error!("the kernel has a request's memory still; it is lost");
            return;
        }
        #[expect(
            unsafe_code,
            reason = "they are kept for as long as the kernel may use them"
        )]
        // SAFETY: dropped once, here, and not used afterwards. The kernel has no command of this
        // ring and so none of its memory.
        unsafe {
            ManuallyDrop::drop(&mut self.uring);
            ManuallyDrop::drop(&mut self.headers);
            ManuallyDrop::drop(&mut self.payload);
            ManuallyDrop::drop(&mut self.segments);
        }
    }
}

#[cfg(test)]
mod tests;
