//! Access control lists: attributes that say more than the mode does.
//!
//! They are kept as Linux hands them over: a version (u32, 2) and entries of a tag (u16),
//! permissions (u16) and an id (u32), little-endian, in the order of tags. Mode and list never
//! contradict each other: the mode's bits of the owner, the mask (or, without one, the group) and
//! the others are those of the list, and a list that says no more than the mode is not kept.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod grants;

use engine_format::{Inode, InodeKind};
use engine_tree::Tree;

use crate::BucketError;
use crate::change::Change;
use crate::look::Look;
use crate::xattr::{attribute, put_attribute, take_attribute};

/// The list of a file or a directory.
pub(crate) const ACCESS: &[u8] = b"system.posix_acl_access";
/// The list that what is made in a directory begins with.
pub(crate) const DEFAULT: &[u8] = b"system.posix_acl_default";
/// Bytes of the lists that the directories which one operation makes inherit: they share a batch
/// with all else that it does.
pub(crate) const INHERITED_BYTES_MAX: usize = 16 << 10;

const VERSION: u32 = 2;
const ENTRY_BYTES: usize = 8;
const NO_ID: u32 = u32::MAX;
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    tag: u16,
    permissions: u16,
    id: u32,
}

/// A valid list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    entries: Vec<Entry>,
}

const fn invalid(what: &'static str) -> BucketError {
    BucketError::Invalid { what }
}

impl Acl {
    /// Checks a value; `None`: it holds no entries, which takes a list away.
    pub(crate) fn decode(value: &[u8]) -> Result<Option<Self>, BucketError> {
        let (version, rest) = value
            .split_first_chunk::<4>()
            .ok_or(invalid("an access control list has a version"))?;
        if u32::from_le_bytes(*version) != VERSION {
            return Err(invalid("access control lists have version 2"));
        }
        if !rest.len().is_multiple_of(ENTRY_BYTES) {
            return Err(invalid("the last entry of an access control list is cut"));
        }
        let entries: Vec<Entry> = rest.chunks_exact(ENTRY_BYTES).map(entry_of).collect();
        if entries.is_empty() {
            return Ok(None);
        }
        check_entries(&entries)?;
        Ok(Some(Self { entries }))
    }

    fn encode(&self) -> Vec<u8> {
        let mut value = VERSION.to_le_bytes().to_vec();
        for entry in &self.entries {
            let id = if matches!(entry.tag, USER | GROUP) {
                entry.id
            } else {
                NO_ID
            };
            value.extend_from_slice(&entry.tag.to_le_bytes());
            value.extend_from_slice(&entry.permissions.to_le_bytes());
            value.extend_from_slice(&id.to_le_bytes());
        }
        value
    }

    /// Whether a mode can say the same.
    fn is_only_mode(&self) -> bool {
        let beyond = |entry: &Entry| matches!(entry.tag, USER | GROUP | MASK);
        !self.entries.iter().any(beyond)
    }

    /// What the group's bits of the mode stand for.
    fn group_class(&self) -> u16 {
        let has_mask = self.entries.iter().any(|entry| entry.tag == MASK);
        if has_mask { MASK } else { GROUP_OBJ }
    }

    /// The nine bits of a mode that goes with it.
    fn mode_bits(&self) -> u16 {
        let group = self.group_class();
        let bits = self.entries.iter().map(|entry| match entry.tag {
            USER_OBJ => entry.permissions << 6,
            OTHER => entry.permissions,
            tag if tag == group => entry.permissions << 3,
            _ => 0,
        });
        bits.fold(0, |all, bits| all | bits)
    }

    /// Gives each entry that the mode speaks of what `permissions` makes of its own and the mode's.
    fn with_mode(&mut self, mode: u16, permissions: impl Fn(u16, u16) -> u16) {
        let group = self.group_class();
        for entry in &mut self.entries {
            let of_mode = match entry.tag {
                USER_OBJ => mode >> 6,
                OTHER => mode,
                tag if tag == group => mode >> 3,
                _ => continue,
            };
            entry.permissions = permissions(entry.permissions, of_mode & 7);
        }
    }

    /// A list of the entries that the mode speaks of takes the permissions of `mode`.
    fn set_mode(&mut self, mode: u16) {
        self.with_mode(mode, |_, of_mode| of_mode);
    }

    /// A list that is inherited grants nothing that was not asked for.
    fn limit_to(&mut self, mode: u16) {
        self.with_mode(mode, |own, of_mode| own & of_mode);
    }
}

fn entry_of(bytes: &[u8]) -> Entry {
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    Entry {
        tag: short(0),
        permissions: short(2),
        id: u32::from(short(4)) | u32::from(short(6)) << 16,
    }
}

/// One entry each for the owner, the group and the others, named ones between them, and a mask
/// where there are named ones.
fn check_entries(entries: &[Entry]) -> Result<(), BucketError> {
    let is_known = |entry: &Entry| {
        let tags = [USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER];
        let is_named = matches!(entry.tag, USER | GROUP);
        tags.contains(&entry.tag) && entry.permissions <= 7 && (!is_named || entry.id != NO_ID)
    };
    if !entries.iter().all(is_known) {
        return Err(invalid("an entry of the access control list is malformed"));
    }
    let in_order = entries.windows(2).all(|pair| {
        let (one, next) = (pair[0].tag, pair[1].tag);
        one < next || (one == next && matches!(one, USER | GROUP))
    });
    let has = |tag: u16| entries.iter().any(|entry| entry.tag == tag);
    let is_whole = has(USER_OBJ) && has(GROUP_OBJ) && has(OTHER);
    let is_masked = has(MASK) || !(has(USER) || has(GROUP));
    if in_order && is_whole && is_masked {
        return Ok(());
    }
    Err(invalid(
        "the access control list lacks an entry, or they are not in order",
    ))
}

/// What something new has of its directory's default list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inherited {
    /// Permissions: 12 bits.
    pub(crate) mode: u16,
    access: Option<Vec<u8>>,
    default: Option<Vec<u8>>,
}

impl Inherited {
    /// Of something of this kind that is made with `mode`, of which `umask` is taken away unless
    /// there is a `default` list of the directory: that says then what is.
    pub(crate) fn new(default: Option<&[u8]>, kind: InodeKind, mode: u16, umask: u16) -> Self {
        let acl = match default {
            Some(value) if kind != InodeKind::Symlink => stored(value),
            _ => None,
        };
        let Some(mut acl) = acl else {
            return Self {
                mode: mode & !umask,
                access: None,
                default: None,
            };
        };
        let default = (kind == InodeKind::Directory).then(|| acl.encode());
        acl.limit_to(mode);
        Self {
            mode: mode & !0o777 | acl.mode_bits(),
            access: (!acl.is_only_mode()).then(|| acl.encode()),
            default,
        }
    }

    /// What directories in it inherit in turn.
    pub(crate) fn default(&self) -> Option<&[u8]> {
        self.default.as_deref()
    }

    /// Bytes of its lists.
    pub(crate) fn bytes(&self) -> usize {
        let lists = [&self.access, &self.default];
        lists.into_iter().flatten().map(Vec::len).sum()
    }

    /// Gives the new inode its lists.
    pub(crate) fn put(&self, change: &mut Change, inode: &mut Inode) {
        if let Some(access) = &self.access {
            put_attribute(change, inode, ACCESS, access);
        }
        if let Some(default) = &self.default {
            put_attribute(change, inode, DEFAULT, default);
        }
    }
}

/// The default list of a directory.
pub(crate) fn default_of(tree: &Tree, directory: &Inode) -> Look<Option<Vec<u8>>> {
    attribute(tree, directory, DEFAULT)
}

/// Sets a list of an inode, if it is one that the attribute's name stands for; `false` if it is
/// none. The mode follows.
pub(crate) fn set(
    change: &mut Change,
    inode: &mut Inode,
    name: &[u8],
    value: &[u8],
) -> Result<bool, BucketError> {
    let is_default = match name {
        ACCESS => false,
        DEFAULT => true,
        _ => return Ok(false),
    };
    let acl = Acl::decode(value)?;
    let can_have = match inode.kind {
        InodeKind::Symlink => false,
        InodeKind::Directory => true,
        _ => !is_default || acl.is_none(),
    };
    if !can_have {
        return Err(invalid("this has no access control list of that kind"));
    }
    let Some(acl) = acl else {
        take_attribute(change, inode, name);
        return Ok(true);
    };
    if !is_default {
        inode.mode = inode.mode & !0o777 | acl.mode_bits();
    }
    if !is_default && acl.is_only_mode() {
        take_attribute(change, inode, name);
    } else {
        put_attribute(change, inode, name, &acl.encode());
    }
    Ok(true)
}

/// The list of an inode after its mode was set to `mode`.
pub(crate) fn after_mode(list: &[u8], mode: u16) -> Option<Vec<u8>> {
    let mut acl = stored(list)?;
    acl.set_mode(mode);
    Some(acl.encode())
}

/// A list that is kept; one that means nothing is passed over.
fn stored(value: &[u8]) -> Option<Acl> {
    Acl::decode(value).ok().flatten()
}

#[cfg(test)]
mod tests;
