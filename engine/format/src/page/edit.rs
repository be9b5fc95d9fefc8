//! Changing a page in place.
//!
//! Entries grow down from the end of the page, slots up from the fences. What a change leaves
//! behind in the heap is garbage until the next compaction, which happens when an entry does not
//! fit otherwise.

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};

use super::{ENTRY_HEADER_BYTES, PAGE_ENTRY_BYTES, PAGE_SPACE_BYTES, Page, SLOT_BYTES, read_u16};

/// The entry does not fit, even without the garbage: split the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the page has no room for the entry: split it")]
pub struct PageFull;

impl Page {
    /// Inserts an entry before entry `index`, which [`Page::search`] gave for `key`.
    ///
    /// # Errors
    /// [`PageFull`]; the page is unchanged.
    ///
    /// # Panics
    /// If key or value are longer than the limits (programmer error).
    pub fn insert(&mut self, index: usize, key: &[u8], value: &[u8]) -> Result<(), PageFull> {
        assert!(key.len() <= KEY_BYTES_MAX, "key of {} bytes", key.len());
        assert!(
            value.len() <= VALUE_BYTES_MAX,
            "value of {} bytes",
            value.len()
        );
        debug_assert!(key.starts_with(self.prefix()), "key inside the fences");
        debug_assert!(key >= self.low(), "key inside the fences");
        debug_assert!(
            self.high().is_empty() || key < self.high(),
            "key inside the fences"
        );
        self.insert_suffix(index, &key[self.prefix_bytes()..], value)
    }

    fn insert_suffix(&mut self, index: usize, suffix: &[u8], value: &[u8]) -> Result<(), PageFull> {
        let count = self.count();
        assert!(index <= count, "insert at {index} of {count}");
        self.make_room(PAGE_ENTRY_BYTES + suffix.len() + value.len())?;
        let (from, to) = (self.slots_at() + SLOT_BYTES * index, self.slots_end());
        self.bytes_mut().copy_within(from..to, from + SLOT_BYTES);
        let at = self.push_entry(suffix, value);
        self.set_slot(index, at);
        self.raw.count = to_u16(count + 1).into();
        Ok(())
    }

    /// Appends an entry behind all others: for building pages in key order.
    ///
    /// # Errors
    /// As [`Page::insert`].
    ///
    /// # Panics
    /// As [`Page::insert`].
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), PageFull> {
        self.insert(self.count(), key, value)
    }

    /// Gives entry `index` another value.
    ///
    /// # Errors
    /// [`PageFull`]; the page is unchanged.
    ///
    /// # Panics
    /// If there is no such entry or the value is longer than the limit (programmer error).
    pub fn replace(&mut self, index: usize, value: &[u8]) -> Result<(), PageFull> {
        assert!(index < self.count(), "entry {index} of {}", self.count());
        assert!(
            value.len() <= VALUE_BYTES_MAX,
            "value of {} bytes",
            value.len()
        );
        let old = self.value_range(index);
        if value.len() <= old.len() {
            let at = self.entry_at(index);
            self.write_u16(at + 2, to_u16(value.len()));
            self.bytes_mut()[old.start..old.start + value.len()].copy_from_slice(value);
            self.add_garbage(old.len() - value.len());
            return Ok(());
        }
        if self.used_bytes() + value.len() - old.len() > PAGE_SPACE_BYTES {
            return Err(PageFull);
        }
        let mut suffix = [0; KEY_BYTES_MAX];
        let suffix = &mut suffix[..self.suffix(index).len()];
        suffix.copy_from_slice(self.suffix(index));
        self.remove(index);
        self.insert_suffix(index, suffix, value)
            .expect("the size was checked above");
        Ok(())
    }

    /// Removes entry `index`.
    ///
    /// # Panics
    /// If there is no such entry (programmer error).
    pub fn remove(&mut self, index: usize) {
        let count = self.count();
        assert!(index < count, "entry {index} of {count}");
        let bytes = self.value_range(index).end - self.entry_at(index);
        let (to, end) = (self.slots_at() + SLOT_BYTES * index, self.slots_end());
        self.bytes_mut().copy_within(to + SLOT_BYTES..end, to);
        self.raw.count = to_u16(count - 1).into();
        self.add_garbage(bytes);
    }

    fn make_room(&mut self, needed: usize) -> Result<(), PageFull> {
        if self.heap_at() - self.slots_end() >= needed {
            return Ok(());
        }
        if self.used_bytes() + needed > PAGE_SPACE_BYTES {
            return Err(PageFull);
        }
        self.compact();
        Ok(())
    }

    /// Moves all entries together at the end of the page. The space between slots and entries is
    /// zeroed, so that what was deleted does not stay on the device for ever.
    fn compact(&mut self) {
        let old = *self.bytes();
        let mut at = PAGE_BYTES;
        for index in 0..self.count() {
            let from = self.entry_at(index);
            let bytes = ENTRY_HEADER_BYTES + read_u16(&old, from) + read_u16(&old, from + 2);
            at -= bytes;
            self.bytes_mut()[at..at + bytes].copy_from_slice(&old[from..from + bytes]);
            self.set_slot(index, at);
        }
        let end = self.slots_end();
        self.bytes_mut()[end..at].fill(0);
        self.raw.heap_offset = to_u16(at).into();
        self.raw.garbage_bytes = 0.into();
    }

    fn push_entry(&mut self, suffix: &[u8], value: &[u8]) -> usize {
        let at = self.heap_at() - ENTRY_HEADER_BYTES - suffix.len() - value.len();
        let value_at = at + ENTRY_HEADER_BYTES + suffix.len();
        self.write_u16(at, to_u16(suffix.len()));
        self.write_u16(at + 2, to_u16(value.len()));
        self.bytes_mut()[at + ENTRY_HEADER_BYTES..value_at].copy_from_slice(suffix);
        self.bytes_mut()[value_at..value_at + value.len()].copy_from_slice(value);
        self.raw.heap_offset = to_u16(at).into();
        at
    }

    fn set_slot(&mut self, index: usize, at: usize) {
        let slot = self.slots_at() + SLOT_BYTES * index;
        self.write_u16(slot, to_u16(at));
    }

    fn write_u16(&mut self, at: usize, value: u16) {
        self.bytes_mut()[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn add_garbage(&mut self, bytes: usize) {
        let garbage = self.raw.garbage_bytes.get() + to_u16(bytes);
        self.raw.garbage_bytes = garbage.into();
    }
}

/// # Panics
/// Never for offsets and lengths inside a page.
#[inline]
pub(super) fn to_u16(value: usize) -> u16 {
    u16::try_from(value).expect("no larger than a page")
}

const _: () = assert!(PAGE_BYTES <= 1 << 15);
