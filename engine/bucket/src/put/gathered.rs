//! Bytes on their way into extents.

use engine_base::limits::{BLOCK, WRITE_BYTES_MAX};
use engine_base::{align_up, to_usize};
use engine_device::PageBuf;

/// What an upload has not staged yet, up to what one batch takes: copied once, to where the
/// journal writes it from.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Longer than what has gathered; `None`: nothing has.
    buf: Option<PageBuf>,
    bytes: usize,
}

impl Gathered {
    /// Bytes so far.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What has gathered.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buf.as_ref().map_or(&[], |buf| &buf[..self.bytes])
    }

    /// Bytes that may still be added.
    pub(crate) const fn room(&self) -> usize {
        WRITE_BYTES_MAX - self.bytes
    }

    /// Adds bytes for which there is room. Memory is taken for `expected` bytes that are still to
    /// come, these among them, or for more where more came: then what was there is moved.
    pub(crate) fn add(&mut self, data: &[u8], expected: u64) {
        assert!(data.len() <= self.room(), "a batch takes no more");
        let end = self.bytes + data.len();
        let buf = match self.buf.take() {
            Some(buf) if buf.len() >= end => buf,
            old => {
                let wanted = usize::try_from(expected).unwrap_or(WRITE_BYTES_MAX);
                // Doubling bounds what is moved by what came.
                let wanted = (self.bytes + wanted).max(2 * self.bytes);
                let mut buf = PageBuf::recycled(in_blocks(wanted.min(WRITE_BYTES_MAX).max(end)));
                if let Some(old) = old {
                    buf[..self.bytes].copy_from_slice(&old[..self.bytes]);
                }
                buf
            }
        };
        let buf = self.buf.insert(buf);
        buf[self.bytes..end].copy_from_slice(data);
        self.bytes = end;
    }

    /// All of it in whole blocks, with zeroes behind.
    pub(crate) fn into_blocks(self) -> PageBuf {
        let Some(mut buf) = self.buf else {
            return PageBuf::zeroed(0);
        };
        let end = in_blocks(self.bytes);
        buf[self.bytes..end].fill(0);
        buf.truncate(end);
        buf
    }
}

fn in_blocks(bytes: usize) -> usize {
    to_usize(align_up(bytes as u64, BLOCK))
}

#[cfg(test)]
mod tests;
