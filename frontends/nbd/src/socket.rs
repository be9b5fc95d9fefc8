//! The stream of one connection, TCP or Unix.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, sockopt,
};

use crate::limits::SOCKET_BUFFER_BYTES;

/// A connected socket. All methods take `&self`: one thread receives, several send in turns (see
/// [`Turn`](crate::turn::Turn)), another may shut down.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Whether a call may wait for the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as it takes.
    Wait,
    /// Not at all.
    Never,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Socket {
    /// Sets what the traffic of NBD wants.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        match self {
            // Small replies must not wait for the acknowledgement of earlier ones. Buffers grow by
            // themselves.
            Self::Tcp(stream) => stream.set_nodelay(true),
            Self::Unix(_) => {
                sockopt::set_socket_send_buffer_size(self, SOCKET_BUFFER_BYTES)?;
                sockopt::set_socket_recv_buffer_size(self, SOCKET_BUFFER_BYTES)?;
                Ok(())
            }
        }
    }

    /// Bounds how long each blocking call waits; `None` for no bound.
    pub(crate) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
            Self::Unix(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
        }
    }

    /// Receives into `first`, then into `second`. `None` if it would have to wait; 0 at the end of
    /// the stream.
    pub(crate) fn receive(
        &self,
        first: &mut [u8],
        second: &mut [u8],
        patience: Patience,
    ) -> io::Result<Option<usize>> {
        let flags = match patience {
            Patience::Wait => RecvFlags::empty(),
            Patience::Never => RecvFlags::DONTWAIT,
        };
        let received = if first.is_empty() {
            retry_on_intr(|| rustix::net::recv(self, &mut *second, flags)).map(|(bytes, _)| bytes)
        } else {
            retry_on_intr(|| {
                let mut parts = [IoSliceMut::new(first), IoSliceMut::new(second)];
                let mut control = RecvAncillaryBuffer::default();
                rustix::net::recvmsg(self, &mut parts, &mut control, flags)
            })
            .map(|message| message.bytes)
        };
        would_block(received, patience)
    }

    /// Sends some of `parts`. `None` if it would have to wait. `more`: the rest of the reply
    /// follows at once, so that no packet needs to leave before it.
    pub(crate) fn send(
        &self,
        parts: &[IoSlice<'_>],
        more: bool,
        patience: Patience,
    ) -> io::Result<Option<usize>> {
        let mut flags = SendFlags::NOSIGNAL;
        flags.set(SendFlags::DONTWAIT, patience == Patience::Never);
        flags.set(SendFlags::MORE, more);
        let sent = retry_on_intr(|| {
            rustix::net::sendmsg(self, parts, &mut SendAncillaryBuffer::default(), flags)
        });
        would_block(sent, patience)
    }

    /// Sends all of `bytes`, waiting.
    pub(crate) fn send_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = self
                .send(&[IoSlice::new(bytes)], false, Patience::Wait)?
                .unwrap_or(0);
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends receiving: what the client sent before still arrives.
    pub(crate) fn stop_receiving(&self) {
        self.shut(Shutdown::Read);
    }

    /// Ends both directions: every call that waits returns.
    pub(crate) fn abort(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        // Fails only if the client is gone already, and then there is nothing to end.
        if let Err(error) = rustix::net::shutdown(self, how) {
            tracing::trace!(%error, "shutdown of a connection that is gone");
        }
    }
}

fn would_block(result: rustix::io::Result<usize>, patience: Patience) -> io::Result<Option<usize>> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        // With a timeout the kernel says the same when the time is over: that is an error.
        Err(rustix::io::Errno::AGAIN) if patience == Patience::Never => Ok(None),
        Err(rustix::io::Errno::AGAIN) => Err(io::ErrorKind::TimedOut.into()),
        Err(error) => Err(error.into()),
    }
}
