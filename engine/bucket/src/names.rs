//! Names, by directory and name: what a mount does.
//!
//! Order of locks in every operation here: first directories and names, then, once it is known
//! which inodes the names lead to, those inodes. Entries are looked at again after each.

mod unmake;

mod lookup;

use engine_format::{
    BucketKey, ContentForm, DirectoryState, EntryRecord, Inode, InodeFields, InodeId, InodeKind,
    Touch,
};
use engine_pool::LockMode;

use crate::acl::{Inherited, default_of};
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
        fields: InodeFields::of_project(parent.fields.project),
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
    /// Makes a file, a directory, a symbolic link or a device. In a directory with a default
    /// access control list that limits the mode.
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
        self.create_with_umask(parent, name, new, 0, ack).await
    }

    /// As [`Bucket::create`] with the mode as it was asked for: `umask` is taken away from it where
    /// no default access control list of the directory says what is.
    ///
    /// # Errors
    /// As [`Bucket::create`].
    pub async fn create_with_umask(
        &self,
        parent: &Node,
        name: &[u8],
        new: &NewInode<'_>,
        umask: u16,
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
        let default = self.look(|tree| default_of(tree, &directory)).await?;
        let inherited = Inherited::new(default.as_deref(), new.kind.kind(), new.mode, umask);
        let masked = NewInode {
            mode: inherited.mode,
            ..*new
        };
        let mut inode = new_inode(self.number().await?, &directory, &masked, now);
        let mut change = Change::new(self);
        inherited.put(&mut change, &mut inode);
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
        flight.acknowledge(lsn, ack).await?;
        Ok((node, Info::of(&inode, state.as_ref())))
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
