//! Checking a page that comes from a device. Nothing here may panic, whatever the bytes are.

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};
use engine_base::{DatasetId, to_u32};
use zerocopy::FromBytes;

use super::{
    Buffer, ENTRY_HEADER_BYTES, HEADER_BYTES, INNER, LEAF, MAGIC, Page, RawPage, SLOT_BYTES,
    shared_prefix,
};
use crate::page_pointer::PagePointer;
use crate::{FormatError, check};

const NAME: &str = "page";

impl Page {
    /// Checks `bytes` against the pointer that led to them and copies them into a page: checksum,
    /// tree, fences, and that every entry is whole, in its place and in order. `pointer.delta` is
    /// not looked at, except that inner pages have none.
    ///
    /// # Errors
    /// [`FormatError`]: these are not the bytes that were written there. Try the copy.
    pub fn verify(
        bytes: &[u8],
        pointer: &PagePointer,
        tree: DatasetId,
    ) -> Result<Self, FormatError> {
        let raw = verified(bytes, pointer, tree)?;
        let raw = Buffer::copy_of(raw);
        Ok(Self { raw })
    }
}

/// As [`Page::verify`], for callers that do not want to keep the page.
///
/// # Errors
/// As [`Page::verify`].
pub fn verify_page(
    bytes: &[u8],
    pointer: &PagePointer,
    tree: DatasetId,
) -> Result<(), FormatError> {
    verified(bytes, pointer, tree).map(|_| ())
}

fn verified<'a>(
    bytes: &'a [u8],
    pointer: &PagePointer,
    tree: DatasetId,
) -> Result<&'a RawPage, FormatError> {
    let Ok(raw) = RawPage::ref_from_bytes(bytes) else {
        let (needed, available) = (PAGE_BYTES, bytes.len());
        return Err(FormatError::Truncated {
            structure: NAME,
            needed,
            available,
        });
    };
    check::checksum(pointer.checksum.get(), crc32c::crc32c(bytes), NAME)?;
    check::magic(&raw.magic, &MAGIC, NAME)?;
    check::number(raw.tree.get(), tree.get(), NAME, "tree")?;
    let (kind, level) = (raw.kind, raw.level);
    check::field(
        kind == LEAF || kind == INNER,
        NAME,
        "kind",
        kind,
        "the kinds are 1 and 2",
    )?;
    let why = "leaves, and only they, are at level 0";
    check::field((kind == LEAF) == (level == 0), NAME, "level", level, why)?;
    let why = "inner pages have no delta";
    check::field(
        kind == LEAF || pointer.delta.is_none(),
        NAME,
        "kind",
        kind,
        why,
    )?;
    check::zero(&raw.reserved, NAME, "reserved")?;
    let checked = Checked::fences(bytes, raw)?;
    checked.heap()?;
    checked.entries()?;
    Ok(raw)
}

/// A page on the way through its checks. Later checks rely on earlier ones.
struct Checked<'a> {
    bytes: &'a [u8],
    raw: &'a RawPage,
    low: &'a [u8],
    high: &'a [u8],
    prefix: &'a [u8],
    slots: &'a [u8],
    slots_end: usize,
}

/// An entry whose bytes lie inside the page.
#[derive(Clone, Copy)]
struct Entry<'a> {
    suffix: &'a [u8],
    value: &'a [u8],
    from: usize,
    to: usize,
}

impl<'a> Checked<'a> {
    fn fences(bytes: &'a [u8], raw: &'a RawPage) -> Result<Self, FormatError> {
        let (low_bytes, high_bytes) = (raw.low_bytes.get(), raw.high_bytes.get());
        let (low_len, high_len) = (usize::from(low_bytes), usize::from(high_bytes));
        let why = "keys are not so long";
        check::field(low_len <= KEY_BYTES_MAX, NAME, "low_bytes", low_bytes, why)?;
        check::field(
            high_len <= KEY_BYTES_MAX,
            NAME,
            "high_bytes",
            high_bytes,
            why,
        )?;
        let low = part(bytes, HEADER_BYTES, low_len, "low_bytes")?;
        let high = part(bytes, HEADER_BYTES + low_len, high_len, "high_bytes")?;
        let why = "high must be above low";
        check::field(
            high.is_empty() || low < high,
            NAME,
            "high",
            first(high),
            why,
        )?;
        let prefix = shared_prefix(low, high);
        let prefix_bytes = raw.prefix_bytes.get();
        let why = "it must be the length of what low and high begin with";
        let valid = usize::from(prefix_bytes) == prefix.len();
        check::field(valid, NAME, "prefix_bytes", prefix_bytes, why)?;
        let slots_at = HEADER_BYTES + low_len + high_len;
        let slot_bytes = SLOT_BYTES * usize::from(raw.count.get());
        let slots = part(bytes, slots_at, slot_bytes, "count")?;
        let slots_end = slots_at + slot_bytes;
        Ok(Self {
            bytes,
            raw,
            low,
            high,
            prefix,
            slots,
            slots_end,
        })
    }

    /// The heap lies behind the slots, and its entries and garbage fill it exactly, without
    /// overlap.
    fn heap(&self) -> Result<(), FormatError> {
        let heap_offset = self.raw.heap_offset.get();
        let heap_at = usize::from(heap_offset);
        let valid = (self.slots_end..=PAGE_BYTES).contains(&heap_at);
        let why = "the entries must lie between the slots and the end of the page";
        check::field(valid, NAME, "heap_offset", heap_offset, why)?;
        let mut places = Vec::with_capacity(usize::from(self.raw.count.get()));
        for entry in self.all() {
            let entry = entry?;
            places.push((entry.from, entry.to));
        }
        places.sort_unstable();
        let (mut end, mut used) = (heap_at, 0);
        for (from, to) in places {
            let why = "entries must not overlap";
            check::field(from >= end, NAME, "slots", to_u32(from), why)?;
            used += to - from;
            end = to;
        }
        let garbage = self.raw.garbage_bytes.get();
        let valid = heap_at + used + usize::from(garbage) == PAGE_BYTES;
        let why = "entries and garbage must fill the heap exactly";
        check::field(valid, NAME, "garbage_bytes", garbage, why)
    }

    /// Keys ascend inside the fences; values are possible for the kind of page.
    fn entries(&self) -> Result<(), FormatError> {
        let mut before: Option<&[u8]> = None;
        for entry in self.all() {
            let Entry {
                suffix,
                value,
                from,
                ..
            } = entry?;
            let at = to_u32(from);
            let why = "keys are not so long";
            let valid = self.prefix.len() + suffix.len() <= KEY_BYTES_MAX;
            check::field(valid, NAME, "key suffix length", at, why)?;
            let why = "values are not so long";
            check::field(
                value.len() <= VALUE_BYTES_MAX,
                NAME,
                "value length",
                at,
                why,
            )?;
            check::field(
                before < Some(suffix),
                NAME,
                "slots",
                at,
                "the keys must ascend",
            )?;
            let why = "the key is outside the fences";
            check::field(self.holds(suffix), NAME, "key suffix", at, why)?;
            before = Some(suffix);
            if self.raw.kind == INNER {
                PagePointer::decode(value)?;
            }
        }
        if self.raw.kind == INNER {
            let low = self.low.get(self.prefix.len()..);
            let first = self
                .all()
                .next()
                .and_then(Result::ok)
                .map(|entry| entry.suffix);
            let why = "the first child of an inner page begins at its low fence";
            check::field(first.is_some() && first == low, NAME, "entries", 0u32, why)?;
        }
        Ok(())
    }

    fn holds(&self, suffix: &[u8]) -> bool {
        let above = self
            .low
            .get(self.prefix.len()..)
            .is_some_and(|low| low <= suffix);
        let below = self
            .high
            .get(self.prefix.len()..)
            .is_some_and(|high| suffix < high);
        above && (below || self.high.is_empty())
    }

    fn all(&self) -> impl Iterator<Item = Result<Entry<'a>, FormatError>> {
        self.slots
            .chunks_exact(SLOT_BYTES)
            .map(|slot| self.entry(read(slot, 0)))
    }

    fn entry(&self, from: usize) -> Result<Entry<'a>, FormatError> {
        let header = part(self.bytes, from, ENTRY_HEADER_BYTES, "slots")?;
        let (suffix_bytes, value_bytes) = (read(header, 0), read(header, 2));
        let suffix_at = from + ENTRY_HEADER_BYTES;
        let value_at = suffix_at + suffix_bytes;
        let suffix = part(self.bytes, suffix_at, suffix_bytes, "key suffix length")?;
        let value = part(self.bytes, value_at, value_bytes, "value length")?;
        Ok(Entry {
            suffix,
            value,
            from,
            to: value_at + value_bytes,
        })
    }
}

fn part<'a>(
    bytes: &'a [u8],
    from: usize,
    length: usize,
    name: &'static str,
) -> Result<&'a [u8], FormatError> {
    bytes.get(from..from + length).ok_or(FormatError::Field {
        structure: NAME,
        name,
        value: to_u32(from + length).into(),
        why: "it leads past the end of the page",
    })
}

fn read(bytes: &[u8], at: usize) -> usize {
    let read = bytes.get(at..).and_then(<[u8]>::first_chunk);
    read.map_or(0, |read| usize::from(u16::from_le_bytes(*read)))
}

fn first(bytes: &[u8]) -> u8 {
    bytes.first().copied().unwrap_or_default()
}
