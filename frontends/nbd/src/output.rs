//! Replies on their way to the socket.
//!
//! * Headers gather in one buffer of their own; payloads stay where they were read. A header never
//!   shares memory with a payload, because copies to an address a few bytes behind that of their
//!   source are many times slower on common processors.
//! * What waits is sent by gathered writes; large payloads begin one of their own.
//! * What a reply costs is given back when its last byte was handed to the kernel.

use std::collections::VecDeque;
use std::io::IoSlice;

use engine_device::PageBuf;
use smallvec::SmallVec;

use crate::limits::SEND_PARTS_MAX;

/// A payload from this size on begins a system call of its own. Behind a header of some bytes the
/// kernel copies every word of it across a boundary, at half the speed, which costs more than the
/// call.
const CALL_OF_ITS_OWN_BYTES: usize = 16 << 10;
/// Sent headers are forgotten when this many bytes of them lie in front of the others.
const FORGET_BYTES: usize = 64 << 10;
/// Source of zeroes for simple replies, which know no holes.
static ZEROES: [u8; 64 << 10] = [0; 64 << 10];

/// What is to be sent next.
#[derive(Debug)]
enum Segment {
    /// The next bytes of the headers.
    Head(usize),
    /// A part of a payload. Payloads are numbered as they are pushed.
    Data {
        payload: u64,
        start: usize,
        bytes: usize,
    },
    /// Zeroes.
    Zeroes(usize),
    /// The end of a reply: so many payloads are done with, and their cost.
    End { payloads: usize, cost: u64 },
}

/// The queue of one connection.
#[derive(Debug, Default)]
pub(crate) struct Output {
    segments: VecDeque<Segment>,
    heads: Vec<u8>,
    /// Bytes of `heads` that were sent.
    heads_sent: usize,
    payloads: VecDeque<PageBuf>,
    /// Number of the first of `payloads`.
    payloads_gone: u64,
    /// Cost that was given back and not yet collected.
    freed: u64,
}

/// Borrowed parts of what waits.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) slices: SmallVec<[IoSlice<'a>; 64]>,
    /// A payload follows at once in the next call.
    pub(crate) more: bool,
}

impl Output {
    /// Whether everything was sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes of headers and of other small things that wait.
    pub(crate) fn head_bytes(&self) -> usize {
        self.heads.len() - self.heads_sent
    }

    /// Appends bytes of a header.
    pub(crate) fn head(&mut self, bytes: &[u8]) {
        self.heads.extend_from_slice(bytes);
        if let Some(Segment::Head(last)) = self.segments.back_mut() {
            *last += bytes.len();
        } else {
            self.segments.push_back(Segment::Head(bytes.len()));
        }
    }

    /// Hands over memory that later calls of [`Output::data`] refer to by the number returned.
    pub(crate) fn payload(&mut self, payload: PageBuf) -> u64 {
        let waiting = u64::try_from(self.payloads.len()).unwrap_or(u64::MAX);
        self.payloads.push_back(payload);
        self.payloads_gone + waiting
    }

    /// Appends a part of a payload.
    pub(crate) fn data(&mut self, payload: u64, start: usize, bytes: usize) {
        self.segments.push_back(Segment::Data {
            payload,
            start,
            bytes,
        });
    }

    /// Appends zeroes.
    pub(crate) fn zeroes(&mut self, bytes: usize) {
        self.segments.push_back(Segment::Zeroes(bytes));
    }

    /// Ends a reply that handed over `payloads` and costs `cost` until it was sent.
    pub(crate) fn end(&mut self, payloads: usize, cost: u64) {
        self.segments.push_back(Segment::End { payloads, cost });
    }

    /// What to send next, in order, as far as one call of the kernel takes it.
    pub(crate) fn parts(&self) -> Parts<'_> {
        let mut parts = Parts::default();
        let slices = &mut parts.slices;
        let mut heads = self.heads.get(self.heads_sent..).unwrap_or_default();
        for segment in &self.segments {
            match segment {
                Segment::Head(bytes) => {
                    let (head, rest) = heads.split_at(*bytes);
                    heads = rest;
                    slices.push(IoSlice::new(head));
                }
                Segment::Data { bytes, .. }
                    if *bytes >= CALL_OF_ITS_OWN_BYTES && !slices.is_empty() =>
                {
                    parts.more = true;
                    break;
                }
                Segment::Data {
                    payload,
                    start,
                    bytes,
                } => {
                    slices.push(IoSlice::new(self.slice(*payload, *start, *bytes)));
                }
                Segment::Zeroes(bytes) => {
                    let mut left = *bytes;
                    while left > 0 && slices.len() < SEND_PARTS_MAX {
                        let now = left.min(ZEROES.len());
                        slices.push(IoSlice::new(ZEROES.get(..now).unwrap_or_default()));
                        left -= now;
                    }
                }
                Segment::End { .. } => {}
            }
            if slices.len() >= SEND_PARTS_MAX {
                break;
            }
        }
        parts
    }

    fn slice(&self, payload: u64, start: usize, bytes: usize) -> &[u8] {
        self.payloads
            .get(engine_base::to_usize(payload - self.payloads_gone))
            .and_then(|payload| payload.get(start..start + bytes))
            .expect("segments refer to payloads that were handed over")
    }

    /// Forgets `sent` bytes from the front.
    pub(crate) fn advance(&mut self, mut sent: usize) {
        while let Some(segment) = self.segments.front_mut() {
            let whole = match segment {
                Segment::Head(bytes) => {
                    let now = sent.min(*bytes);
                    self.heads_sent += now;
                    *bytes -= now;
                    sent -= now;
                    *bytes == 0
                }
                Segment::Data { start, bytes, .. } => {
                    let now = sent.min(*bytes);
                    *start += now;
                    *bytes -= now;
                    sent -= now;
                    *bytes == 0
                }
                Segment::Zeroes(bytes) => {
                    let now = sent.min(*bytes);
                    *bytes -= now;
                    sent -= now;
                    *bytes == 0
                }
                Segment::End { payloads, cost } => {
                    self.payloads.drain(..*payloads);
                    self.payloads_gone += u64::try_from(*payloads).unwrap_or(u64::MAX);
                    self.freed += *cost;
                    true
                }
            };
            if !whole {
                break;
            }
            self.segments.pop_front();
        }
        assert_eq!(sent, 0, "no more is sent than waits");
        if self.heads_sent == self.heads.len() {
            self.heads.clear();
            self.heads_sent = 0;
        } else if self.heads_sent >= FORGET_BYTES {
            self.heads.drain(..self.heads_sent);
            self.heads_sent = 0;
        }
    }

    /// The cost of replies that were sent since the last call.
    pub(crate) fn take_freed(&mut self) -> u64 {
        std::mem::take(&mut self.freed)
    }
}

#[cfg(test)]
mod tests;
