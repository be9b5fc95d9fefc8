//! Requests.

use fuser::{FileHandle, INodeNo, OpenFlags, RenameFlags};

use crate::attributes::Wanted;
use crate::door::Caller;
use crate::files::{End, Write};
use crate::metrics::Kind;
use crate::names::Mode;

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    /// The request's number, for the answer.
    pub(crate) unique: u64,
    /// The inode that it is about; of names the directory.
    pub(crate) at: INodeNo,
    pub(crate) caller: Caller,
    pub(super) opcode: u32,
}

/// A request.
#[derive(Debug)]
pub(crate) enum Operation<'a> {
    Give(Give<'a>),
    Do(Do<'a>),
}

/// Gives the kernel something to keep, see [`crate::held`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Give<'a> {
    LookUp {
        name: &'a [u8],
    },
    Attributes {
        handle: Option<FileHandle>,
    },
    Symlink {
        name: &'a [u8],
        target: &'a [u8],
    },
    Node {
        name: &'a [u8],
        mode: Mode,
        device: u32,
    },
    Directory {
        name: &'a [u8],
        mode: Mode,
    },
    Create {
        name: &'a [u8],
        mode: Mode,
        flags: i32,
    },
    Link {
        ino: INodeNo,
        name: &'a [u8],
    },
    ListPlus {
        handle: FileHandle,
        at: u64,
        bytes: u32,
    },
}

/// Does not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Do<'a> {
    SetAttributes(Wanted),
    ReadLink,
    Unlink {
        name: &'a [u8],
    },
    RemoveDirectory {
        name: &'a [u8],
    },
    Rename {
        name: &'a [u8],
        to: INodeNo,
        new: &'a [u8],
        flags: RenameFlags,
    },
    Open {
        flags: OpenFlags,
    },
    Read {
        handle: FileHandle,
        at: u64,
        bytes: u32,
    },
    Write {
        handle: FileHandle,
        write: Write<'a>,
    },
    Release {
        handle: FileHandle,
    },
    Sync,
    OpenDirectory,
    List {
        handle: FileHandle,
        at: u64,
        bytes: u32,
    },
    ReleaseDirectory {
        handle: FileHandle,
    },
    SyncDirectory,
    Space,
    SetExtended {
        name: &'a [u8],
        value: &'a [u8],
        flags: i32,
    },
    Extended {
        name: &'a [u8],
        room: u32,
    },
    ExtendedNames {
        room: u32,
    },
    RemoveExtended {
        name: &'a [u8],
    },
    Allocate {
        handle: FileHandle,
        at: u64,
        bytes: u64,
        mode: i32,
    },
    Seek {
        handle: FileHandle,
        at: i64,
        whence: i32,
    },
    Copy {
        from: End,
        to: End,
        bytes: u64,
    },
    Flush,
}

impl Give<'_> {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::LookUp { .. } => Kind::Lookup,
            Self::Attributes { .. } => Kind::Attributes,
            Self::ListPlus { .. } => Kind::List,
            Self::Symlink { .. }
            | Self::Node { .. }
            | Self::Directory { .. }
            | Self::Create { .. }
            | Self::Link { .. } => Kind::Make,
        }
    }
}

impl Do<'_> {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::SetAttributes(_) => Kind::SetAttributes,
            Self::ReadLink | Self::Read { .. } => Kind::Read,
            Self::Unlink { .. } | Self::RemoveDirectory { .. } => Kind::Remove,
            Self::Rename { .. } => Kind::Rename,
            Self::Write { .. } => Kind::Write,
            Self::Open { .. }
            | Self::Release { .. }
            | Self::OpenDirectory
            | Self::ReleaseDirectory { .. }
            | Self::Flush => Kind::Open,
            Self::Sync | Self::SyncDirectory => Kind::Sync,
            Self::List { .. } => Kind::List,
            Self::Space => Kind::Other,
            Self::SetExtended { .. }
            | Self::Extended { .. }
            | Self::ExtendedNames { .. }
            | Self::RemoveExtended { .. } => Kind::Extended,
            Self::Allocate { .. } | Self::Seek { .. } | Self::Copy { .. } => Kind::Space,
        }
    }
}
