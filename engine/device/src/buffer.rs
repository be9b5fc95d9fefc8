//! Page-aligned buffers from one process-wide pool.
//!
//! Why aligned: `rep movsb` on common server CPUs is 14 times slower when the destination lies a
//! few bytes behind the source's offset in its page, which is where a malloc'd vector begins.
//! Buffers that all begin at a page boundary never meet that case, and they are what `O_DIRECT`
//! asks for too.
//!
//! * Memory comes zeroed from the allocator, so a buffer never shows uninitialised bytes.
//! * Freed buffers wait in one list per size class; each list, and so the pool, is bounded in
//!   bytes.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use parking_lot::Mutex;

/// Alignment of every buffer, and the size of the smallest.
const ALIGN: usize = 4096;

/// One free list.
struct Class {
    /// Bytes of each buffer in it.
    bytes: usize,
    /// How many buffers it keeps at most.
    keep: usize,
    free: Mutex<Vec<Block>>,
}

/// Memory of `Class::bytes` bytes that nobody uses now.
struct Block(NonNull<u8>);

#[expect(unsafe_code, reason = "a raw pointer does not say that it is owned")]
// SAFETY: a `Block` is the only owner of its memory, which any thread may use and free.
unsafe impl Send for Block {}

const fn class(bytes: usize, keep_bytes: usize) -> Class {
    Class {
        bytes,
        keep: keep_bytes / bytes,
        free: Mutex::new(Vec::new()),
    }
}

/// 26 MiB are retained at most; the steady state of a busy server stays far below.
static CLASSES: [Class; 7] = [
    class(4 << 10, 4 << 20),
    class(16 << 10, 2 << 20),
    class(64 << 10, 2 << 20),
    class(256 << 10, 2 << 20),
    class(1 << 20, 4 << 20),
    class(4 << 20, 4 << 20),
    class(8 << 20, 8 << 20),
];

/// An owned buffer that begins at a multiple of 4,096 bytes.
///
/// Dropping it gives the memory back to the pool. A buffer never grows.
pub struct PageBuf {
    start: NonNull<u8>,
    /// Bytes allocated: a class size, or for larger ones a multiple of [`ALIGN`].
    capacity: usize,
    /// Bytes visible; at most `capacity`.
    len: usize,
}

#[expect(unsafe_code, reason = "a raw pointer does not say that it is owned")]
// SAFETY: a `PageBuf` is the only owner of its memory; moving it moves the ownership.
unsafe impl Send for PageBuf {}
#[expect(unsafe_code, reason = "a raw pointer does not say that it is owned")]
// SAFETY: through a shared reference the memory can only be read.
unsafe impl Sync for PageBuf {}

impl PageBuf {
    /// A buffer of `len` zero bytes.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        let (mut buf, reused) = Self::take(len);
        if reused {
            buf.fill(0);
        }
        buf
    }

    /// A buffer of `len` bytes that the caller will overwrite: what is in it is unspecified (old
    /// contents of other buffers), but initialised.
    #[must_use]
    pub fn recycled(len: usize) -> Self {
        Self::take(len).0
    }

    /// A buffer with these bytes.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buf = Self::recycled(bytes.len());
        buf.copy_from_slice(bytes);
        buf
    }

    /// Visible bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no byte is visible.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory behind the buffer: what it costs a memory budget.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Shortens the buffer to its first `len` bytes; nothing happens if it is not longer.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The second value says whether the memory was used before; else it is all zero.
    fn take(len: usize) -> (Self, bool) {
        let Some(class) = CLASSES.iter().find(|class| class.bytes >= len) else {
            let capacity = len.next_multiple_of(ALIGN);
            return (
                Self {
                    start: allocate(capacity),
                    capacity,
                    len,
                },
                false,
            );
        };
        let block = class.free.lock().pop();
        let reused = block.is_some();
        let start = block.map_or_else(|| allocate(class.bytes), |block| block.0);
        (
            Self {
                start,
                capacity: class.bytes,
                len,
            },
            reused,
        )
    }
}

impl Drop for PageBuf {
    fn drop(&mut self) {
        let class = CLASSES.iter().find(|class| class.bytes == self.capacity);
        if let Some(class) = class {
            let mut free = class.free.lock();
            if free.len() < class.keep {
                free.push(Block(self.start));
                return;
            }
        }
        release(self.start, self.capacity);
    }
}

impl Deref for PageBuf {
    type Target = [u8];

    #[expect(unsafe_code, reason = "the pool hands out raw memory")]
    fn deref(&self) -> &[u8] {
        // SAFETY: `start` owns `capacity >= len` bytes, initialised by `alloc_zeroed`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for PageBuf {
    #[expect(unsafe_code, reason = "the pool hands out raw memory")]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the exclusive borrow of `self` makes it the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl AsRef<[u8]> for PageBuf {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for PageBuf {
    /// Sizes only: contents belong to users.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageBuf")
            .field("len", &self.len)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// The layout of every allocation of this file.
fn layout(capacity: usize) -> Layout {
    Layout::from_size_align(capacity, ALIGN).expect("no buffer comes near the size of memory")
}

#[expect(unsafe_code, reason = "only the allocator gives aligned zeroed memory")]
fn allocate(capacity: usize) -> NonNull<u8> {
    assert!(capacity > 0, "the smallest class is not empty");
    let layout = layout(capacity);
    // SAFETY: the size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout))
}

#[expect(unsafe_code, reason = "the counterpart of `allocate`")]
fn release(start: NonNull<u8>, capacity: usize) {
    // SAFETY: callers give up memory that `allocate(capacity)` returned and that nothing refers to.
    unsafe { dealloc(start.as_ptr(), layout(capacity)) }
}

#[cfg(test)]
mod tests;
