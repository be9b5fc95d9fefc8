//! Values of directory entries.

use super::inode::{Inode, InodeKind};
use super::key::InodeId;
use crate::{FormatError, check};

const NAME: &str = "directory entry";
const VERSION: u8 = 1;
const INLINE: u8 = 1;
const LINK: u8 = 2;
const LINK_BYTES: usize = 11;

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryRecord {
    /// An inode that lies in its only entry.
    Inline(Inode),
    /// An inode that lies elsewhere, because it has, or had, several names.
    Link(InodeId, InodeKind),
}

impl EntryRecord {
    /// The number of the inode.
    #[must_use]
    pub const fn id(&self) -> InodeId {
        match self {
            Self::Inline(inode) => inode.id,
            Self::Link(id, _) => *id,
        }
    }

    /// What the inode is.
    #[must_use]
    pub const fn kind(&self) -> InodeKind {
        match self {
            Self::Inline(inode) => inode.kind,
            Self::Link(_, kind) => *kind,
        }
    }

    /// The value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Inline(inode) => [&[VERSION, INLINE][..], &inode.encode()].concat(),
            Self::Link(id, kind) => {
                [&[VERSION, LINK, *kind as u8][..], &id.get().to_le_bytes()].concat()
            }
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(value: &[u8]) -> Result<Self, FormatError> {
        let truncated = |needed| FormatError::Truncated {
            structure: NAME,
            needed,
            available: value.len(),
        };
        let Some(([version, form], rest)) = value.split_first_chunk::<2>() else {
            return Err(truncated(2));
        };
        check::field(*version == VERSION, NAME, "version", *version, "it is 1")?;
        match *form {
            INLINE => Ok(Self::Inline(Inode::decode(rest)?)),
            LINK => link(rest, truncated(LINK_BYTES)),
            other => Err(FormatError::Field {
                structure: NAME,
                name: "form",
                value: other.into(),
                why: "the forms are 1 (inline) and 2 (link)",
            }),
        }
    }
}

fn link(rest: &[u8], truncated: FormatError) -> Result<EntryRecord, FormatError> {
    let field = |name, value: u64, why| FormatError::Field {
        structure: NAME,
        name,
        value,
        why,
    };
    let Some((kind, id)) = rest.split_first() else {
        return Err(truncated);
    };
    let id = <[u8; 8]>::try_from(id).map_err(|_| truncated)?;
    let id = u64::from_le_bytes(id);
    let kind = InodeKind::try_from(*kind)
        .map_err(|kind| field("kind", kind.into(), "the kinds are 1 to 7"))?;
    let valid = kind != InodeKind::Directory;
    check::field(valid, NAME, "kind", kind as u8, "a directory has one name")?;
    let id = InodeId::new(id).ok_or_else(|| field("inode", id, "there is no inode 0"))?;
    Ok(EntryRecord::Link(id, kind))
}
