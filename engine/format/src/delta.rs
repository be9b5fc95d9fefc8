//! Delta: the changes of one leaf since its base page, complete in themselves. FORMAT.md "Delta".
//!
//! A delta is replaced by the next one, never chained, so a leaf is at most two reads away. Whether
//! a leaf is written as a delta or as a page is decided by the tree, not here.

#[cfg(test)]
mod tests;

use std::mem::offset_of;

use engine_base::limits::{KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX};
use engine_base::{Checksum, DatasetId, to_u32, to_usize};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::page_pointer::PagePointer;
use crate::{FormatError, check};

/// Bytes of a delta without changes: the shortest there is.
pub const DELTA_BYTES_MIN: usize = size_of::<RawDeltaHeader>();
/// Bytes of the longest delta: a quarter of a page, beyond that the page is the better bargain.
pub const DELTA_BYTES_MAX: usize = PAGE_BYTES / 4;
/// Bytes of a change beside its key and value.
pub const DELTA_CHANGE_BYTES: usize = size_of::<RawChange>();

const NAME: &str = "delta";
const MAGIC: [u8; 4] = *b"TDLT";
const PUT: u8 = 1;
const DELETE: u8 = 2;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawDeltaHeader {
    magic: [u8; 4],
    base_crc32c: U32,
    tree: U64,
    bytes: U32,
    count: U32,
}

const _: () = assert!(DELTA_BYTES_MIN == 24);
const _: () = assert!(offset_of!(RawDeltaHeader, bytes) == 16);

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawChange {
    kind: u8,
    reserved: u8,
    key_bytes: U16,
    value_bytes: U16,
}

const _: () = assert!(DELTA_CHANGE_BYTES == 6);

/// One change of a delta: the key now has this value, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeltaChange<'a> {
    /// The whole key.
    pub key: &'a [u8],
    /// Its value, `None` if it was deleted.
    pub value: Option<&'a [u8]>,
}

/// A delta whose every byte was checked by [`DeltaRef::verify`].
#[derive(Debug, Clone, Copy)]
pub struct DeltaRef<'a> {
    changes: &'a [u8],
    count: u32,
}

impl<'a> DeltaRef<'a> {
    /// Checks `bytes` against the pointer that led to them: checksum, base page, tree, and that
    /// every change is possible and in its place.
    ///
    /// # Errors
    /// [`FormatError`]; also if `pointer` has no delta.
    pub fn verify(
        bytes: &'a [u8],
        pointer: &PagePointer,
        tree: DatasetId,
    ) -> Result<Self, FormatError> {
        let delta = pointer.delta.ok_or(FormatError::Field {
            structure: "page pointer",
            name: "delta_bytes",
            value: 0,
            why: "the page has no delta",
        })?;
        let expected = to_usize(delta.bytes.into());
        let truncated = |needed| {
            let available = bytes.len();
            FormatError::Truncated {
                structure: NAME,
                needed,
                available,
            }
        };
        if bytes.len() < expected {
            return Err(truncated(expected));
        }
        let why = "there are more bytes than the pointer says";
        check::field(
            bytes.len() == expected,
            NAME,
            "bytes",
            to_u32(expected),
            why,
        )?;
        check::checksum(delta.checksum.get(), crc32c::crc32c(bytes), NAME)?;
        let Ok((raw, changes)) = RawDeltaHeader::ref_from_prefix(bytes) else {
            return Err(truncated(DELTA_BYTES_MIN));
        };
        check::magic(&raw.magic, &MAGIC, NAME)?;
        check::number(raw.tree.get(), tree.get(), NAME, "tree")?;
        let base = pointer.checksum.get().into();
        check::number(raw.base_crc32c.get().into(), base, NAME, "base_crc32c")?;
        let why = "the pointer says otherwise";
        check::field(raw.bytes == delta.bytes, NAME, "bytes", raw.bytes, why)?;
        let verified = Self {
            changes,
            count: raw.count.get(),
        };
        verified.verify_changes()?;
        Ok(verified)
    }

    fn verify_changes(&self) -> Result<(), FormatError> {
        let (mut rest, mut count, mut before) = (self.changes, 0, None);
        while !rest.is_empty() {
            let (change, behind) = parse_change(rest)?;
            let why = "the keys must ascend";
            check::field(before < Some(change.key), NAME, "changes", count, why)?;
            before = Some(change.key);
            rest = behind;
            count += 1;
        }
        check::field(
            count == self.count,
            NAME,
            "count",
            self.count,
            "there are more or fewer",
        )
    }

    /// Number of changes.
    #[must_use]
    pub fn count(&self) -> usize {
        to_usize(self.count.into())
    }

    /// The changes, in key order.
    pub fn changes(&self) -> impl Iterator<Item = DeltaChange<'a>> + use<'a> {
        let mut rest = self.changes;
        std::iter::from_fn(move || {
            // Every change was parsed once by `verify`: an error can only be the end.
            let (change, behind) = parse_change(rest).ok()?;
            rest = behind;
            Some(change)
        })
    }
}

fn parse_change(bytes: &[u8]) -> Result<(DeltaChange<'_>, &[u8]), FormatError> {
    let cut_off = |needed| {
        let available = bytes.len();
        FormatError::Truncated {
            structure: "change of a delta",
            needed,
            available,
        }
    };
    let Ok((raw, rest)) = RawChange::ref_from_prefix(bytes) else {
        return Err(cut_off(DELTA_CHANGE_BYTES));
    };
    check::field(
        raw.reserved == 0,
        NAME,
        "reserved",
        raw.reserved,
        "it must be zero",
    )?;
    let (key_bytes, value_bytes) = (raw.key_bytes.get(), raw.value_bytes.get());
    let (key_len, value_len) = (usize::from(key_bytes), usize::from(value_bytes));
    let why = "keys and values are not so long";
    check::field(key_len <= KEY_BYTES_MAX, NAME, "key length", key_bytes, why)?;
    check::field(
        value_len <= VALUE_BYTES_MAX,
        NAME,
        "value length",
        value_bytes,
        why,
    )?;
    let needed = || cut_off(DELTA_CHANGE_BYTES + key_len + value_len);
    let (key, rest) = rest.split_at_checked(key_len).ok_or_else(needed)?;
    let (value, rest) = rest.split_at_checked(value_len).ok_or_else(needed)?;
    let value = match raw.kind {
        PUT => Some(value),
        DELETE => {
            let why = "a deleted key has no value";
            check::field(value.is_empty(), NAME, "value length", value_bytes, why)?;
            None
        }
        kind => {
            let why = "the kinds are 1 (put) and 2 (delete)";
            check::field(false, NAME, "kind", kind, why)?;
            None
        }
    };
    Ok((DeltaChange { key, value }, rest))
}

/// Writes a delta. One builder can be used for many: [`DeltaBuilder::start`] keeps the allocation.
#[derive(Debug, Default)]
pub struct DeltaBuilder {
    bytes: Vec<u8>,
    count: u32,
    last_key: Option<Vec<u8>>,
}

impl DeltaBuilder {
    /// Begins a delta for the page whose checksum is `base`.
    pub fn start(&mut self, tree: DatasetId, base: Checksum) {
        let header = RawDeltaHeader {
            magic: MAGIC,
            base_crc32c: base.get().into(),
            tree: tree.get().into(),
            bytes: U32::ZERO,
            count: U32::ZERO,
        };
        self.bytes.clear();
        self.bytes.extend_from_slice(header.as_bytes());
        self.count = 0;
        self.last_key = None;
    }

    /// Adds a change. Keys must ascend.
    ///
    /// # Panics
    /// If they do not, or a key or value is longer than the limit (programmer error).
    pub fn push(&mut self, change: DeltaChange<'_>) {
        let DeltaChange { key, value } = change;
        assert!(
            self.last_key.as_deref() < Some(key),
            "the keys of a delta ascend"
        );
        assert!(key.len() <= KEY_BYTES_MAX, "key of {} bytes", key.len());
        let (kind, value) = value.map_or((DELETE, &[][..]), |value| (PUT, value));
        assert!(
            value.len() <= VALUE_BYTES_MAX,
            "value of {} bytes",
            value.len()
        );
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("bounded above");
        let (key_bytes, value_bytes) = (length(key).into(), length(value).into());
        let raw = RawChange {
            kind,
            reserved: 0,
            key_bytes,
            value_bytes,
        };
        self.bytes.extend_from_slice(raw.as_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.count += 1;
        let last_key = self.last_key.get_or_insert_default();
        last_key.clear();
        last_key.extend_from_slice(key);
    }

    /// The bytes of the finished delta, and their checksum.
    ///
    /// # Panics
    /// If [`DeltaBuilder::start`] was not called, or the delta is longer than [`DELTA_BYTES_MAX`]
    /// (programmer error).
    #[must_use]
    pub fn finish(&mut self) -> (&[u8], Checksum) {
        assert!(
            self.bytes.len() <= DELTA_BYTES_MAX,
            "delta of {} bytes",
            self.bytes.len()
        );
        let bytes = to_u32(self.bytes.len());
        let (header, _) = RawDeltaHeader::mut_from_prefix(&mut self.bytes)
            .expect("start() wrote the header of this delta");
        header.bytes = bytes.into();
        header.count = self.count.into();
        (&self.bytes, Checksum::new(crc32c::crc32c(&self.bytes)))
    }
}
