//! Bytes that were received and not yet understood.

use engine_device::PageBuf;

use crate::limits::READ_AHEAD_BYTES;

/// A buffer that is filled at its end and read from its start.
#[derive(Debug)]
pub(crate) struct ReadAhead {
    buf: PageBuf,
    start: usize,
    end: usize,
}

impl ReadAhead {
    pub(crate) fn new() -> Self {
        Self {
            buf: PageBuf::recycled(READ_AHEAD_BYTES),
            start: 0,
            end: 0,
        }
    }

    /// What is there.
    pub(crate) fn unread(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    /// Forgets the first `bytes`.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        assert!(
            self.start <= self.end,
            "no more is understood than was received"
        );
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Copies and forgets as much as `target` takes; returns how much that was.
    pub(crate) fn copy_to(&mut self, target: &mut [u8]) -> usize {
        let bytes = target.len().min(self.end - self.start);
        if let (Some(target), Some(source)) = (target.get_mut(..bytes), self.unread().get(..bytes))
        {
            target.copy_from_slice(source);
        }
        self.consume(bytes);
        bytes
    }

    /// Where to receive at most `bytes` more. What is there is moved to the front if the room
    /// behind it is short.
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.buf.len() - self.end < bytes && self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let end = self.buf.len().min(self.end.saturating_add(bytes));
        self.buf.get_mut(self.end..end).unwrap_or_default()
    }

    /// Notes that `bytes` were received into [`ReadAhead::room`].
    pub(crate) fn received(&mut self, bytes: usize) {
        self.end += bytes;
        assert!(
            self.end <= self.buf.len(),
            "no more is received than there is room"
        );
    }
}

#[cfg(test)]
mod tests;
