//! Publishing what was staged.

use super::*;
use crate::bucket::Locks;

/// What is put, and where.
#[derive(Clone, Copy)]
pub(crate) struct Put<'a> {
    pub(crate) key: &'a Key,
    pub(crate) owner: Owner,
    pub(crate) object: &'a ObjectMetadata,
    pub(crate) precondition: Option<Precondition<'a>>,
}

/// All attributes with their values.
pub(super) fn all_attributes(tree: &Tree, inode: &Inode) -> Look<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut all = Vec::new();
    for name in attribute_names(tree, inode)? {
        if let Some(value) = attribute(tree, inode, &name)? {
            all.push((name, value));
        }
    }
    Ok(all)
}

/// Where the record of a replaced file is.
pub(crate) fn old_place(way: &Way, key: &Key) -> Place {
    match &way.found {
        Some(engine_format::EntryRecord::Inline(_)) => Place::Entry {
            parent: None,
            directory: way.directory(),
            name: key.key_name(),
        },
        _ => Place::Own,
    }
}

/// What a put locks: the shape, and the one name under which the way goes on.
pub(crate) fn put_locks(key: &Key, way: &Way) -> Vec<(LockKey, LockMode)> {
    let directory = way.directory();
    let name = way.next_name(key).to_vec();
    vec![
        (LockKey::Shape, LockMode::Shared),
        shared(directory),
        alone(LockKey::Name(directory, name)),
    ]
}

impl Bucket {
    /// Locks the last directory that is there on the way to a key, so that it stays and counts for
    /// the quota that it does; its inode.
    pub(crate) async fn lock_directory_of(
        &self,
        key: &Key,
    ) -> Result<(Locks<'_>, Inode), BucketError> {
        loop {
            let seen = self.way(key).await?;
            let locks = self.lock(put_locks(key, &seen)).await?;
            let now = self.way(key).await?;
            if now.directory() == seen.directory() {
                return Ok((locks, now.last().inode.clone()));
            }
        }
    }

    /// Publishes content; `also` adds to the batch.
    pub(crate) async fn publish(
        &self,
        put: &Put<'_>,
        ready: &mut Ready,
        ack: Ack,
        also: impl Fn(&mut Change),
    ) -> Result<Info, BucketError> {
        let admitted = self.admit(ready.rest.len()).await?;
        loop {
            let mut flight = Flight::new(self);
            let seen = self.way(put.key).await?;
            let locks = self.lock(put_locks(put.key, &seen)).await?;
            let old = seen.found.as_ref().map(engine_format::EntryRecord::id);
            let inodes = self.lock_inodes(old).await?;
            let way = self.way(put.key).await?;
            if !way.is_like(&seen) {
                continue;
            }
            if way.blocked {
                return Err(BucketError::InTheWay);
            }
            self.check_precondition(&way, put.precondition).await?;
            let mut change = Change::new(self);
            change.claimed_by(ready.claim.as_ref());
            also(&mut change);
            let (inode, left) = self
                .put_on(&mut change, put, &way, ready, &mut flight)
                .await?;
            let lsn = change.commit(self, &mut flight).await?;
            drop((inodes, locks, admitted));
            self.give_back(left).await;
            flight.acknowledge(lsn, ack).await?;
            return Ok(Info::of(&inode, None));
        }
    }

    pub(super) async fn put_on(
        &self,
        change: &mut Change,
        put: &Put<'_>,
        way: &Way,
        ready: &mut Ready,
        flight: &mut Flight<'_>,
    ) -> Result<(Inode, Left), BucketError> {
        let now = self.now();
        let above = self
            .make_directories(change, put.key, way, put.owner, flight)
            .await?;
        let parent = &above.inode;
        let old = self.old_inode(way).await?;
        let key_name = put.key.key_name();
        let mut left = Left::Nothing;
        let mut inode = match &old {
            Some(old) if put.key.is_directory() => {
                let (inode, more) = self.blank_directory(change, old, now).await?;
                left = more;
                inode
            }
            _ => {
                let heir = old.is_none().then_some(&mut *change);
                self.new_object(heir, put, &above, ready).await?
            }
        };
        if put.key.is_directory() {
            self.place_directory_content(change, &mut inode, ready);
            if old.is_none() {
                put_state_with(change, inode.id, now, None);
            }
        } else {
            place_content(change, &mut inode, ready);
            if let Some(old) = &old {
                self.inherit(change, &mut inode, old).await?;
                let place = old_place(way, put.key);
                left = self.drop_link(change, old.clone(), &place).await?;
                flight.attributes(old.id);
            }
        }
        if ready.staged.is_some() {
            change.delete(&BucketKey::Held(ready.id));
        }
        inode.explicit = put.key.is_directory();
        inode.fields.entity_tag.clone_from(&put.object.entity_tag);
        inode.fields.checksums.clone_from(&put.object.checksums);
        for (name, value) in &put.object.metadata {
            let name = [OBJECT_PREFIX, name].concat();
            put_attribute(change, &mut inode, &name, value);
        }
        let place = Place::Entry {
            parent: None,
            directory: parent.id,
            name: key_name.clone(),
        };
        change.inode(&place, &inode);
        if old.is_none() && way.is_whole(put.key) {
            change.touch(parent.id, &touch_for(&key_name, inode.kind, 1, now));
        } else if !put.key.is_directory() && way.is_whole(put.key) {
            let touch = Touch {
                modified: Some(now),
                changed: Some(now),
                ..Touch::default()
            };
            change.touch(parent.id, &touch);
        }
        flight.entry(parent.id, &key_name);
        flight.content(inode.id);
        Ok((inode, left))
    }

    /// A directory whose own object is replaced, without it.
    async fn blank_directory(
        &self,
        change: &mut Change,
        old: &Inode,
        now: i64,
    ) -> Result<(Inode, Left), BucketError> {
        let mut inode = old.clone();
        let left = self.drop_content(change, old).await?;
        self.take_object_attributes(change, &mut inode).await?;
        // Of the object; the directory itself changes with its entries.
        (inode.modified, inode.changed) = (now, now);
        let touch = Touch {
            changed: Some(now),
            ..Touch::default()
        };
        change.touch(inode.id, &touch);
        Ok((inode, left))
    }

    pub(super) async fn old_inode(&self, way: &Way) -> Result<Option<Inode>, BucketError> {
        match &way.found {
            None => Ok(None),
            Some(found) => {
                let found = self.look(|tree| inode_of(tree, found.clone())).await?;
                Ok(Some(found))
            }
        }
    }

    /// A new file or directory in `above`; without an `heir` it takes over from another one, and
    /// does not inherit from the directory.
    pub(super) async fn new_object(
        &self,
        heir: Option<&mut Change>,
        put: &Put<'_>,
        above: &Parent,
        ready: &Ready,
    ) -> Result<Inode, BucketError> {
        let (kind, mode, id) = if put.key.is_directory() {
            // Its number must not be that of its content.
            (NewKind::Directory, 0o777, self.number().await?)
        } else {
            (NewKind::File, 0o666, ready.id)
        };
        let default = above.default_list.as_deref();
        let inherited = Inherited::new(default, kind.kind(), mode, put.owner.umask);
        let new = NewInode {
            kind,
            mode: inherited.mode,
            uid: put.owner.uid,
            gid: put.owner.gid,
        };
        let mut inode = new_inode(id, &above.inode, &new, self.now());
        if let Some(change) = heir {
            inherited.put(change, &mut inode);
        }
        Ok(inode)
    }

    /// What a file leaves to the one that comes in its place.
    pub(super) async fn inherit(
        &self,
        change: &mut Change,
        inode: &mut Inode,
        old: &Inode,
    ) -> Result<(), BucketError> {
        inode.mode = old.mode & !SET_ID;
        inode.uid = old.uid;
        inode.gid = old.gid;
        for (name, value) in self.look(|tree| all_attributes(tree, old)).await? {
            if !name.starts_with(OBJECT_PREFIX) && name != CAPABILITY {
                put_attribute(change, inode, &name, &value);
            }
        }
        Ok(())
    }

    /// Takes the metadata that an object has as such away.
    pub(crate) async fn take_object_attributes(
        &self,
        change: &mut Change,
        inode: &mut Inode,
    ) -> Result<(), BucketError> {
        let of: &Inode = inode;
        let names = self.look(|tree| attribute_names(tree, of)).await?;
        for name in names.iter().filter(|name| name.starts_with(OBJECT_PREFIX)) {
            take_attribute(change, inode, name);
        }
        inode.fields.entity_tag = None;
        inode.fields.checksums = None;
        Ok(())
    }
}
