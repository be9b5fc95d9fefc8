//! Removing and renaming objects by their keys.
//!
//! A directory that is there only for the keys below it goes in the same batch as the last of
//! them. Whoever removes a key announces it first, and locks the directory alone if it may be the
//! last one: so others that remove keys of the same directory do not wait for each other.

mod arrive;
mod directory;

mod locks;

use engine_base::Lsn;
use engine_format::{BucketKey, DirectoryState, EntryRecord, Inode, InodeId, InodeKind, Touch};
use engine_pool::LockMode;

use crate::bucket::{LockKey, Shared};
use crate::change::Change;
use crate::flight::Flight;
use crate::key::{Above, Key, Way, object_of};
use crate::look::{inode_of, is_empty, state};
use crate::names::{alone, place_in, shared, touch_for};
use crate::node::Place;
use crate::object::{Precondition, RenamePreconditions, leads_to_directory, leads_to_file};
use crate::put::{Parent, old_place, put_locks};
use crate::removal::Left;
use crate::{Ack, Bucket, BucketError, Owner};

use locks::{remove_inodes, remove_locks};

/// What removing an object did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// There was one.
    pub existed: bool,
}

/// What was committed, at which position, and what is left to do.
type Done<'a> = (Flight<'a>, Lsn, Left);

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
        self.give_back_dropped().await;
        self.admit_release().await?;
        loop {
            let seen = self.way(&key).await?;
            if self.look(|tree| object_of(tree, &seen)).await?.is_none() {
                self.check_precondition(&seen, precondition).await?;
                let lsn = self.seen(seen.directories());
                self.acknowledge(lsn, ack).await?;
                return Ok(Removed { existed: false });
            }
            let done = self.try_remove(&key, &seen, precondition).await?;
            if let Some((flight, lsn, left)) = done {
                self.give_back(left).await;
                flight.acknowledge(lsn, ack).await?;
                return Ok(Removed { existed: true });
            }
        }
    }

    async fn try_remove(
        &self,
        key: &Key,
        seen: &Way,
        precondition: Option<Precondition<'_>>,
    ) -> Result<Option<Done<'_>>, BucketError> {
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
            return Ok(Some((flight, lsn, left)));
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
        Ok(Some((flight, lsn, left)))
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
        inode.changes = self.next_change(inode.changes);
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
}
