//! Removing and renaming objects by their keys.
//!
//! A directory that is there only for the keys below it goes in the same batch as the last of
//! them. Whoever removes a key announces it first, and locks the directory alone if it may be the
//! last one: so others that remove keys of the same directory do not wait for each other.

use engine_base::Lsn;
use engine_format::{BucketKey, DirectoryState, EntryRecord, Inode, InodeId, InodeKind, Touch};
use engine_pool::LockMode;

use crate::bucket::{LockKey, Shared};
use crate::change::Change;
use crate::flight::Flight;
use crate::key::{Above, Key, Way, object_of};
use crate::look::{inode_of, is_empty, state};
use crate::names::{alone, shared, touch_for};
use crate::node::Place;
use crate::object::{Precondition, leads_to_file};
use crate::put::{old_place, put_locks};
use crate::removal::Left;
use crate::{Ack, Bucket, BucketError, Owner};

/// What removing an object did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// There was one.
    pub existed: bool,
}

/// Keys of directories that this operation is about to remove.
struct Announced<'a> {
    shared: &'a Shared,
    directories: Vec<InodeId>,
}

impl Announced<'_> {
    /// Announces one more; how many others did so before.
    fn add(&mut self, directory: InodeId) -> u64 {
        let mut removing = self.shared.removing.lock();
        let count = removing.entry(directory).or_default();
        let before = *count;
        *count += 1;
        self.directories.push(directory);
        before.into()
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        let mut removing = self.shared.removing.lock();
        for directory in &self.directories {
            if let Some(count) = removing.get_mut(directory) {
                *count -= 1;
                if *count == 0 {
                    removing.remove(directory);
                }
            }
        }
    }
}

/// A name that goes, under locks.
struct Going<'a> {
    way: &'a Way,
    /// How many directories at the end of the way are locked alone.
    locked: usize,
    /// Directories that get a key in the same batch, or something below them does.
    kept: &'a [InodeId],
}

impl Bucket {
    /// Removes an object. A key that ends with `/` and has keys below stops being an object of its
    /// own; the directory stays for them. Directories above that are there only for keys go with
    /// the last one.
    ///
    /// # Errors
    /// [`BucketError::Precondition`], [`BucketError::Name`], [`BucketError::Store`].
    pub async fn remove(
        &self,
        key: &[u8],
        precondition: Option<Precondition<'_>>,
        ack: Ack,
    ) -> Result<Removed, BucketError> {
        let key = Key::parse(key)?;
        self.give_back_dropped().await?;
        self.admit_release().await?;
        loop {
            let seen = self.way(&key).await?;
            if self.look(|tree| object_of(tree, &seen)).await?.is_none() {
                self.check_precondition(&seen, precondition).await?;
                let lsn = self.seen([seen.directory()]);
                self.acknowledge(lsn, ack).await?;
                return Ok(Removed { existed: false });
            }
            let done = self.try_remove(&key, &seen, precondition).await?;
            if let Some((lsn, left)) = done {
                self.give_back(left).await?;
                self.acknowledge(lsn, ack).await?;
                return Ok(Removed { existed: true });
            }
        }
    }

    async fn try_remove(
        &self,
        key: &Key,
        seen: &Way,
        precondition: Option<Precondition<'_>>,
    ) -> Result<Option<(Lsn, Left)>, BucketError> {
        let mut flight = Flight::new(self);
        let mut announced = Announced {
            shared: &self.shared,
            directories: Vec::new(),
        };
        let locked = self.last_keys(seen, &mut announced).await?;
        let _locks = self.lock(remove_locks(key, seen, locked)).await?;
        let _inodes = self.lock_inodes(remove_inodes(seen, locked)).await?;
        let way = self.way(key).await?;
        if !way.is_like(seen) {
            return Ok(None);
        }
        self.check_precondition(&way, precondition).await?;
        let Some(inode) = self.look(|tree| object_of(tree, &way)).await? else {
            return Ok(None);
        };
        let mut change = Change::new(self);
        let going = Going {
            way: &way,
            locked,
            kept: &[],
        };
        let directory = inode.kind == InodeKind::Directory;
        if directory && !self.look(|tree| is_empty(tree, inode.id)).await? {
            let left = self.take_object(&mut change, key, &way, inode).await?;
            flight.entry(way.directory(), &key.key_name());
            let lsn = change.commit(self, &mut flight).await?;
            return Ok(Some((lsn, left)));
        }
        let id = inode.id;
        let left = if directory {
            self.drop_directory(&mut change, way.directory(), &key.key_name(), &inode)
                .await?
        } else {
            change.delete(&BucketKey::Entry(way.directory(), &key.key_name()));
            let place = old_place(&way, key);
            self.drop_link(&mut change, inode, &place).await?
        };
        flight.attributes(id);
        let gone = self.lose_key(&mut change, &going, key, &mut flight).await?;
        let Some(more) = gone else {
            return Ok(None);
        };
        let lsn = change.commit(self, &mut flight).await?;
        let left = if more == Left::Cleanup { more } else { left };
        Ok(Some((lsn, left)))
    }

    /// How many directories at the end of a way may lose their last key with it.
    async fn last_keys(
        &self,
        way: &Way,
        announced: &mut Announced<'_>,
    ) -> Result<usize, BucketError> {
        let mut count = 0;
        for above in way.above.iter().skip(1).rev() {
            if above.inode.explicit {
                break;
            }
            let others = announced.add(above.inode.id);
            let keys = self.keys_in(above.inode.id).await?.keys;
            if keys.saturating_sub(others) > 1 {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    async fn keys_in(&self, directory: InodeId) -> Result<DirectoryState, BucketError> {
        let found = self.look(|tree| state(tree, directory)).await?;
        Ok(found.unwrap_or_default())
    }

    /// A key goes from the last directory of a way: directories that have no other go too. `None`:
    /// more of them than are locked.
    async fn lose_key(
        &self,
        change: &mut Change,
        going: &Going<'_>,
        key: &Key,
        flight: &mut Flight<'_>,
    ) -> Result<Option<Left>, BucketError> {
        let now = self.now();
        let above = &going.way.above;
        let mut left = Left::Nothing;
        let mut name = key.key_name();
        for index in (0..above.len()).rev() {
            let Above { inode, .. } = &above[index];
            let kind = if name.ends_with(b"/") {
                InodeKind::Directory
            } else {
                InodeKind::File
            };
            flight.entry(inode.id, &name);
            let stays = index == 0 || inode.explicit || going.kept.contains(&inode.id);
            let counts = self.keys_in(inode.id).await?;
            if stays || counts.keys > 1 {
                change.touch(inode.id, &touch_for(&name, kind, -1, now));
                return Ok(Some(left));
            }
            if above.len() - index > going.locked {
                return Ok(None);
            }
            let parent = above[index - 1].inode.id;
            if counts.entries > 1 {
                // What else is in it is no object: it stays for that.
                let mut inode = inode.clone();
                inode.explicit = true;
                let place = Place::Entry {
                    parent: None,
                    directory: parent,
                    name: above[index].name.clone(),
                };
                change.inode(&place, &inode);
                change.touch(inode.id, &touch_for(&name, kind, -1, now));
                return Ok(Some(left));
            }
            let more = self
                .drop_directory(change, parent, &above[index].name, inode)
                .await?;
            if more == Left::Cleanup {
                left = more;
            }
            flight.attributes(inode.id);
            name.clone_from(&above[index].name);
        }
        Ok(Some(left))
    }

    /// A directory stops being an object of its own, if there are keys below it.
    async fn take_object(
        &self,
        change: &mut Change,
        key: &Key,
        way: &Way,
        mut inode: Inode,
    ) -> Result<Left, BucketError> {
        let left = self.drop_content(change, &inode).await?;
        self.take_object_attributes(change, &mut inode).await?;
        inode.content = engine_format::ContentForm::None;
        inode.size = 0;
        inode.allocated = 0;
        inode.changes += 1;
        inode.explicit = self.keys_in(inode.id).await?.keys == 0;
        let place = Place::Entry {
            parent: None,
            directory: way.directory(),
            name: key.key_name(),
        };
        change.inode(&place, &inode);
        let touch = Touch {
            changed: Some(self.now()),
            ..Touch::default()
        };
        change.touch(inode.id, &touch);
        Ok(left)
    }

    /// Moves an object to another key, in the place of what is there: in one batch, with the same
    /// inode. Directories that are missing are made, those without a key any more go.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if there is no object `from`, [`BucketError::Invalid`] for keys
    /// that end with `/`, [`BucketError::Precondition`] of the object that is replaced,
    /// [`BucketError::InTheWay`], [`BucketError::Name`], [`BucketError::Store`].
    pub async fn rename_object(
        &self,
        from: &[u8],
        to: &[u8],
        owner: Owner,
        precondition: Option<Precondition<'_>>,
        ack: Ack,
    ) -> Result<(), BucketError> {
        let (from, to) = (Key::parse(from)?, Key::parse_to_put(to)?);
        if from.is_directory() || to.is_directory() {
            return Err(BucketError::Invalid {
                what: "only files are renamed by their keys",
            });
        }
        let admitted = self.admit(0).await?;
        loop {
            let seen = (self.way(&from).await?, self.way(&to).await?);
            if !leads_to_file(&seen.0) {
                return Err(BucketError::no("object"));
            }
            let done = self
                .try_rename_object((&from, &to), seen, owner, precondition)
                .await?;
            if let Some((lsn, left)) = done {
                drop(admitted);
                self.give_back(left).await?;
                return self.acknowledge(lsn, ack).await;
            }
        }
    }

    async fn try_rename_object(
        &self,
        (from, to): (&Key, &Key),
        seen: (Way, Way),
        owner: Owner,
        precondition: Option<Precondition<'_>>,
    ) -> Result<Option<(Lsn, Left)>, BucketError> {
        let mut flight = Flight::new(self);
        let mut announced = Announced {
            shared: &self.shared,
            directories: Vec::new(),
        };
        let locked = self.last_keys(&seen.0, &mut announced).await?;
        let mut keys = remove_locks(from, &seen.0, locked);
        keys.extend(put_locks(to, &seen.1));
        let _locks = self.lock(keys).await?;
        let replaced = seen.1.found.as_ref().map(EntryRecord::id);
        let inodes = remove_inodes(&seen.0, locked).into_iter().chain(replaced);
        let _inodes = self.lock_inodes(inodes).await?;
        let ways = (self.way(from).await?, self.way(to).await?);
        if !ways.0.is_like(&seen.0) || !ways.1.is_like(&seen.1) {
            return Ok(None);
        }
        if ways.1.blocked {
            return Err(BucketError::InTheWay);
        }
        self.check_precondition(&ways.1, precondition).await?;
        let moved = self.look(|tree| object_of(tree, &ways.0)).await?;
        let moved = moved.ok_or_else(|| BucketError::no("object"))?;
        if replaced == Some(moved.id) {
            return Ok(Some((self.pool.durable_lsn(), Left::Nothing)));
        }
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
        let more = self
            .arrive(&mut change, (from, to), &ways, (moved, owner), &mut flight)
            .await?;
        if more == Left::Cleanup {
            left = more;
        }
        let lsn = change.commit(self, &mut flight).await?;
        Ok(Some((lsn, left)))
    }

    /// Puts a file that was taken from one key at another.
    async fn arrive(
        &self,
        change: &mut Change,
        (from, to): (&Key, &Key),
        ways: &(Way, Way),
        (mut moved, owner): (Inode, Owner),
        flight: &mut Flight<'_>,
    ) -> Result<Left, BucketError> {
        let now = self.now();
        let parent = self
            .make_directories(change, to, &ways.1, owner, flight)
            .await?;
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

/// What removing a key locks, with `alone_count` directories at the end of the way alone.
fn remove_locks(key: &Key, way: &Way, alone_count: usize) -> Vec<(LockKey, LockMode)> {
    let mut keys = vec![(LockKey::Shape, LockMode::Shared)];
    let mut name = key.name().to_vec();
    if key.is_directory()
        && let Some(found) = &way.found
    {
        keys.push(alone(LockKey::Directory(found.id())));
    }
    let last = way.above.len() - 1;
    for (index, above) in way.above.iter().enumerate().rev() {
        let id = above.inode.id;
        keys.push(alone(LockKey::Name(id, name)));
        if last - index >= alone_count {
            keys.push(shared(id));
            break;
        }
        keys.push(alone(LockKey::Directory(id)));
        name = above
            .name
            .strip_suffix(b"/")
            .unwrap_or(&above.name)
            .to_vec();
    }
    keys
}

fn remove_inodes(way: &Way, alone_count: usize) -> Vec<InodeId> {
    let doomed = way.above.iter().rev().take(alone_count);
    let doomed = doomed.map(|above| above.inode.id);
    doomed
        .chain(way.found.as_ref().map(EntryRecord::id))
        .collect()
}
