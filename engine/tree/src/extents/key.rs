//! Keys of extents.

use std::fmt;
use std::ops::Deref;

use engine_base::limits::{EXTENT_BYTES_MAX, KEY_BYTES_MAX};

use super::ExtentError;

const OFFSET_BYTES: usize = size_of::<u64>();
/// Longer keys are kept on the heap: only those of objects with very long prefixes.
const INLINE_BYTES: usize = 64;

/// The key of an extent: the object's prefix and an offset.
#[derive(Clone)]
pub struct ExtentKey {
    inline: [u8; INLINE_BYTES],
    heap: Vec<u8>,
    len: usize,
}

impl ExtentKey {
    /// The key of byte `offset` of the object whose keys start with `prefix`.
    ///
    /// # Panics
    /// If the key is too long for a tree (programmer error).
    #[must_use]
    pub fn new(prefix: &[u8], offset: u64) -> Self {
        let len = prefix.len() + OFFSET_BYTES;
        assert!(len <= KEY_BYTES_MAX, "keys of extents fit a tree");
        let mut key = Self {
            inline: [0; INLINE_BYTES],
            heap: Vec::new(),
            len,
        };
        if len > INLINE_BYTES {
            key.heap.resize(len, 0);
        }
        key.bytes_mut()[..prefix.len()].copy_from_slice(prefix);
        key.set_offset(offset);
        key
    }

    /// Makes it the key of byte `offset` of the same object.
    pub fn set_offset(&mut self, offset: u64) {
        let at = self.len - OFFSET_BYTES;
        self.bytes_mut()[at..].copy_from_slice(&offset.to_be_bytes());
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        if self.heap.is_empty() {
            &mut self.inline[..self.len]
        } else {
            &mut self.heap
        }
    }
}

impl Deref for ExtentKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.heap.is_empty() {
            &self.inline[..self.len]
        } else {
            &self.heap
        }
    }
}

impl fmt::Debug for ExtentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtentKey({:02x?})", &**self)
    }
}

/// The lowest and the highest key that an operation of this module on `bytes` bytes of an object
/// from `offset` on may read, put or delete: with the leaves of these keys in memory it cannot fail
/// for want of a page.
///
/// The lowest is that of the first byte from which an extent can reach into the range. The highest
/// is that of the byte behind the range, because what is left there of a cut extent gets that key.
#[must_use]
pub fn extent_key_span(prefix: &[u8], offset: u64, bytes: u64) -> (ExtentKey, ExtentKey) {
    let high = ExtentKey::new(prefix, offset.saturating_add(bytes));
    (ExtentKey::new(prefix, lowest_start(offset)), high)
}

/// The lowest offset at which an extent that covers byte `offset` can start.
pub(super) fn lowest_start(offset: u64) -> u64 {
    offset.saturating_sub(EXTENT_BYTES_MAX - 1)
}

/// The offset in the key of an entry of the object with this prefix, `None` for a key of something
/// else.
pub(super) fn offset_of<E>(prefix: &[u8], key: &[u8]) -> Result<Option<u64>, ExtentError<E>> {
    let Some(offset) = key.strip_prefix(prefix) else {
        return Ok(None);
    };
    match <[u8; OFFSET_BYTES]>::try_from(offset) {
        Ok(offset) => Ok(Some(u64::from_be_bytes(offset))),
        Err(_) => Err(ExtentError::Key {
            key_bytes: key.len(),
            expected_bytes: prefix.len() + OFFSET_BYTES,
        }),
    }
}
