//! Renaming objects by their keys.

use super::*;
use crate::quota::adopt;

impl Bucket {
    /// Moves an object to another key, in the place of what is there: in one batch, with the same
    /// inode. Directories that are missing are made, those without a key any more go. Where both
    /// keys end with `/` it is the directory that moves, with all that is below it, also one that
    /// is there only for that; it takes the place of an empty one.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if there is no object, or directory, `from`;
    /// [`BucketError::Invalid`] if only one of the keys ends with `/`, [`BucketError::NotEmpty`] of
    /// the directory that would be replaced, [`BucketError::Below`],
    /// [`BucketError::Precondition`], [`BucketError::InTheWay`], [`BucketError::Name`],
    /// [`BucketError::Store`].
    pub async fn rename_object(
        &self,
        from: &[u8],
        to: &[u8],
        owner: Owner,
        preconditions: RenamePreconditions<'_>,
        ack: Ack,
    ) -> Result<(), BucketError> {
        let (from, to) = (Key::parse(from)?, Key::parse_to_put(to)?);
        if from.is_directory() != to.is_directory() {
            return Err(BucketError::Invalid {
                what: "either both keys end with a slash or none does",
            });
        }
        let admitted = self.admit(0).await?;
        loop {
            let seen = (self.way(&from).await?, self.way(&to).await?);
            if !(leads_to_file(&seen.0) || leads_to_directory(&seen.0)) {
                return Err(BucketError::no("object"));
            }
            let done = self
                .try_rename_object((&from, &to), seen, owner, preconditions)
                .await?;
            if let Some((flight, lsn, left)) = done {
                drop(admitted);
                self.give_back(left).await;
                return flight.acknowledge(lsn, ack).await;
            }
        }
    }

    pub(super) async fn try_rename_object(
        &self,
        (from, to): (&Key, &Key),
        seen: (Way, Way),
        owner: Owner,
        preconditions: RenamePreconditions<'_>,
    ) -> Result<Option<Done<'_>>, BucketError> {
        let mut flight = Flight::new(self);
        let mut announced = Announced {
            shared: &self.shared,
            directories: Vec::new(),
        };
        let locked = self.last_keys(&seen.0, &mut announced).await?;
        let mut keys = remove_locks(from, &seen.0, locked);
        keys.extend(put_locks(to, &seen.1));
        let replaced = seen.1.found.as_ref().map(EntryRecord::id);
        if from.is_directory() {
            keys.push(alone(LockKey::Shape));
            keys.extend(replaced.map(|id| alone(LockKey::Directory(id))));
        }
        let _locks = self.lock(keys).await?;
        let inodes = remove_inodes(&seen.0, locked).into_iter().chain(replaced);
        let _inodes = self.lock_inodes(inodes).await?;
        let ways = (self.way(from).await?, self.way(to).await?);
        if !ways.0.is_like(&seen.0) || !ways.1.is_like(&seen.1) {
            return Ok(None);
        }
        let entry = self.allowed_to_move(&ways, preconditions).await?;
        let mut moved = self.look(|tree| inode_of(tree, entry.clone())).await?;
        if replaced == Some(moved.id) {
            return Ok(Some((flight, self.pool.durable_lsn(), Left::Nothing)));
        }
        if from.is_directory() {
            self.check_place(&ways.1, moved.id).await?;
        }
        let above = (&ways.0.last().inode, &ways.1.last().inode);
        self.check_move(above, &moved)?;
        adopt(&mut moved, above.1);
        let mut change = Change::new(self);
        let kept: Vec<InodeId> = ways.1.above.iter().map(|above| above.inode.id).collect();
        let going = Going {
            way: &ways.0,
            locked,
            kept: &kept,
        };
        change.delete(&BucketKey::Entry(ways.0.directory(), &from.key_name()));
        let lost = self
            .lose_key(&mut change, &going, from, &mut flight)
            .await?;
        let Some(mut left) = lost else {
            return Ok(None);
        };
        let above = self
            .make_directories(&mut change, to, &ways.1, owner, &mut flight)
            .await?;
        let ends = (from, to);
        let more = if from.is_directory() {
            self.arrive_with_all(&mut change, ends, &ways, (moved, &above), &mut flight)
                .await?
        } else {
            self.arrive(&mut change, ends, &ways, (moved, &above), &mut flight)
                .await?
        };
        if more == Left::Cleanup {
            left = more;
        }
        let lsn = change.commit(self, &mut flight).await?;
        Ok(Some((flight, lsn, left)))
    }

    /// What is moved, if nothing is in its way and both ends are as they were demanded to be.
    async fn allowed_to_move(
        &self,
        ways: &(Way, Way),
        preconditions: RenamePreconditions<'_>,
    ) -> Result<EntryRecord, BucketError> {
        if ways.1.blocked {
            return Err(BucketError::InTheWay);
        }
        self.check_precondition(&ways.0, preconditions.moved)
            .await?;
        self.check_precondition(&ways.1, preconditions.replaced)
            .await?;
        let found = ways.0.found.clone();
        found.ok_or(BucketError::no("object"))
    }

    /// Puts a file that was taken from one key at another.
    pub(super) async fn arrive(
        &self,
        change: &mut Change,
        (from, to): (&Key, &Key),
        ways: &(Way, Way),
        (mut moved, above): (Inode, &Parent),
        flight: &mut Flight<'_>,
    ) -> Result<Left, BucketError> {
        let now = self.now();
        let parent = &above.inode;
        let mut left = Left::Nothing;
        if let Some(found) = ways.1.found.clone() {
            let old = self.look(|tree| inode_of(tree, found.clone())).await?;
            flight.attributes(old.id);
            left = self.drop_link(change, old, &old_place(&ways.1, to)).await?;
            change.touch(parent.id, &touch_for(to.name(), InodeKind::File, -1, now));
        }
        moved.changed = now;
        let place = old_place(&ways.0, from);
        if matches!(place, Place::Own) {
            let link = EntryRecord::Link(moved.id, moved.kind).encode();
            change.inode(&Place::Own, &moved);
            change.put(&BucketKey::Entry(parent.id, to.name()), &link);
        } else {
            let node = self.shared.nodes.intern(moved.id, moved.kind, place);
            let there = Place::Entry {
                parent: None,
                directory: parent.id,
                name: to.key_name(),
            };
            change.inode(&there, &moved);
            node.may_be_at(there);
        }
        if ways.1.is_whole(to) {
            change.touch(parent.id, &touch_for(to.name(), InodeKind::File, 1, now));
        }
        flight.entry(parent.id, to.name());
        flight.attributes(moved.id);
        Ok(left)
    }
}
