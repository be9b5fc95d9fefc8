//! The moving part of a directory, and the change that is merged into it.

use std::mem::offset_of;

use zerocopy::little_endian::{I32, I64, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::{FormatError, check};

const NAME: &str = "directory state";
const TOUCH: &str = "directory touch";
const VERSION: u8 = 1;
const MODIFIED: u8 = 1;
const CHANGED: u8 = 2;

/// Times and counts of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectoryState {
    /// Last change of its entries, in nanoseconds since 1970 UTC.
    pub modified: i64,
    /// Last change of it at all.
    pub changed: i64,
    /// Entries.
    pub entries: u64,
    /// Entries that are directories.
    pub directories: u64,
    /// Entries that are objects, or directories with a name that an object key can hold.
    pub keys: u64,
}

/// A change of a directory's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touch {
    /// The new time of the last change of its entries; `None`: it stays.
    pub modified: Option<i64>,
    /// The new time of the last change; `None`: it stays.
    pub changed: Option<i64>,
    /// Added to the entries.
    pub entries: i32,
    /// Added to the directories.
    pub directories: i32,
    /// Added to the keys.
    pub keys: i32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawState {
    version: u8,
    reserved: [u8; 7],
    modified: I64,
    changed: I64,
    entries: U64,
    directories: U64,
    keys: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawTouch {
    flags: u8,
    reserved: [u8; 3],
    modified: I64,
    changed: I64,
    entries: I32,
    directories: I32,
    keys: I32,
}

/// Bytes of an encoded [`Touch`].
pub const TOUCH_BYTES: usize = size_of::<RawTouch>();

const _: () = assert!(size_of::<RawState>() == 48);
const _: () = assert!(offset_of!(RawState, entries) == 24);
const _: () = assert!(TOUCH_BYTES == 32);
const _: () = assert!(offset_of!(RawTouch, entries) == 20);

impl DirectoryState {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; 48] {
        let raw = RawState {
            version: VERSION,
            reserved: [0; 7],
            modified: I64::new(self.modified),
            changed: I64::new(self.changed),
            entries: U64::new(self.entries),
            directories: U64::new(self.directories),
            keys: U64::new(self.keys),
        };
        zerocopy::transmute!(raw)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw = RawState::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
            structure: NAME,
            needed: size_of::<RawState>(),
            available: value.len(),
        })?;
        check::field(
            raw.version == VERSION,
            NAME,
            "version",
            raw.version,
            "it is 1",
        )?;
        check::zero(&raw.reserved, NAME, "reserved")?;
        Ok(Self {
            modified: raw.modified.get(),
            changed: raw.changed.get(),
            entries: raw.entries.get(),
            directories: raw.directories.get(),
            keys: raw.keys.get(),
        })
    }

    /// The state after `touch`. Counts stop at zero.
    #[must_use]
    pub const fn merged(&self, touch: &Touch) -> Self {
        const fn add(count: u64, delta: i32) -> u64 {
            let size = delta.unsigned_abs() as u64;
            if delta < 0 {
                count.saturating_sub(size)
            } else {
                count.saturating_add(size)
            }
        }
        Self {
            modified: match touch.modified {
                Some(time) => time,
                None => self.modified,
            },
            changed: match touch.changed {
                Some(time) => time,
                None => self.changed,
            },
            entries: add(self.entries, touch.entries),
            directories: add(self.directories, touch.directories),
            keys: add(self.keys, touch.keys),
        }
    }
}

impl Touch {
    /// The payload of a mutation.
    #[must_use]
    pub fn encode(&self) -> [u8; TOUCH_BYTES] {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let raw = RawTouch {
            flags: flag(self.modified.is_some(), MODIFIED) | flag(self.changed.is_some(), CHANGED),
            reserved: [0; 3],
            modified: I64::new(self.modified.unwrap_or(0)),
            changed: I64::new(self.changed.unwrap_or(0)),
            entries: I32::new(self.entries),
            directories: I32::new(self.directories),
            keys: I32::new(self.keys),
        };
        zerocopy::transmute!(raw)
    }

    /// Checks a payload.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let raw = RawTouch::ref_from_bytes(payload).map_err(|_| FormatError::Truncated {
            structure: TOUCH,
            needed: TOUCH_BYTES,
            available: payload.len(),
        })?;
        let known = raw.flags & !(MODIFIED | CHANGED) == 0;
        check::field(known, TOUCH, "flags", raw.flags, "the flags are 1 and 2")?;
        check::zero(&raw.reserved, TOUCH, "reserved")?;
        Ok(Self {
            modified: time(raw.flags & MODIFIED != 0, raw.modified, "modified")?,
            changed: time(raw.flags & CHANGED != 0, raw.changed, "changed")?,
            entries: raw.entries.get(),
            directories: raw.directories.get(),
            keys: raw.keys.get(),
        })
    }
}

fn time(present: bool, value: I64, name: &'static str) -> Result<Option<i64>, FormatError> {
    let time = value.get();
    let valid = present || time == 0;
    let why = "a time that is not set is zero";
    check::field(valid, TOUCH, name, time.unsigned_abs(), why)?;
    Ok(present.then_some(time))
}
