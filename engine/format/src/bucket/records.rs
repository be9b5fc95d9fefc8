//! The small records of a bucket's tree.

use std::mem::offset_of;

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::key::InodeId;
use crate::{FormatError, check};

pub(super) const VERSION: u8 = 1;

/// Two numbers and a form: the shape of most small records.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawSmall {
    version: u8,
    form: u8,
    reserved: [u8; 6],
    number: U64,
}

const _: () = assert!(size_of::<RawSmall>() == 16);
const _: () = assert!(offset_of!(RawSmall, number) == 8);

fn encode(form: u8, number: u64) -> Vec<u8> {
    let raw = RawSmall {
        version: VERSION,
        form,
        reserved: [0; 6],
        number: U64::new(number),
    };
    raw.as_bytes().to_vec()
}

fn decode(
    value: &[u8],
    structure: &'static str,
    forms: std::ops::RangeInclusive<u8>,
) -> Result<(u8, u64), FormatError> {
    let raw = RawSmall::ref_from_bytes(value).map_err(|_| FormatError::Truncated {
        structure,
        needed: size_of::<RawSmall>(),
        available: value.len(),
    })?;
    check::field(
        raw.version == VERSION,
        structure,
        "version",
        raw.version,
        "it is 1",
    )?;
    let valid = forms.contains(&raw.form);
    check::field(valid, structure, "form", raw.form, "there is no such form")?;
    check::zero(&raw.reserved, structure, "reserved")?;
    Ok((raw.form, raw.number.get()))
}

/// The lowest inode number that was not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InodeNumbers {
    /// The number.
    pub next: u64,
}

impl InodeNumbers {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(0, self.next)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let (_, next) = decode(value, "inode numbers", 0..=0)?;
        Ok(Self { next })
    }
}

/// Something that only memory refers to: an opening gives it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Content of an upload that is not finished.
    Staged,
    /// A file that lost its last name while it was open.
    Orphan,
    /// The map of pieces of a content that was being put together; the pieces are still parts.
    Map,
}

impl Held {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Staged => encode(1, 0),
            Self::Orphan => encode(2, 0),
            Self::Map => encode(3, 0),
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let name = "held inode";
        let (form, number) = decode(value, name, 1..=3)?;
        check::field(number == 0, name, "reserved", number, "it must be zero")?;
        Ok(match form {
            1 => Self::Staged,
            2 => Self::Orphan,
            _ => Self::Map,
        })
    }
}

/// Content that is being given back in bounded batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// All extents of a number that nothing refers to.
    All,
    /// What lies at and behind this byte of a file that was cut short: until it is gone the file
    /// does not grow.
    Tail(u64),
    /// All pieces, their extents too.
    Pieces,
}

impl Cleanup {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::All => encode(1, 0),
            Self::Tail(from) => encode(2, *from),
            Self::Pieces => encode(3, 0),
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let name = "cleanup record";
        let (form, number) = decode(value, name, 1..=3)?;
        let valid = form == 2 || number == 0;
        check::field(valid, name, "from", number, "only a tail has a start")?;
        Ok(match form {
            1 => Self::All,
            2 => Self::Tail(number),
            _ => Self::Pieces,
        })
    }
}

/// A piece of an assembled content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The number whose extents are the piece, from byte 0 on.
    pub content: InodeId,
}

impl Piece {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(0, self.content.get())
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let (_, number) = decode(value, "piece", 0..=0)?;
        let content = InodeId::new(number).ok_or(FormatError::Field {
            structure: "piece",
            name: "content",
            value: number,
            why: "there is no inode 0",
        })?;
        Ok(Self { content })
    }
}
