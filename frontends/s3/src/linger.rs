//! Connections that end before all that the client sends was read. A socket that is closed with
//! unread bytes is reset, and a reset takes the last answer from the client's hands. So the end
//! is said first, and what still comes is read and forgotten for a while (RFC 9112, section 9.6).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a client has to read the last answer and to close.
const LINGER_TIME: Duration = Duration::from_secs(2);
/// Bytes that are read and forgotten; who sends more is cut off.
const LINGER_BYTES: usize = 4 << 20;
/// Bytes that are forgotten at once.
const STEP: usize = 8 << 10;

/// A stream whose shutdown waits for the client to close: at most [`LINGER_TIME`], for at most
/// [`LINGER_BYTES`], and not while the server stops.
pub(crate) struct Lingering<S> {
    stream: S,
    stop: watch::Receiver<bool>,
    /// Bytes that may still be forgotten.
    left: usize,
    /// Completes when the wait is over; there once the end was said.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Lingering<S> {
    pub(crate) const fn new(stream: S, stop: watch::Receiver<bool>) -> Self {
        Self {
            stream,
            stop,
            left: LINGER_BYTES,
            end: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lingering<S> {
    /// Reads and forgets until the client closes or the wait is over. Errors of reading are no
    /// errors of the connection: all that was to be said is said.
    fn poll_forget(
        &mut self,
        context: &mut Context<'_>,
        mut end: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Poll<()> {
        loop {
            if end.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut bytes = [0; STEP];
            let mut read = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Pending => {
                    self.end = Some(end);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) if !read.filled().is_empty() && self.left > 0 => {
                    self.left = self.left.saturating_sub(read.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }
}

async fn end_of_linger(mut stop: watch::Receiver<bool>) {
    let stopped = stop.wait_for(|stop| *stop);
    // Whether the time is over or the server stops: the wait is.
    let _ = timeout(LINGER_TIME, stopped).await;
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = match self.end.take() {
            Some(end) => end,
            None => {
                ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
                Box::pin(end_of_linger(self.stop.clone()))
            }
        };
        self.poll_forget(context, end).map(Ok)
    }
}
