//! More names for a file.

use super::*;

pub(super) fn check_links(inode: &Inode) -> Result<(), BucketError> {
    match inode.links {
        0 => Err(BucketError::no("file")),
        LINKS_MAX.. => Err(BucketError::TooManyLinks { max: LINKS_MAX }),
        _ => Ok(()),
    }
}

impl Bucket {
    /// Gives a file one more name.
    ///
    /// # Errors
    /// [`BucketError::Exists`], [`BucketError::IsDirectory`], [`BucketError::NotFound`] if the file
    /// has no name any more, [`BucketError::TooManyLinks`], [`BucketError::Name`],
    /// [`BucketError::Store`].
    pub async fn link(
        &self,
        node: &Node,
        to: (&Node, &[u8]),
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let (parent, name) = to;
        check_name(name)?;
        if node.kind() == InodeKind::Directory {
            return Err(BucketError::IsDirectory);
        }
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
        let more = self
            .lock_inodes(implicit.into_iter().chain([node.id()]))
            .await?;
        let (mut inode, place) = self.locked_inode(node).await?;
        check_links(&inode)?;
        self.check_link(&inode, &directory)?;
        let now = self.now();
        inode.links += 1;
        inode.changed = now;
        let mut change = Change::new(self);
        if implicit.is_some() {
            self.make_explicit(&mut change, parent, &mut flight).await?;
        }
        let link = EntryRecord::Link(inode.id, inode.kind).encode();
        if let Place::Entry {
            directory, name, ..
        } = &place
        {
            change.put(&BucketKey::Entry(*directory, name), &link);
            node.may_be_at(Place::Own);
        }
        change.inode(&Place::Own, &inode);
        change.put(&BucketKey::Entry(parent.id(), name), &link);
        change.touch(parent.id(), &touch_for(name, inode.kind, 1, now));
        flight.entry(parent.id(), name);
        flight.attributes(inode.id);
        let lsn = change.commit(self, &mut flight).await?;
        drop((more, locks, admitted));
        flight.acknowledge(lsn, ack).await?;
        Ok(Info::of(&inode, None))
    }
}
