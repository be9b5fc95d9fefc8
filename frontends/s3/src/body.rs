//! Bodies of requests, as they come: length, chunks, trailer and stalls are checked here.

mod chunks;
mod sent;

use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use s3s::{S3Result, s3_error};
use tokio::time::Instant;

pub(crate) use chunks::Chunks;
pub(crate) use sent::Sent;

/// Bytes that a body brings in a second at least, on average over the time of a stall.
const BYTES_PER_SECOND_MIN: u64 = 500;

/// A body on its way.
pub(crate) struct Payload {
    body: Sent,
    /// Of a body in chunks.
    chunks: Option<Chunks>,
    /// Bytes received and not yet taken apart.
    received: Bytes,
    ended: bool,
    /// Bytes that were promised, without those of chunk headers.
    declared: Option<u64>,
    so_far: u64,
    speed: Speed,
}

/// How fast a body comes. Only the time counts in which the server waits for it.
#[derive(Default)]
struct Speed {
    waited: Duration,
    bytes: u64,
}

impl Speed {
    /// Refuses a body that comes slower than [`BYTES_PER_SECOND_MIN`] over a `time`: byte by byte
    /// it would hold its place for as long as it likes.
    fn check(&mut self, time: Duration) -> S3Result<()> {
        if self.waited < time {
            return Ok(());
        }
        let least = self.waited.as_millis() * u128::from(BYTES_PER_SECOND_MIN) / 1000;
        if u128::from(self.bytes) < least {
            return Err(too_slow());
        }
        *self = Self::default();
        Ok(())
    }
}

impl Payload {
    pub(crate) fn new(body: Sent, chunks: Option<Chunks>, declared: Option<u64>) -> Self {
        Self {
            body,
            chunks,
            received: Bytes::new(),
            ended: false,
            declared,
            so_far: 0,
            speed: Speed::default(),
        }
    }

    /// Bytes that were promised.
    pub(crate) const fn declared(&self) -> Option<u64> {
        self.declared
    }

    /// The next bytes; `None` at the end, when all that was promised has come and every signature
    /// of a chunk is right. Nothing may be published before.
    pub(crate) async fn next(&mut self) -> S3Result<Option<Bytes>> {
        loop {
            if let Some(data) = self.take()? {
                self.so_far += data.len() as u64;
                if self.declared.is_some_and(|declared| self.so_far > declared) {
                    return Err(incomplete("more bytes came than were declared"));
                }
                return Ok(Some(data));
            }
            if self.ended {
                return self.check_end();
            }
            self.receive().await?;
        }
    }

    fn take(&mut self) -> S3Result<Option<Bytes>> {
        match &mut self.chunks {
            Some(chunks) => chunks.decode(&mut self.received),
            None if self.received.is_empty() => Ok(None),
            None => Ok(Some(std::mem::take(&mut self.received))),
        }
    }

    fn check_end(&mut self) -> S3Result<Option<Bytes>> {
        if let Some(chunks) = &mut self.chunks {
            chunks.end()?;
        }
        if self
            .declared
            .is_some_and(|declared| self.so_far != declared)
        {
            return Err(incomplete("fewer bytes came than were declared"));
        }
        Ok(None)
    }

    async fn receive(&mut self) -> S3Result<()> {
        let began = Instant::now();
        let stall_time = self.body.stall_time();
        let frame = tokio::time::timeout(stall_time, self.body.next()).await;
        self.speed.waited += began.elapsed();
        match frame {
            Err(_) => Err(too_slow()),
            Ok(None) => {
                self.ended = true;
                Ok(())
            }
            Ok(Some(Err(error))) => Err(s3_error!(
                error,
                IncompleteBody,
                "The body ended before it was whole."
            )),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    self.speed.bytes += data.len() as u64;
                    self.received = data;
                }
                self.speed.check(stall_time)
            }
        }
    }

    /// The headers behind the last chunk; empty before the end.
    pub(crate) fn trailer(&self) -> HeaderMap {
        let trailer = self.chunks.as_ref().map(Chunks::trailer);
        trailer.cloned().unwrap_or_default()
    }

    /// The whole body, of at most `max` bytes.
    pub(crate) async fn collect(&mut self, max: usize) -> S3Result<Bytes> {
        let too_large = || {
            s3_error!(
                MaxMessageLengthExceeded,
                "Your request was too big: at most {max} bytes are taken here."
            )
        };
        if self.declared.is_some_and(|declared| declared > max as u64) {
            return Err(too_large());
        }
        let mut all = Vec::new();
        while let Some(data) = self.next().await? {
            if all.len() + data.len() > max {
                return Err(too_large());
            }
            all.extend_from_slice(&data);
        }
        Ok(all.into())
    }
}

fn too_slow() -> s3s::S3Error {
    s3_error!(
        RequestTimeout,
        "Your socket connection to the server was not read from or written to within the timeout \
         period, or too slowly."
    )
}

pub(crate) fn incomplete(what: &str) -> s3s::S3Error {
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header: \
         {what}."
    )
}

#[cfg(test)]
mod tests;
