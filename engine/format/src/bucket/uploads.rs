//! Uploads and their parts.

use zerocopy::little_endian::{I64, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::inode::Inode;
use super::key::InodeId;
use crate::{FormatError, check};

const VERSION: u8 = 1;

/// A multipart upload: what its object will be, and for which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// When it was created, in nanoseconds since 1970 UTC.
    pub created: i64,
    /// The object key.
    pub key: Vec<u8>,
    /// The inode to be: mode, owner and attributes.
    pub inode: Inode,
}

impl UploadRecord {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let key_bytes = u16::try_from(self.key.len()).expect("keys have at most 1,024 bytes");
        let mut bytes = vec![VERSION, 0];
        bytes.extend_from_slice(&key_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.created.to_le_bytes());
        bytes.extend_from_slice(&self.key);
        bytes.extend_from_slice(&self.inode.encode());
        bytes
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let name = "upload";
        let cut = || FormatError::Truncated {
            structure: name,
            needed: 12,
            available: value.len(),
        };
        let ([version, reserved], rest) = value.split_first_chunk::<2>().ok_or_else(cut)?;
        check::field(*version == VERSION, name, "version", *version, "it is 1")?;
        check::zero(&[*reserved], name, "reserved")?;
        let (key_bytes, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
        let (created, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
        let key_bytes = usize::from(u16::from_le_bytes(*key_bytes));
        let (key, inode) = rest.split_at_checked(key_bytes).ok_or_else(cut)?;
        Ok(Self {
            created: i64::from_le_bytes(*created),
            key: key.to_vec(),
            inode: Inode::decode(inode)?,
        })
    }
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// The number whose extents are its content.
    pub content: InodeId,
    /// Bytes.
    pub size: u64,
    /// When it was uploaded, in nanoseconds since 1970 UTC.
    pub modified: i64,
    /// Its entity tag.
    pub entity_tag: Vec<u8>,
    /// Checksums that came with it, as the frontend encodes them.
    pub checksums: Vec<u8>,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawPart {
    version: u8,
    tag_bytes: u8,
    reserved: [u8; 6],
    content: U64,
    size: U64,
    modified: I64,
}

impl PartRecord {
    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let raw = RawPart {
            version: VERSION,
            tag_bytes: u8::try_from(self.entity_tag.len()).expect("tags are short"),
            reserved: [0; 6],
            content: U64::new(self.content.get()),
            size: U64::new(self.size),
            modified: I64::new(self.modified),
        };
        [raw.as_bytes(), &self.entity_tag, &self.checksums].concat()
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let name = "part";
        let cut = || FormatError::Truncated {
            structure: name,
            needed: size_of::<RawPart>(),
            available: value.len(),
        };
        let (raw, rest) = RawPart::ref_from_prefix(value).map_err(|_| cut())?;
        check::field(
            raw.version == VERSION,
            name,
            "version",
            raw.version,
            "it is 1",
        )?;
        check::zero(&raw.reserved, name, "reserved")?;
        let (tag, checksums) = rest
            .split_at_checked(raw.tag_bytes.into())
            .ok_or_else(cut)?;
        let number = raw.content.get();
        let content = InodeId::new(number).ok_or(FormatError::Field {
            structure: name,
            name: "content",
            value: number,
            why: "there is no inode 0",
        })?;
        Ok(Self {
            content,
            size: raw.size.get(),
            modified: raw.modified.get(),
            entity_tag: tag.to_vec(),
            checksums: checksums.to_vec(),
        })
    }
}

const _: () = assert!(size_of::<RawPart>() == 32);
