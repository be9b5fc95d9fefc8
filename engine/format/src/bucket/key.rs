//! Keys of a bucket's tree.

use std::fmt;
use std::num::NonZeroU64;

use engine_base::SegmentId;

use crate::{FormatError, check};

const NAME: &str = "key of a bucket's tree";
const NEXT_INODE: &[u8] = b"next-inode";
const UPLOAD_BYTES: usize = 16;

/// The number of a file, a directory or a staged content; never used again in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(NonZeroU64);

impl InodeId {
    /// The root directory.
    pub const ROOT: Self = Self(NonZeroU64::MIN);

    /// `None` for zero, which names nothing.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for InodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inode {}", self.0)
    }
}

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketKey<'a> {
    /// The lowest inode number that was not reserved.
    NextInode,
    /// An entry of a directory. The name of a subdirectory is followed by `/`: so the order of the
    /// tree is that of whole object keys.
    Entry(InodeId, &'a [u8]),
    /// An inode that does not lie in an entry.
    Inode(InodeId),
    /// The extent of a content that begins at this byte.
    Extent(InodeId, u64),
    /// All of a small content.
    Small(InodeId),
    /// An extended attribute that does not fit its inode.
    Attribute(InodeId, &'a [u8]),
    /// What moves of a directory: times and counts.
    Directory(InodeId),
    /// A multipart upload.
    Upload([u8; UPLOAD_BYTES]),
    /// A part of one.
    Part([u8; UPLOAD_BYTES], u32),
    /// Something that only memory refers to: staged content, or an open file without a name.
    Held(InodeId),
    /// Content that is being given back.
    Cleanup(InodeId),
    /// The piece of an assembled content that begins at this byte.
    Piece(InodeId, u64),
    /// An extent that refers to shared bytes.
    Shared(SharedKey),
    /// The quota of a project.
    Quota(InodeId),
    /// What counts for a project.
    Usage(InodeId),
}

/// An extent that refers to shared bytes, by where they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedKey {
    /// The segment.
    pub segment: SegmentId,
    /// Its first byte in the segment.
    pub position: u32,
    /// The content that the extent belongs to.
    pub content: InodeId,
    /// Its first byte in the content.
    pub offset: u64,
}

impl BucketKey<'_> {
    /// First byte of entries.
    pub const ENTRY: u8 = 0x01;
    /// First byte of extents.
    pub const EXTENT: u8 = 0x03;
    /// First byte of uploads and parts.
    pub const UPLOAD: u8 = 0x07;
    /// First byte of what memory holds.
    pub const HELD: u8 = 0x08;
    /// First byte of what is being given back.
    pub const CLEANUP: u8 = 0x09;
    /// First byte of extents by where their bytes are stored.
    pub const SHARED: u8 = 0x0b;
    /// First byte of quotas.
    pub const QUOTA: u8 = 0x0c;
    const USAGE: u8 = 0x0d;

    /// The key.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let of = |kind: u8, inode: &InodeId, rest: &[u8]| {
            [&[kind][..], &inode.get().to_be_bytes(), rest].concat()
        };
        match self {
            Self::NextInode => [&[0x00][..], NEXT_INODE].concat(),
            Self::Entry(directory, name) => of(Self::ENTRY, directory, name),
            Self::Inode(inode) => of(0x02, inode, &[]),
            Self::Extent(inode, offset) => of(Self::EXTENT, inode, &offset.to_be_bytes()),
            Self::Small(inode) => of(0x04, inode, &[]),
            Self::Attribute(inode, name) => of(0x05, inode, name),
            Self::Directory(inode) => of(0x06, inode, &[]),
            Self::Upload(id) => [&[Self::UPLOAD][..], id].concat(),
            Self::Part(id, part) => [&[Self::UPLOAD][..], id, &part.to_be_bytes()].concat(),
            Self::Held(inode) => of(Self::HELD, inode, &[]),
            Self::Cleanup(inode) => of(Self::CLEANUP, inode, &[]),
            Self::Piece(inode, start) => of(0x0a, inode, &start.to_be_bytes()),
            Self::Shared(shared) => [
                &[Self::SHARED][..],
                &shared.segment.get().to_be_bytes(),
                &shared.position.to_be_bytes(),
                &shared.content.get().to_be_bytes(),
                &shared.offset.to_be_bytes(),
            ]
            .concat(),
            Self::Quota(inode) => of(Self::QUOTA, inode, &[]),
            Self::Usage(inode) => of(Self::USAGE, inode, &[]),
        }
    }

    /// The prefix of the keys of all extents of a content.
    #[must_use]
    pub fn extents(inode: InodeId) -> [u8; 9] {
        let mut prefix = [Self::EXTENT; 9];
        let (_, number) = prefix.split_at_mut(1);
        number.copy_from_slice(&inode.get().to_be_bytes());
        prefix
    }
}

impl<'a> BucketKey<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// [`FormatError::Truncated`], [`FormatError::Field`].
    pub fn decode(key: &'a [u8]) -> Result<Self, FormatError> {
        let Some((kind, rest)) = key.split_first() else {
            return Err(truncated(1, 0));
        };
        match *kind {
            0x00 => {
                let known = rest == NEXT_INODE;
                check::field(known, NAME, "name", rest.len() as u64, "it is `next-inode`")?;
                Ok(Self::NextInode)
            }
            Self::UPLOAD => upload(rest),
            Self::SHARED => shared(rest),
            kind @ (0x01..=0x0a | Self::QUOTA | Self::USAGE) => {
                let (inode, rest) = inode(rest)?;
                of_inode(kind, inode, rest)
            }
            other => {
                let why = "the kinds are 0 to 13";
                check::field(false, NAME, "kind", other, why)?;
                Err(truncated(0, 0))
            }
        }
    }
}

fn of_inode(kind: u8, inode: InodeId, rest: &[u8]) -> Result<BucketKey<'_>, FormatError> {
    let ended = |key| {
        let why = "nothing follows the inode";
        check::field(rest.is_empty(), NAME, "bytes", rest.len() as u64, why).map(|()| key)
    };
    let offset = || match <[u8; 8]>::try_from(rest) {
        Ok(offset) => Ok(u64::from_be_bytes(offset)),
        Err(_) => Err(truncated(8, rest.len())),
    };
    match kind {
        0x01 => Ok(BucketKey::Entry(inode, rest)),
        0x02 => ended(BucketKey::Inode(inode)),
        0x03 => Ok(BucketKey::Extent(inode, offset()?)),
        0x04 => ended(BucketKey::Small(inode)),
        0x05 => Ok(BucketKey::Attribute(inode, rest)),
        0x06 => ended(BucketKey::Directory(inode)),
        0x08 => ended(BucketKey::Held(inode)),
        0x09 => ended(BucketKey::Cleanup(inode)),
        BucketKey::QUOTA => ended(BucketKey::Quota(inode)),
        BucketKey::USAGE => ended(BucketKey::Usage(inode)),
        _ => Ok(BucketKey::Piece(inode, offset()?)),
    }
}

fn shared(rest: &[u8]) -> Result<BucketKey<'_>, FormatError> {
    let cut = || truncated(28, rest.len());
    let (segment, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let (position, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let (content, rest) = inode(rest)?;
    let offset = <[u8; 8]>::try_from(rest).map_err(|_| truncated(8, rest.len()))?;
    Ok(BucketKey::Shared(SharedKey {
        segment: check::segment(u64::from_be_bytes(*segment), NAME, "segment")?,
        position: u32::from_be_bytes(*position),
        content,
        offset: u64::from_be_bytes(offset),
    }))
}

fn upload(rest: &[u8]) -> Result<BucketKey<'_>, FormatError> {
    let Some((id, part)) = rest.split_first_chunk::<UPLOAD_BYTES>() else {
        return Err(truncated(UPLOAD_BYTES, rest.len()));
    };
    if part.is_empty() {
        return Ok(BucketKey::Upload(*id));
    }
    match <[u8; 4]>::try_from(part) {
        Ok(part) => Ok(BucketKey::Part(*id, u32::from_be_bytes(part))),
        Err(_) => Err(truncated(4, part.len())),
    }
}

fn inode(bytes: &[u8]) -> Result<(InodeId, &[u8]), FormatError> {
    let Some((number, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(truncated(8, bytes.len()));
    };
    let number = u64::from_be_bytes(*number);
    let inode = InodeId::new(number).ok_or(FormatError::Field {
        structure: NAME,
        name: "inode",
        value: number,
        why: "there is no inode 0",
    })?;
    Ok((inode, rest))
}

fn truncated(needed: usize, available: usize) -> FormatError {
    FormatError::Truncated {
        structure: NAME,
        needed,
        available,
    }
}
