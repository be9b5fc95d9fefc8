//! Attributes of inodes.

use engine_base::Lsn;
use engine_format::{DirectoryState, Inode, InodeId, InodeKind, Touch};
use engine_tree::Tree;

use crate::acl;
use crate::change::Change;
use crate::flight::Flight;
use crate::look::{Look, inode_at, state};
use crate::node::{Node, Place};
use crate::xattr::{attribute, put_attribute};
use crate::{Ack, Bucket, BucketError};

/// What is known of an inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its number, never used again in this bucket.
    pub id: InodeId,
    /// What it is.
    pub kind: InodeKind,
    /// Permissions: 12 bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Names; of a directory two and one for each directory in it.
    pub links: u64,
    /// Of a device: its number.
    pub device: u32,
    /// Bytes. Of a directory those of the content that its key has as an object.
    pub size: u64,
    /// Bytes that are stored.
    pub allocated: u64,
    /// Last access as set, in nanoseconds since 1970 UTC, as the next three.
    pub accessed: i64,
    /// Last change of content, or of a directory's entries.
    pub modified: i64,
    /// Last change of anything.
    pub changed: i64,
    /// When it was created.
    pub created: i64,
    /// Changes of content so far: with `id` it names a content for good.
    pub changes: u64,
    /// Of a directory: it exists for its own sake, not only for the keys below it.
    pub explicit: bool,
    /// The entity tag that was given to the content; `None`: it was last changed in place.
    pub entity_tag: Option<Vec<u8>>,
    /// Checksums that came with the content.
    pub checksums: Option<Vec<u8>>,
}

impl Info {
    pub(crate) fn of(inode: &Inode, state: Option<&DirectoryState>) -> Self {
        Self {
            id: inode.id,
            kind: inode.kind,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
            links: state.map_or(inode.links.into(), |state| 2 + state.directories),
            device: inode.device,
            size: inode.size,
            allocated: inode.allocated,
            accessed: inode.accessed,
            modified: state.map_or(inode.modified, |state| state.modified),
            changed: state.map_or(inode.changed, |state| state.changed),
            created: inode.created,
            changes: inode.changes,
            explicit: inode.explicit,
            entity_tag: inode.fields.entity_tag.clone(),
            checksums: inode.fields.checksums.clone(),
        }
    }
}

/// What to set of an inode's attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SetAttributes {
    /// Permissions: 12 bits.
    pub mode: Option<u16>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Last access, in nanoseconds since 1970 UTC.
    pub accessed: Option<i64>,
    /// Last change of content.
    pub modified: Option<i64>,
}

/// An inode with, for a directory, its state.
pub(crate) fn info(tree: &Tree, inode: &Inode) -> Look<Info> {
    let state = match inode.kind {
        InodeKind::Directory => state(tree, inode.id)?,
        _ => None,
    };
    Ok(Info::of(inode, state.as_ref()))
}

impl Bucket {
    /// The attributes of an inode.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if it is gone.
    pub async fn info(&self, node: &Node) -> Result<Info, BucketError> {
        self.look(|tree| match inode_at(tree, node.id(), &node.places())? {
            Some((inode, _)) => info(tree, &inode),
            None => Err(BucketError::no("file").into()),
        })
        .await
    }

    /// Up to where the log must be durable before what was seen of these inodes may be shown to
    /// somebody who relies on it: see [`Bucket::durable`]. Call it after looking.
    #[must_use]
    pub fn seen_of(&self, nodes: &[&Node]) -> Lsn {
        self.seen(nodes.iter().map(|node| node.id()))
    }

    /// The inode as it is, and where. The caller holds its lock.
    pub(crate) async fn locked_inode(&self, node: &Node) -> Result<(Inode, Place), BucketError> {
        let places = node.places();
        let found = self.look(|tree| inode_at(tree, node.id(), &places)).await?;
        let (inode, place) = found.ok_or_else(|| BucketError::no("file"))?;
        if places.len() > 1 {
            // What began to move it was dropped: it is clear now where it ended.
            node.set_places(vec![place.clone()]);
        }
        Ok((inode, place))
    }

    /// After a change of the mode: the access control list says the same.
    async fn follow_mode(&self, change: &mut Change, inode: &mut Inode) -> Result<(), BucketError> {
        let of: &Inode = inode;
        let list = self.look(|tree| attribute(tree, of, acl::ACCESS)).await?;
        let list = list.and_then(|list| acl::after_mode(&list, inode.mode));
        if let Some(list) = list {
            put_attribute(change, inode, acl::ACCESS, &list);
        }
        Ok(())
    }

    /// Sets attributes; an access control list follows the mode. A directory that was there only
    /// for the keys below it is explicit from then on.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn set_attributes(
        &self,
        node: &Node,
        set: &SetAttributes,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let mut flight = Flight::new(self);
        let admitted = self.admit(0).await?;
        let locks = self.lock_inodes([node.id()]).await?;
        let (mut inode, place) = self.locked_inode(node).await?;
        let now = self.now();
        inode.mode = set.mode.unwrap_or(inode.mode) & 0o7777;
        inode.uid = set.uid.unwrap_or(inode.uid);
        inode.gid = set.gid.unwrap_or(inode.gid);
        inode.accessed = set.accessed.unwrap_or(inode.accessed);
        inode.modified = set.modified.unwrap_or(inode.modified);
        inode.changed = now;
        let mut change = Change::new(self);
        if set.mode.is_some() {
            self.follow_mode(&mut change, &mut inode).await?;
        }
        if inode.kind == InodeKind::Directory {
            inode.explicit = true;
            let touch = Touch {
                modified: set.modified,
                changed: Some(now),
                ..Touch::default()
            };
            change.touch(inode.id, &touch);
        }
        change.inode(&place, &inode);
        flight.attributes(node.id());
        let lsn = change.commit(self, &mut flight).await?;
        let info = self.look(|tree| info(tree, &inode)).await?;
        drop(locks);
        drop(admitted);
        flight.acknowledge(lsn, ack).await?;
        Ok(info)
    }
}
