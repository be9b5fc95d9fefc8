//! Page: a slotted page of a tree. FORMAT.md "Page".
//!
//! A [`Page`] is always valid: it was built empty ([`Page::new`]) and changed by the methods here,
//! or every byte of it was checked ([`Page::verify`]). So the tree keeps leaves in memory as they
//! lie on the device, and reading or changing an entry neither decodes nor allocates.
//!
//! Entries are named by their index in key order. Their keys are stored without the page's prefix;
//! methods that take a whole key want one inside the page's fences.
#![expect(
    clippy::indexing_slicing,
    reason = "only valid pages are indexed: verify.rs reads by get()"
)]

mod buffer;
mod edit;
#[deny(clippy::indexing_slicing)]
mod verify;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::mem::offset_of;
use std::ops::Range;

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES};
use engine_base::{Checksum, DatasetId};
use zerocopy::little_endian::{U16, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use buffer::Buffer;
pub use edit::PageFull;
pub use verify::verify_page;

/// Bytes of a page that fences, slots and entries share.
pub const PAGE_SPACE_BYTES: usize = PAGE_BYTES - HEADER_BYTES;
/// Bytes of an entry beside its key suffix and value: its slot and its two lengths.
pub const PAGE_ENTRY_BYTES: usize = SLOT_BYTES + ENTRY_HEADER_BYTES;

const HEADER_BYTES: usize = 32;
const SLOT_BYTES: usize = 2;
const ENTRY_HEADER_BYTES: usize = 4;
const MAGIC: [u8; 4] = *b"TPAG";
const LEAF: u8 = 1;
const INNER: u8 = 2;

/// A page exactly as it lies on the device.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone)]
#[repr(C)]
struct RawPage {
    magic: [u8; 4],
    kind: u8,
    level: u8,
    count: U16,
    tree: U64,
    prefix_bytes: U16,
    low_bytes: U16,
    high_bytes: U16,
    heap_offset: U16,
    garbage_bytes: U16,
    reserved: [u8; 6],
    body: [u8; PAGE_SPACE_BYTES],
}

const _: () = assert!(size_of::<RawPage>() == PAGE_BYTES);
const _: () = assert!(offset_of!(RawPage, prefix_bytes) == 16);
const _: () = assert!(offset_of!(RawPage, garbage_bytes) == 24);
const _: () = assert!(offset_of!(RawPage, body) == HEADER_BYTES);

/// A valid page of a tree, held as its 16,384 bytes.
#[derive(Clone)]
pub struct Page {
    raw: Buffer,
}

/// The bytes that all keys in `low <= key < high` begin with; empty `high` means no upper bound.
///
/// Pages store it once, so it is part of every size calculation about a page.
#[must_use]
pub fn shared_prefix<'a>(low: &'a [u8], high: &[u8]) -> &'a [u8] {
    let same = low
        .iter()
        .zip(high)
        .take_while(|(low, high)| low == high)
        .count();
    low.get(..same).unwrap_or_default()
}

impl Page {
    /// An empty page of `tree` for the keys `low <= key < high`; empty `high` means no upper bound.
    /// It is a leaf if `level` is 0.
    ///
    /// # Panics
    /// If the fences are too long or out of order (programmer error).
    #[must_use]
    pub fn new(tree: DatasetId, level: u8, low: &[u8], high: &[u8]) -> Self {
        assert!(high.is_empty() || low < high, "fences ascend");
        assert!(
            low.len() <= KEY_BYTES_MAX,
            "low fence of {} bytes",
            low.len()
        );
        assert!(
            high.len() <= KEY_BYTES_MAX,
            "high fence of {} bytes",
            high.len()
        );
        let mut raw = Buffer::zeroed();
        raw.magic = MAGIC;
        raw.kind = if level == 0 { LEAF } else { INNER };
        raw.level = level;
        raw.tree = tree.get().into();
        raw.prefix_bytes = edit::to_u16(shared_prefix(low, high).len()).into();
        raw.low_bytes = edit::to_u16(low.len()).into();
        raw.high_bytes = edit::to_u16(high.len()).into();
        raw.heap_offset = edit::to_u16(PAGE_BYTES).into();
        let mut page = Self { raw };
        let (low_at, high_at) = (HEADER_BYTES, HEADER_BYTES + low.len());
        page.bytes_mut()[low_at..high_at].copy_from_slice(low);
        page.bytes_mut()[high_at..high_at + high.len()].copy_from_slice(high);
        page
    }

    /// The bytes of the page as they are written to the device.
    #[must_use]
    pub fn bytes(&self) -> &[u8; PAGE_BYTES] {
        zerocopy::transmute_ref!(&*self.raw)
    }

    fn bytes_mut(&mut self) -> &mut [u8; PAGE_BYTES] {
        zerocopy::transmute_mut!(&mut *self.raw)
    }

    /// The checksum that goes into the pointer to this page.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum::new(crc32c::crc32c(self.bytes()))
    }

    /// The tree that the page belongs to.
    #[must_use]
    pub fn tree(&self) -> DatasetId {
        DatasetId::new(self.raw.tree.get())
    }

    /// Levels between this page and the leaves: 0 for a leaf.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.raw.level
    }

    /// Number of entries.
    #[must_use]
    #[inline]
    pub fn count(&self) -> usize {
        usize::from(self.raw.count.get())
    }

    /// No key of the page is lower than this.
    #[must_use]
    pub fn low(&self) -> &[u8] {
        &self.bytes()[HEADER_BYTES..HEADER_BYTES + usize::from(self.raw.low_bytes.get())]
    }

    /// Every key of the page is lower than this; empty: no upper bound.
    #[must_use]
    pub fn high(&self) -> &[u8] {
        let from = HEADER_BYTES + usize::from(self.raw.low_bytes.get());
        &self.bytes()[from..from + usize::from(self.raw.high_bytes.get())]
    }

    /// What every key of the page begins with.
    #[must_use]
    #[inline]
    pub fn prefix(&self) -> &[u8] {
        &self.bytes()[HEADER_BYTES..HEADER_BYTES + self.prefix_bytes()]
    }

    fn prefix_bytes(&self) -> usize {
        usize::from(self.raw.prefix_bytes.get())
    }

    fn slots_at(&self) -> usize {
        let fences = self.raw.low_bytes.get() + self.raw.high_bytes.get();
        HEADER_BYTES + usize::from(fences)
    }

    fn slots_end(&self) -> usize {
        self.slots_at() + SLOT_BYTES * self.count()
    }

    fn heap_at(&self) -> usize {
        usize::from(self.raw.heap_offset.get())
    }

    /// Bytes that fences, slots and entries use, of [`PAGE_SPACE_BYTES`]; garbage is not counted.
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        let heap = PAGE_BYTES - self.heap_at() - usize::from(self.raw.garbage_bytes.get());
        self.slots_end() - HEADER_BYTES + heap
    }

    #[inline]
    fn entry_at(&self, index: usize) -> usize {
        let slot = self.slots_at() + SLOT_BYTES * index;
        read_u16(self.bytes(), slot)
    }

    /// The key suffix of entry `index`: the key is [`Page::prefix`] and this.
    ///
    /// # Panics
    /// If there is no such entry (programmer error).
    #[must_use]
    #[inline]
    pub fn suffix(&self, index: usize) -> &[u8] {
        assert!(index < self.count(), "entry {index} of {}", self.count());
        let at = self.entry_at(index);
        let from = at + ENTRY_HEADER_BYTES;
        &self.bytes()[from..from + read_u16(self.bytes(), at)]
    }

    /// The value of entry `index`.
    ///
    /// # Panics
    /// If there is no such entry (programmer error).
    #[must_use]
    #[inline]
    pub fn value(&self, index: usize) -> &[u8] {
        assert!(index < self.count(), "entry {index} of {}", self.count());
        &self.bytes()[self.value_range(index)]
    }

    #[inline]
    fn value_range(&self, index: usize) -> Range<usize> {
        let at = self.entry_at(index);
        let from = at + ENTRY_HEADER_BYTES + read_u16(self.bytes(), at);
        from..from + read_u16(self.bytes(), at + 2)
    }

    /// Finds `key`, which must be inside the fences: the index of its entry, or where it would be
    /// inserted.
    ///
    /// # Errors
    /// The index of the first entry with a larger key.
    #[inline]
    pub fn search(&self, key: &[u8]) -> Result<usize, usize> {
        self.search_in(0..self.count(), key)
    }

    /// As [`Page::search`], for callers who know that `key` is, or would be inserted, among the
    /// entries of `range` or right behind them.
    ///
    /// # Errors
    /// As [`Page::search`].
    #[inline]
    pub fn search_in(&self, range: Range<usize>, key: &[u8]) -> Result<usize, usize> {
        debug_assert!(key.starts_with(self.prefix()), "key inside the fences");
        let suffix = &key[self.prefix_bytes()..];
        let bytes = self.bytes();
        let slots = &bytes[self.slots_at()..self.slots_end()];
        let Range {
            start: mut low,
            end: mut high,
        } = range;
        while low < high {
            let middle = low.midpoint(high);
            let at = read_u16(slots, SLOT_BYTES * middle);
            let from = at + ENTRY_HEADER_BYTES;
            let found = &bytes[from..from + read_u16(bytes, at)];
            match found.cmp(suffix) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// Appends the whole key of entry `index` to `to`.
    pub fn append_key(&self, index: usize, to: &mut Vec<u8>) {
        to.extend_from_slice(self.prefix());
        to.extend_from_slice(self.suffix(index));
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("tree", &self.tree())
            .field("level", &self.level())
            .field("count", &self.count())
            .field("low", &self.low())
            .field("high", &self.high())
            .field("used_bytes", &self.used_bytes())
            .finish()
    }
}

#[inline]
fn read_u16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}
