//! The tagged fields behind the head of an inode.
//!
//! Each is a tag u16, a length u16 and bytes, in ascending order of tags (attributes: of names).
//! Tags from 0x8000 on are critical: a build that does not know one refuses the inode. Others are
//! kept as they are.

use std::collections::BTreeMap;

use super::key::InodeId;
use crate::{FormatError, check};

const NAME: &str = "inode field";
const ENTITY_TAG: u16 = 1;
const CHECKSUMS: u16 = 2;
const ATTRIBUTE: u16 = 3;
const CRITICAL: u16 = 0x8000;
const PROJECT: u16 = 0x8005;

/// Bytes of all fields of an inode at most; attributes that do not fit have records of their own.
pub const INODE_FIELDS_BYTES_MAX: usize = 1536;
/// Bytes of an attribute's value at most.
pub const ATTRIBUTE_BYTES_MAX: usize = 4000;

/// The tagged fields of an inode.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InodeFields {
    /// The entity tag that was given to the content; `None`: the content was written piecemeal.
    pub entity_tag: Option<Vec<u8>>,
    /// Checksums that came with the content, as the frontend encodes them.
    pub checksums: Option<Vec<u8>>,
    /// Extended attributes.
    pub attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The project for whose quota it counts.
    pub project: Option<InodeId>,
    /// Fields that this build does not know, and need not: by tag.
    pub(crate) unknown: BTreeMap<u16, Vec<u8>>,
}

impl InodeFields {
    /// None but the project.
    #[must_use]
    pub fn of_project(project: Option<InodeId>) -> Self {
        Self {
            project,
            ..Self::default()
        }
    }

    /// Bytes that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let known = [&self.entity_tag, &self.checksums];
        let known = known.into_iter().flatten().map(|bytes| 4 + bytes.len());
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| 5 + name.len() + value.len());
        let unknown = self.unknown.values().map(|bytes| 4 + bytes.len());
        let project = self.project.map(|_| 4 + size_of::<u64>());
        known.chain(attributes).chain(unknown).chain(project).sum()
    }

    pub(super) fn encode_to(&self, bytes: &mut Vec<u8>) {
        let mut put = |tag: u16, parts: [&[u8]; 3]| {
            let length: usize = parts.iter().map(|part| part.len()).sum();
            let length = u16::try_from(length).expect("fields are bounded when they are set");
            bytes.extend_from_slice(&tag.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
        };
        if let Some(tag) = &self.entity_tag {
            put(ENTITY_TAG, [tag, &[], &[]]);
        }
        if let Some(checksums) = &self.checksums {
            put(CHECKSUMS, [checksums, &[], &[]]);
        }
        for (name, value) in &self.attributes {
            let length = u8::try_from(name.len()).expect("names have at most 255 bytes");
            put(ATTRIBUTE, [&[length], name, value]);
        }
        for (tag, value) in &self.unknown {
            put(*tag, [value, &[], &[]]);
        }
        if let Some(project) = self.project {
            put(PROJECT, [&project.get().to_le_bytes(), &[], &[]]);
        }
    }

    pub(super) fn decode(mut rest: &[u8]) -> Result<Self, FormatError> {
        let mut fields = Self::default();
        let mut last = (0, Vec::new());
        while !rest.is_empty() {
            let (tag, value, behind) = take(rest)?;
            let name = fields.add(tag, value)?;
            let this = (tag, name);
            check::field(
                this > last,
                NAME,
                "tag",
                tag,
                "fields are in order, each once",
            )?;
            last = this;
            rest = behind;
        }
        Ok(fields)
    }

    /// Keeps a field; the name if it is an attribute.
    fn add(&mut self, tag: u16, value: &[u8]) -> Result<Vec<u8>, FormatError> {
        match tag {
            ENTITY_TAG => self.entity_tag = Some(value.to_vec()),
            CHECKSUMS => self.checksums = Some(value.to_vec()),
            ATTRIBUTE => {
                let cut = || truncated(1, value.len());
                let (length, rest) = value.split_first().ok_or_else(cut)?;
                let (name, value) = rest
                    .split_at_checked(usize::from(*length))
                    .ok_or_else(cut)?;
                let why = "an attribute has a name";
                check::field(!name.is_empty(), NAME, "name_bytes", *length, why)?;
                self.attributes.insert(name.to_vec(), value.to_vec());
                return Ok(name.to_vec());
            }
            PROJECT => self.project = Some(project_of(value)?),
            tag => {
                let why = "it is critical and this build does not know it";
                check::field(tag < CRITICAL && tag > 0, NAME, "tag", tag, why)?;
                self.unknown.insert(tag, value.to_vec());
            }
        }
        Ok(Vec::new())
    }
}

fn project_of(value: &[u8]) -> Result<InodeId, FormatError> {
    let number = <[u8; 8]>::try_from(value).map_err(|_| truncated(8, value.len()))?;
    let number = u64::from_le_bytes(number);
    InodeId::new(number).ok_or(FormatError::Field {
        structure: NAME,
        name: "project",
        value: number,
        why: "there is no inode 0",
    })
}

fn take(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), FormatError> {
    let cut = || truncated(4, bytes.len());
    let (tag, rest) = bytes.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (value, rest) = rest
        .split_at_checked(length)
        .ok_or_else(|| truncated(length, rest.len()))?;
    Ok((u16::from_le_bytes(*tag), value, rest))
}

fn truncated(needed: usize, available: usize) -> FormatError {
    FormatError::Truncated {
        structure: NAME,
        needed,
        available,
    }
}
