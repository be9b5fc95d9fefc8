//! Inodes: a head of fixed fields, then tagged ones.

use std::mem::offset_of;

use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::fields::InodeFields;
use super::key::InodeId;
use crate::{FormatError, check};

const NAME: &str = "inode";
const VERSION: u8 = 1;
const EXPLICIT: u8 = 1;
const MODE_MAX: u16 = 0o7777;

/// What an inode is. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum InodeKind {
    /// A regular file: an object.
    File = 1,
    /// A directory.
    Directory = 2,
    /// A symbolic link; its target is its content.
    Symlink = 3,
    /// A named pipe.
    Fifo = 4,
    /// A socket.
    Socket = 5,
    /// A character device.
    CharDevice = 6,
    /// A block device.
    BlockDevice = 7,
}

impl TryFrom<u8> for InodeKind {
    type Error = u8;

    fn try_from(kind: u8) -> Result<Self, u8> {
        Ok(match kind {
            1 => Self::File,
            2 => Self::Directory,
            3 => Self::Symlink,
            4 => Self::Fifo,
            5 => Self::Socket,
            6 => Self::CharDevice,
            7 => Self::BlockDevice,
            other => return Err(other),
        })
    }
}

/// Where the content of an inode lies. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContentForm {
    /// Nothing is stored: all of it is a hole.
    None = 0,
    /// In one record.
    Small = 1,
    /// In extents.
    Extents = 2,
    /// In extents of several other numbers, one behind the other.
    Pieces = 3,
}

/// An inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inode {
    /// Its number.
    pub id: InodeId,
    /// What it is.
    pub kind: InodeKind,
    /// Where its content lies.
    pub content: ContentForm,
    /// A directory that exists for its own sake, not only for the keys below it.
    pub explicit: bool,
    /// Permissions, set-user-id, set-group-id and sticky: 12 bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names. Zero: it is open and has none. Of a directory 1.
    pub links: u32,
    /// Of a device: its number.
    pub device: u32,
    /// Bytes of content.
    pub size: u64,
    /// Bytes of content that are stored.
    pub allocated: u64,
    /// Last access as set, in nanoseconds since 1970 UTC.
    pub accessed: i64,
    /// Last change of content. Of a directory its state has it.
    pub modified: i64,
    /// Last change at all. Of a directory its state has it.
    pub changed: i64,
    /// When it was created.
    pub created: i64,
    /// Changes of content so far: with the number it names a content for good.
    pub changes: u64,
    /// The rest.
    pub fields: InodeFields,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawInode {
    version: u8,
    kind: u8,
    content: u8,
    flags: u8,
    mode: U16,
    reserved: [u8; 2],
    id: U64,
    uid: U32,
    gid: U32,
    links: U32,
    device: U32,
    size: U64,
    allocated: U64,
    accessed: I64,
    modified: I64,
    changed: I64,
    created: I64,
    changes: U64,
}

const _: () = assert!(size_of::<RawInode>() == 88);
const _: () = assert!(offset_of!(RawInode, id) == 8);
const _: () = assert!(offset_of!(RawInode, size) == 32);
const _: () = assert!(offset_of!(RawInode, changes) == 80);

impl Inode {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let raw = RawInode {
            version: VERSION,
            kind: self.kind as u8,
            content: self.content as u8,
            flags: if self.explicit { EXPLICIT } else { 0 },
            mode: U16::new(self.mode & MODE_MAX),
            reserved: [0; 2],
            id: U64::new(self.id.get()),
            uid: U32::new(self.uid),
            gid: U32::new(self.gid),
            links: U32::new(self.links),
            device: U32::new(self.device),
            size: U64::new(self.size),
            allocated: U64::new(self.allocated),
            accessed: I64::new(self.accessed),
            modified: I64::new(self.modified),
            changed: I64::new(self.changed),
            created: I64::new(self.created),
            changes: U64::new(self.changes),
        };
        let mut bytes = raw.as_bytes().to_vec();
        self.fields.encode_to(&mut bytes);
        bytes
    }

    /// Checks bytes.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::UnsupportedVersion`], [`FormatError::Field`];
    /// also for a critical field that this build does not know.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let (raw, rest) = RawInode::ref_from_prefix(bytes).map_err(|_| FormatError::Truncated {
            structure: NAME,
            needed: size_of::<RawInode>(),
            available: bytes.len(),
        })?;
        if raw.version != VERSION {
            return Err(FormatError::UnsupportedVersion {
                structure: NAME,
                found: raw.version.into(),
                supported: VERSION.into(),
            });
        }
        let field = |name, value: u64, why| FormatError::Field {
            structure: NAME,
            name,
            value,
            why,
        };
        let kind = InodeKind::try_from(raw.kind)
            .map_err(|kind| field("kind", kind.into(), "the kinds are 1 to 7"))?;
        let content = match raw.content {
            0 => ContentForm::None,
            1 => ContentForm::Small,
            2 => ContentForm::Extents,
            3 => ContentForm::Pieces,
            other => return Err(field("content", other.into(), "the forms are 0 to 3")),
        };
        let valid = raw.flags & !EXPLICIT == 0;
        check::field(valid, NAME, "flags", raw.flags, "the one flag is 1")?;
        let mode = raw.mode.get();
        check::field(mode <= MODE_MAX, NAME, "mode", mode, "it has 12 bits")?;
        check::zero(&raw.reserved, NAME, "reserved")?;
        let id = raw.id.get();
        let id = InodeId::new(id).ok_or_else(|| field("id", id, "there is no inode 0"))?;
        Ok(Self {
            id,
            kind,
            content,
            explicit: raw.flags & EXPLICIT != 0,
            mode,
            uid: raw.uid.get(),
            gid: raw.gid.get(),
            links: raw.links.get(),
            device: raw.device.get(),
            size: raw.size.get(),
            allocated: raw.allocated.get(),
            accessed: raw.accessed.get(),
            modified: raw.modified.get(),
            changed: raw.changed.get(),
            created: raw.created.get(),
            changes: raw.changes.get(),
            fields: InodeFields::decode(rest)?,
        })
    }
}
