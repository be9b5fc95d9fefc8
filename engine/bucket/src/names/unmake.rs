//! Removing names.

use super::*;

impl Bucket {
    /// Removes a name that is no directory's.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::IsDirectory`], [`BucketError::Store`].
    pub async fn unlink(&self, parent: &Node, name: &[u8], ack: Ack) -> Result<(), BucketError> {
        check_name(name)?;
        let mut flight = Flight::new(self);
        self.give_back_dropped().await;
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
        self.give_back(left).await;
        flight.acknowledge(lsn, ack).await
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
        self.give_back_dropped().await;
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
            self.give_back(left).await;
            return flight.acknowledge(lsn, ack).await;
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
        if let Some(project) = self.project_at(inode) {
            change.end_project(project);
        }
        self.drop_inode(change, inode).await
    }
}
