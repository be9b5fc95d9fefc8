//! Names, by directory and name: what a mount does.
//!
//! Order of locks in every operation here: first directories and names, then, once it is known
//! which inodes the names lead to, those inodes. Entries are looked at again after each.

use engine_format::{
    BucketKey, ContentForm, DirectoryState, EntryRecord, Inode, InodeFields, InodeId, InodeKind,
    Touch,
};
use engine_pool::LockMode;

use crate::attributes::info;
use crate::bucket::LockKey;
use crate::change::Change;
use crate::flight::Flight;
use crate::look::{child, inode_at, inode_of, is_empty, is_key};
use crate::node::{Node, Place};
use crate::{Ack, Bucket, BucketError, Info};

/// Bytes of a name through the mount.
const MOUNT_NAME_BYTES_MAX: usize = 255;
/// Bytes of a symbolic link's target.
const TARGET_BYTES_MAX: usize = 4095;
/// Names of a file.
pub(crate) const LINKS_MAX: u32 = 65_000;
const SET_GID: u16 = 0o2000;

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKind<'a> {
    /// An empty regular file.
    File,
    /// An empty directory.
    Directory,
    /// A symbolic link to this target.
    Symlink(&'a [u8]),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device with this number.
    CharDevice(u32),
    /// A block device with this number.
    BlockDevice(u32),
}

/// What to make, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewInode<'a> {
    /// What.
    pub kind: NewKind<'a>,
    /// Permissions: 12 bits, the umask applied.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group; a directory with set-group-id gives its own instead.
    pub gid: u32,
}

impl NewKind<'_> {
    pub(crate) const fn kind(&self) -> InodeKind {
        match self {
            Self::File => InodeKind::File,
            Self::Directory => InodeKind::Directory,
            Self::Symlink(_) => InodeKind::Symlink,
            Self::Fifo => InodeKind::Fifo,
            Self::Socket => InodeKind::Socket,
            Self::CharDevice(_) => InodeKind::CharDevice,
            Self::BlockDevice(_) => InodeKind::BlockDevice,
        }
    }
}

/// Whether a mount can show a name.
pub(crate) fn is_mountable(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= MOUNT_NAME_BYTES_MAX
}

/// Refuses a name that a mount cannot make.
pub(crate) fn check_name(name: &[u8]) -> Result<(), BucketError> {
    if name.len() > MOUNT_NAME_BYTES_MAX {
        return Err(BucketError::TooLarge {
            what: "name",
            max: MOUNT_NAME_BYTES_MAX as u64,
        });
    }
    if !is_mountable(name) || name.contains(&b'/') || name.contains(&0) {
        return Err(BucketError::Name {
            why: "it is empty, `.` or `..`, or contains `/` or a zero byte",
        });
    }
    Ok(())
}

pub(crate) fn check_directory(node: &Node) -> Result<(), BucketError> {
    match node.kind() {
        InodeKind::Directory => Ok(()),
        _ => Err(BucketError::NotDirectory),
    }
}

/// A new inode in a directory whose inode is `parent`.
pub(crate) fn new_inode(id: InodeId, parent: &Inode, new: &NewInode<'_>, now: i64) -> Inode {
    let kind = new.kind.kind();
    let inherits = parent.mode & SET_GID != 0;
    let mut mode = new.mode & 0o7777;
    if inherits && kind == InodeKind::Directory {
        mode |= SET_GID;
    }
    let (device, size) = match new.kind {
        NewKind::CharDevice(device) | NewKind::BlockDevice(device) => (device, 0),
        NewKind::Symlink(target) => (0, target.len() as u64),
        _ => (0, 0),
    };
    Inode {
        id,
        kind,
        content: if size > 0 {
            ContentForm::Small
        } else {
            ContentForm::None
        },
        explicit: kind == InodeKind::Directory,
        mode,
        uid: new.uid,
        gid: if inherits { parent.gid } else { new.gid },
        links: 1,
        device,
        size,
        allocated: size,
        accessed: now,
        modified: now,
        changed: now,
        created: now,
        changes: 0,
        fields: InodeFields::default(),
    }
}

/// How a directory changes when an entry of this name and kind comes (1) or goes (-1).
pub(crate) fn touch_for(name: &[u8], kind: InodeKind, by: i32, now: i64) -> Touch {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    Touch {
        modified: Some(now),
        changed: Some(now),
        entries: by,
        directories: if kind == InodeKind::Directory { by } else { 0 },
        keys: if is_key(name, kind) { by } else { 0 },
    }
}

pub(crate) fn shared(directory: InodeId) -> (LockKey, LockMode) {
    (LockKey::Directory(directory), LockMode::Shared)
}

pub(crate) fn alone(key: LockKey) -> (LockKey, LockMode) {
    (key, LockMode::Exclusive)
}

/// A name that was found through the mount.
pub(crate) struct Child {
    /// As in the key.
    pub(crate) name: Vec<u8>,
    pub(crate) inode: Inode,
    pub(crate) place: Place,
}

impl Bucket {
    /// What a name in a directory leads to. Where a file and a directory have the same name it is
    /// the directory; names that a mount cannot show lead nowhere.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotDirectory`], [`BucketError::Store`].
    pub async fn lookup(&self, parent: &Node, name: &[u8]) -> Result<(Node, Info), BucketError> {
        check_directory(parent)?;
        if !is_mountable(name) {
            return Err(BucketError::no("file"));
        }
        loop {
            let found = self.look(|tree| child(tree, parent.id(), name)).await?;
            let (key_name, entry) = found.ok_or_else(|| BucketError::no("file"))?;
            let node = self.intern(parent, &key_name, &entry);
            // Registered first, then looked at again: what moves it from now on tells the node.
            if let Some(info) = self.look_again(parent, name, &key_name, &node).await? {
                return Ok((node, info));
            }
        }
    }

    /// What is known of `node`, if `name` still leads to it.
    async fn look_again(
        &self,
        parent: &Node,
        name: &[u8],
        key_name: &[u8],
        node: &Node,
    ) -> Result<Option<Info>, BucketError> {
        let again = self
            .look(|tree| match child(tree, parent.id(), name)? {
                Some((found, entry)) if found == key_name && entry.id() == node.id() => {
                    let known = inode_at(tree, node.id(), &node.places())?.is_some();
                    let place = self.place_of(parent, key_name, &entry);
                    let inode = inode_of(tree, entry)?;
                    Ok(Some((info(tree, &inode)?, known, place)))
                }
                _ => Ok(None),
            })
            .await?;
        let Some((info, known, place)) = again else {
            return Ok(None);
        };
        if !known {
            // Somebody who came too late for a move made the node; here is where it is.
            node.may_be_at(place);
        }
        Ok(Some(info))
    }

    fn place_of(&self, parent: &Node, name: &[u8], entry: &EntryRecord) -> Place {
        match entry {
            EntryRecord::Link(..) => Place::Own,
            EntryRecord::Inline(_) => place_in(parent, name, entry.kind()),
        }
    }

    /// The node of an entry.
    pub(crate) fn intern(&self, parent: &Node, name: &[u8], entry: &EntryRecord) -> Node {
        let place = self.place_of(parent, name, entry);
        self.shared.nodes.intern(entry.id(), entry.kind(), place)
    }

    /// The inode of a directory, which the caller has locked at least shared.
    pub(crate) async fn parent_inode(&self, parent: &Node) -> Result<(Inode, Place), BucketError> {
        let places = parent.places();
        let found = self
            .look(|tree| inode_at(tree, parent.id(), &places))
            .await?;
        let (inode, place) = found.ok_or_else(|| BucketError::no("directory"))?;
        if inode.kind != InodeKind::Directory {
            return Err(BucketError::NotDirectory);
        }
        Ok((inode, place))
    }

    /// What a name leads to; the caller has locked the name, or the inode too.
    pub(crate) async fn child(
        &self,
        parent: &Node,
        name: &[u8],
    ) -> Result<Option<Child>, BucketError> {
        self.look(|tree| {
            let Some((key_name, entry)) = child(tree, parent.id(), name)? else {
                return Ok(None);
            };
            let place = match &entry {
                EntryRecord::Link(..) => Place::Own,
                EntryRecord::Inline(_) => place_in(parent, &key_name, entry.kind()),
            };
            Ok(Some(Child {
                name: key_name,
                inode: inode_of(tree, entry)?,
                place,
            }))
        })
        .await
    }

    /// Makes a directory explicit if it was there only for the keys below it. Its inode is locked.
    pub(crate) async fn make_explicit(
        &self,
        change: &mut Change,
        directory: &Node,
        flight: &mut Flight<'_>,
    ) -> Result<(), BucketError> {
        let (mut inode, place) = self.parent_inode(directory).await?;
        if !inode.explicit {
            inode.explicit = true;
            change.inode(&place, &inode);
            flight.attributes(inode.id);
        }
        Ok(())
    }

    /// Makes a file, a directory, a symbolic link or a device.
    ///
    /// # Errors
    /// [`BucketError::Exists`], [`BucketError::NotFound`] if the directory is gone,
    /// [`BucketError::Name`], [`BucketError::TooLarge`], [`BucketError::Store`].
    pub async fn create(
        &self,
        parent: &Node,
        name: &[u8],
        new: &NewInode<'_>,
        ack: Ack,
    ) -> Result<(Node, Info), BucketError> {
        check_name(name)?;
        let mut flight = Flight::new(self);
        let admitted = self.admit(0).await?;
        let locks = self
            .lock(vec![
                shared(parent.id()),
                alone(LockKey::Name(parent.id(), name.to_vec())),
            ])
            .await?;
        let (directory, _) = self.parent_inode(parent).await?;
        if self.child(parent, name).await?.is_some() {
            return Err(BucketError::Exists { what: "file" });
        }
        let implicit = (!directory.explicit).then_some(parent.id());
        let more = self.lock_inodes(implicit).await?;
        let now = self.now();
        let inode = new_inode(self.number().await?, &directory, new, now);
        let mut change = Change::new(self);
        if implicit.is_some() {
            self.make_explicit(&mut change, parent, &mut flight).await?;
        }
        let mut key_name = name.to_vec();
        if let NewKind::Symlink(target) = new.kind {
            if target.is_empty() || target.len() > TARGET_BYTES_MAX {
                return Err(BucketError::TooLarge {
                    what: "target",
                    max: TARGET_BYTES_MAX as u64,
                });
            }
            change.put(&BucketKey::Small(inode.id), target);
        }
        let mut state = None;
        if inode.kind == InodeKind::Directory {
            key_name.push(b'/');
            state = Some(put_state(&mut change, inode.id, now));
        }
        let place = place_in(parent, &key_name, inode.kind);
        change.inode(&place, &inode);
        change.touch(parent.id(), &touch_for(name, inode.kind, 1, now));
        flight.entry(parent.id(), name);
        flight.attributes(inode.id);
        let node = self.shared.nodes.intern(inode.id, inode.kind, place);
        let lsn = change.commit(self, &mut flight).await?;
        drop((more, locks, admitted));
        self.acknowledge(lsn, ack).await?;
        Ok((node, Info::of(&inode, state.as_ref())))
    }

    /// Removes a name that is no directory's.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::IsDirectory`], [`BucketError::Store`].
    pub async fn unlink(&self, parent: &Node, name: &[u8], ack: Ack) -> Result<(), BucketError> {
        check_name(name)?;
        let mut flight = Flight::new(self);
        self.give_back_dropped().await?;
        self.admit_release().await?;
        let locks = self
            .lock(vec![
                shared(parent.id()),
                alone(LockKey::Name(parent.id(), name.to_vec())),
            ])
            .await?;
        let (directory, _) = self.parent_inode(parent).await?;
        let found = self.child(parent, name).await?;
        let found = found.ok_or_else(|| BucketError::no("file"))?;
        if found.inode.kind == InodeKind::Directory {
            return Err(BucketError::IsDirectory);
        }
        let implicit = (!directory.explicit).then_some(parent.id());
        let more = self
            .lock_inodes(implicit.into_iter().chain([found.inode.id]))
            .await?;
        let found = self.child(parent, name).await?;
        let found = found.ok_or_else(|| BucketError::no("file"))?;
        let mut change = Change::new(self);
        if implicit.is_some() {
            self.make_explicit(&mut change, parent, &mut flight).await?;
        }
        change.delete(&BucketKey::Entry(parent.id(), &found.name));
        let (id, kind) = (found.inode.id, found.inode.kind);
        let left = self
            .drop_link(&mut change, found.inode, &found.place)
            .await?;
        change.touch(parent.id(), &touch_for(name, kind, -1, self.now()));
        flight.entry(parent.id(), name);
        flight.attributes(id);
        let lsn = change.commit(self, &mut flight).await?;
        drop((more, locks));
        self.give_back(left).await?;
        self.acknowledge(lsn, ack).await
    }

    /// Removes a directory in which there is nothing, not even what a mount does not show.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotDirectory`], [`BucketError::NotEmpty`],
    /// [`BucketError::Store`].
    pub async fn rmdir(&self, parent: &Node, name: &[u8], ack: Ack) -> Result<(), BucketError> {
        check_name(name)?;
        check_directory(parent)?;
        let mut flight = Flight::new(self);
        self.give_back_dropped().await?;
        self.admit_release().await?;
        loop {
            let seen = self.child(parent, name).await?;
            let seen = seen.ok_or_else(|| BucketError::no("directory"))?.inode;
            if seen.kind != InodeKind::Directory {
                return Err(BucketError::NotDirectory);
            }
            let locks = self
                .lock(vec![
                    shared(parent.id()),
                    alone(LockKey::Directory(seen.id)),
                    alone(LockKey::Name(parent.id(), name.to_vec())),
                ])
                .await?;
            let (directory, _) = self.parent_inode(parent).await?;
            let implicit = (!directory.explicit).then_some(parent.id());
            let more = self
                .lock_inodes(implicit.into_iter().chain([seen.id]))
                .await?;
            let Some(found) = self.child(parent, name).await? else {
                return Err(BucketError::no("directory"));
            };
            if found.inode.id != seen.id {
                continue;
            }
            if !self.look(|tree| is_empty(tree, seen.id)).await? {
                return Err(BucketError::NotEmpty);
            }
            let mut change = Change::new(self);
            if implicit.is_some() {
                self.make_explicit(&mut change, parent, &mut flight).await?;
            }
            let left = self
                .drop_directory(&mut change, parent.id(), &found.name, &found.inode)
                .await?;
            let touch = touch_for(name, InodeKind::Directory, -1, self.now());
            change.touch(parent.id(), &touch);
            flight.entry(parent.id(), name);
            flight.attributes(seen.id);
            let lsn = change.commit(self, &mut flight).await?;
            drop((more, locks));
            self.give_back(left).await?;
            return self.acknowledge(lsn, ack).await;
        }
    }

    /// Removes the entry of an empty directory and all that it has.
    pub(crate) async fn drop_directory(
        &self,
        change: &mut Change,
        parent: InodeId,
        name: &[u8],
        inode: &Inode,
    ) -> Result<crate::removal::Left, BucketError> {
        change.delete(&BucketKey::Entry(parent, name));
        change.delete(&BucketKey::Directory(inode.id));
        self.drop_inode(change, inode).await
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Invalid`] if it is none.
    pub async fn readlink(&self, node: &Node) -> Result<Vec<u8>, BucketError> {
        if node.kind() != InodeKind::Symlink {
            return Err(BucketError::Invalid {
                what: "this is no symbolic link",
            });
        }
        self.read(node, 0, TARGET_BYTES_MAX).await
    }
}

/// The place of an entry. Directories know the node above them.
pub(crate) fn place_in(parent: &Node, name: &[u8], kind: InodeKind) -> Place {
    Place::Entry {
        parent: (kind == InodeKind::Directory).then(|| parent.clone()),
        directory: parent.id(),
        name: name.to_vec(),
    }
}

/// The state of a new directory.
pub(crate) fn put_state(change: &mut Change, id: InodeId, now: i64) -> DirectoryState {
    let state = DirectoryState {
        modified: now,
        changed: now,
        ..DirectoryState::default()
    };
    change.put(&BucketKey::Directory(id), &state.encode());
    state
}
