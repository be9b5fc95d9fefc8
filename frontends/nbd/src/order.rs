//! Reading ahead for clients that read in order and wait for each answer: what such a one asks for
//! next is read while it looks at what it was sent.

use crate::limits::{PIECE_BYTES_MAX, READS_IN_ORDER_MIN};
use crate::request::{Operation, Request};

/// The order of one connection's reads, and at most one range that was read ahead.
///
/// The range stays until the next read: at most [`PIECE_BYTES_MAX`] for each connection with a
/// thread of its own.
#[derive(Debug)]
pub(crate) struct Order<A> {
    /// Where the next read begins if it goes on behind the last, and how long that was.
    next: (u64, u64),
    /// Reads that went on behind the one before them.
    in_order: u32,
    ahead: Option<((u64, u64), A)>,
}

impl<A> Order<A> {
    pub(crate) const fn new() -> Self {
        Self {
            next: (0, 0),
            in_order: 0,
            ahead: None,
        }
    }

    /// Notes a request that is about to be carried out; what was read of it before.
    pub(crate) fn started(&mut self, request: &Request) -> Option<A> {
        if !matches!(request.operation, Operation::Read { .. }) {
            return None;
        }
        let (next, bytes) = self.next;
        self.in_order = if request.offset == next && request.bytes == bytes {
            self.in_order.saturating_add(1)
        } else {
            0
        };
        self.next = (request.offset + request.bytes, request.bytes);
        let asked = (request.offset, request.bytes);
        let (range, ahead) = self.ahead.take()?;
        (range == asked).then_some(ahead)
    }

    /// The client asked for more before it was answered: it waits for no answer, so nothing is
    /// gained by reading ahead.
    pub(crate) const fn pipelined(&mut self) {
        self.in_order = 0;
    }

    /// Reads ahead with `read`, if the client reads in order.
    pub(crate) fn look_ahead(&mut self, read: impl FnOnce(u64, u32) -> Option<A>) {
        let (offset, bytes) = self.next;
        let is_one_piece = bytes > 0 && offset % PIECE_BYTES_MAX + bytes <= PIECE_BYTES_MAX;
        if self.in_order < READS_IN_ORDER_MIN || !is_one_piece || self.ahead.is_some() {
            return;
        }
        let piece = engine_base::to_u32(engine_base::to_usize(bytes));
        self.ahead = read(offset, piece).map(|read| (self.next, read));
    }
}

#[cfg(test)]
mod tests;
