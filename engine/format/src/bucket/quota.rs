//! Quotas: what a directory and all below it may take, and what they take.
//!
//! A quota that is set makes its directory a project with a number that nothing had before; inodes
//! carry the number of theirs. Usage is the sum of what the records of a bucket [`counted`] say,
//! always.

use std::mem::offset_of;

use zerocopy::little_endian::{I64, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::entry::EntryRecord;
use super::inode::Inode;
use super::key::{BucketKey, InodeId};
use super::uploads::UploadRecord;
use crate::{FormatError, check};

const QUOTA: &str = "quota";
const USAGE: &str = "usage of a quota";
const CHARGE: &str = "charge";
const VERSION: u8 = 1;

/// How far a quota is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaState {
    /// All that belongs to it is counted.
    Whole,
    /// What is below its directory is taken over from this project, or from none.
    Beginning(Option<InodeId>),
    /// What belongs to it is given to this project, or to none.
    Ending(Option<InodeId>),
}

/// What a directory and all below it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The directory.
    pub directory: InodeId,
    /// Bytes that are stored at most; `None`: any number.
    pub bytes: Option<u64>,
    /// Inodes at most; `None`: any number.
    pub inodes: Option<u64>,
    /// How far it is.
    pub state: QuotaState,
}

/// What a project takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes that are stored of contents and of unfinished uploads.
    pub bytes: u64,
    /// Inodes.
    pub inodes: u64,
}

/// A change of a usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    /// Added to the bytes.
    pub bytes: i64,
    /// Added to the inodes.
    pub inodes: i64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawQuota {
    version: u8,
    state: u8,
    reserved: [u8; 6],
    bytes: U64,
    inodes: U64,
    other: U64,
    directory: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawUsage {
    version: u8,
    reserved: [u8; 7],
    bytes: U64,
    inodes: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawCharge {
    bytes: I64,
    inodes: I64,
}

/// Bytes of an encoded [`Charge`].
pub const CHARGE_BYTES: usize = size_of::<RawCharge>();

const _: () = assert!(size_of::<RawQuota>() == 40);
const _: () = assert!(offset_of!(RawQuota, bytes) == 8);
const _: () = assert!(size_of::<RawUsage>() == 24);
const _: () = assert!(CHARGE_BYTES == 16);

impl Quota {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; 40] {
        let (state, other) = match self.state {
            QuotaState::Whole => (1, None),
            QuotaState::Beginning(other) => (2, other),
            QuotaState::Ending(other) => (3, other),
        };
        let raw = RawQuota {
            version: VERSION,
            state,
            reserved: [0; 6],
            bytes: U64::new(self.bytes.unwrap_or(0)),
            inodes: U64::new(self.inodes.unwrap_or(0)),
            other: U64::new(other.map_or(0, InodeId::get)),
            directory: U64::new(self.directory.get()),
        };
        zerocopy::transmute!(raw)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw = RawQuota::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
            structure: QUOTA,
            needed: size_of::<RawQuota>(),
            available: value.len(),
        })?;
        let is_known = raw.version == VERSION;
        check::field(is_known, QUOTA, "version", raw.version, "it is 1")?;
        check::zero(&raw.reserved, QUOTA, "reserved")?;
        let other = InodeId::new(raw.other.get());
        let state = match (raw.state, other) {
            (1, None) => QuotaState::Whole,
            (2, other) => QuotaState::Beginning(other),
            (3, other) => QuotaState::Ending(other),
            (state, _) => {
                let why = "the states are 1 to 3, and 1 names no other project";
                return Err(FormatError::Field {
                    structure: QUOTA,
                    name: "state",
                    value: state.into(),
                    why,
                });
            }
        };
        let directory = raw.directory.get();
        let directory = InodeId::new(directory).ok_or(FormatError::Field {
            structure: QUOTA,
            name: "directory",
            value: directory,
            why: "there is no inode 0",
        })?;
        let limit = |limit: U64| Some(limit.get()).filter(|limit| *limit > 0);
        Ok(Self {
            directory,
            bytes: limit(raw.bytes),
            inodes: limit(raw.inodes),
            state,
        })
    }
}

impl Usage {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> [u8; 24] {
        let raw = RawUsage {
            version: VERSION,
            reserved: [0; 7],
            bytes: U64::new(self.bytes),
            inodes: U64::new(self.inodes),
        };
        zerocopy::transmute!(raw)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let raw = RawUsage::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
            structure: USAGE,
            needed: size_of::<RawUsage>(),
            available: value.len(),
        })?;
        let is_known = raw.version == VERSION;
        check::field(is_known, USAGE, "version", raw.version, "it is 1")?;
        check::zero(&raw.reserved, USAGE, "reserved")?;
        Ok(Self {
            bytes: raw.bytes.get(),
            inodes: raw.inodes.get(),
        })
    }

    /// The usage after `charge`. It stops at zero.
    #[must_use]
    pub const fn merged(&self, charge: &Charge) -> Self {
        Self {
            bytes: self.bytes.saturating_add_signed(charge.bytes),
            inodes: self.inodes.saturating_add_signed(charge.inodes),
        }
    }
}

impl Charge {
    /// The payload of a mutation.
    #[must_use]
    pub fn encode(&self) -> [u8; CHARGE_BYTES] {
        let raw = RawCharge {
            bytes: I64::new(self.bytes),
            inodes: I64::new(self.inodes),
        };
        zerocopy::transmute!(raw)
    }

    /// Checks a payload.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(payload: &[u8]) -> Result<Self, FormatError> {
        let raw = RawCharge::ref_from_bytes(payload).map_err(|_| FormatError::Truncated {
            structure: CHARGE,
            needed: CHARGE_BYTES,
            available: payload.len(),
        })?;
        Ok(Self {
            bytes: raw.bytes.get(),
            inodes: raw.inodes.get(),
        })
    }
}

/// What a record of a bucket adds to the usage of which project; `None`: nothing to any.
///
/// # Errors
/// Of the record.
pub fn counted(key: &BucketKey<'_>, value: &[u8]) -> Result<Option<(InodeId, Usage)>, FormatError> {
    let of = |inode: &Inode, inodes| {
        let project = inode.fields.project?;
        let bytes = inode.allocated;
        Some((project, Usage { bytes, inodes }))
    };
    Ok(match key {
        BucketKey::Entry(..) => match EntryRecord::decode(value)? {
            EntryRecord::Inline(inode) => of(&inode, 1),
            EntryRecord::Link(..) => None,
        },
        BucketKey::Inode(_) => of(&Inode::decode(value)?, 1),
        // Its inode is not one yet; it says what the parts take.
        BucketKey::Upload(_) => of(&UploadRecord::decode(value)?.inode, 0),
        _ => None,
    })
}
