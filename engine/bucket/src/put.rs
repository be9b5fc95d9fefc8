//! Putting objects: content is staged as it comes, and one small batch publishes it.

use engine_base::limits::WRITE_BYTES_MAX;
use engine_format::{
    BucketKey, Cleanup, ContentForm, DirectoryState, Held, Inode, InodeId, InodeKind, PieceRecord,
    SMALL_BYTES_MAX, Touch,
};
use engine_pool::LockMode;
use engine_tree::Tree;

use crate::attributes::Info;
use crate::bucket::{Dropped, LockKey};
use crate::change::Change;
use crate::content::find;
use crate::flight::Flight;
use crate::key::{Key, Way};
use crate::look::{Look, inode_of, value};
use crate::names::{NewInode, NewKind, alone, new_inode, shared, touch_for};
use crate::node::Place;
use crate::object::Precondition;
use crate::removal::Left;
use crate::write::{FILE_BYTES_MAX, padded};
use crate::xattr::{OBJECT_PREFIX, attribute, attribute_names, check_attribute, put_attribute};
use crate::{Ack, Bucket, BucketError};

/// An attribute that a replaced file does not leave to its successor.
const CAPABILITY: &[u8] = b"security.capability";
const SET_ID: u16 = 0o6000;

/// Whose new files and directories are, and what their permissions lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permissions that are taken away.
    pub umask: u16,
}

/// What an object is given besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectMetadata {
    /// Its entity tag; up to 64 bytes.
    pub entity_tag: Option<Vec<u8>>,
    /// Checksums of the content as the frontend encodes them; up to 256 bytes.
    pub checksums: Option<Vec<u8>>,
    /// Metadata by names without [`OBJECT_PREFIX`].
    pub metadata: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Content on its way to become an object. Dropping it gives it back.
#[derive(Debug)]
pub struct Upload {
    pub(crate) bucket: Bucket,
    /// The number that its extents have, once there are any.
    pub(crate) content: Option<InodeId>,
    /// What is not staged yet: less than one batch takes.
    pub(crate) rest: Vec<u8>,
    pub(crate) staged: u64,
}

/// Content that is ready to be published.
pub(crate) struct Ready {
    pub(crate) id: InodeId,
    pub(crate) size: u64,
    /// Already in extents, or pieces, and held.
    pub(crate) staged: Option<ContentForm>,
    pub(crate) allocated: u64,
    /// What comes behind what is staged.
    pub(crate) rest: Vec<u8>,
    pub(crate) rest_at: u64,
}

impl ObjectMetadata {
    pub(crate) fn check(&self) -> Result<(), BucketError> {
        let tag = self.entity_tag.as_ref().map_or(0, Vec::len);
        let checksums = self.checksums.as_ref().map_or(0, Vec::len);
        if tag > 64 || checksums > 256 {
            return Err(BucketError::TooLarge {
                what: "entity tag, or the checksums",
                max: 256,
            });
        }
        for (name, value) in &self.metadata {
            check_attribute(&[OBJECT_PREFIX, name].concat(), value)?;
        }
        Ok(())
    }
}

impl Bucket {
    /// Begins an upload.
    #[must_use]
    pub fn upload(&self) -> Upload {
        Upload {
            bucket: self.clone(),
            content: None,
            rest: Vec::new(),
            staged: 0,
        }
    }
}

impl Upload {
    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.staged + self.rest.len() as u64
    }

    /// Appends to the content.
    ///
    /// # Errors
    /// [`BucketError::TooLarge`], [`BucketError::Store`].
    pub async fn write(&mut self, data: &[u8]) -> Result<(), BucketError> {
        if self.bytes() + data.len() as u64 > FILE_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "object",
                max: FILE_BYTES_MAX,
            });
        }
        let mut data = data;
        while self.rest.len() + data.len() > WRITE_BYTES_MAX {
            let (now, later) = data.split_at(WRITE_BYTES_MAX - self.rest.len());
            self.rest.extend_from_slice(now);
            data = later;
            self.stage().await?;
        }
        self.rest.extend_from_slice(data);
        Ok(())
    }

    /// Commits what has gathered under a number that only this upload knows.
    pub(crate) async fn stage(&mut self) -> Result<(), BucketError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let bucket = &self.bucket;
        let _admitted = bucket.admit(self.rest.len()).await?;
        let mut change = Change::new(bucket);
        let content = match self.content {
            Some(content) => content,
            None => {
                let content = bucket.number().await?;
                change.put(&BucketKey::Held(content), &Held::Staged.encode());
                self.content = Some(content);
                content
            }
        };
        change.extent(content, self.staged, self.rest.len(), padded(&self.rest));
        change.commit(bucket, &mut Flight::new(bucket)).await?;
        self.staged += self.rest.len() as u64;
        self.rest.clear();
        Ok(())
    }

    /// Publishes the content under `key`, in the place of what is there. A key that ends with `/`
    /// is a directory, which is explicit from then on; the content stays beside it. Directories
    /// that are missing are made.
    ///
    /// # Errors
    /// [`BucketError::Precondition`] if that does not hold for the object in whose place it would
    /// come, [`BucketError::InTheWay`], [`BucketError::Name`], [`BucketError::TooLarge`],
    /// [`BucketError::Store`]. The upload is gone then.
    pub async fn finish(
        mut self,
        key: &[u8],
        owner: Owner,
        object: &ObjectMetadata,
        precondition: Option<Precondition<'_>>,
        ack: Ack,
    ) -> Result<Info, BucketError> {
        let key = Key::parse_to_put(key)?;
        object.check()?;
        let bucket = self.bucket.clone();
        let ready = Ready {
            id: match self.content {
                Some(content) => content,
                None => bucket.number().await?,
            },
            size: self.bytes(),
            staged: self.content.map(|_| ContentForm::Extents),
            allocated: self.bytes(),
            rest: std::mem::take(&mut self.rest),
            rest_at: self.staged,
        };
        let put = Put {
            key: &key,
            owner,
            object,
            precondition,
        };
        let info = bucket.publish(&put, &ready, ack, |_| ()).await?;
        // Only now does nothing have to be given back.
        self.content = None;
        Ok(info)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            let dropped = &self.bucket.shared.dropped;
            dropped.lock().push(Dropped::Staged(content));
        }
    }
}

/// What is put, and where.
#[derive(Clone, Copy)]
pub(crate) struct Put<'a> {
    pub(crate) key: &'a Key,
    pub(crate) owner: Owner,
    pub(crate) object: &'a ObjectMetadata,
    pub(crate) precondition: Option<Precondition<'a>>,
}

impl Bucket {
    /// Publishes content; `also` adds to the batch.
    pub(crate) async fn publish(
        &self,
        put: &Put<'_>,
        ready: &Ready,
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
            also(&mut change);
            let (inode, left) = self
                .put_on(&mut change, put, &way, ready, &mut flight)
                .await?;
            let lsn = change.commit(self, &mut flight).await?;
            drop((inodes, locks, admitted));
            self.give_back(left).await?;
            self.acknowledge(lsn, ack).await?;
            return Ok(Info::of(&inode, None));
        }
    }

    async fn put_on(
        &self,
        change: &mut Change,
        put: &Put<'_>,
        way: &Way,
        ready: &Ready,
        flight: &mut Flight<'_>,
    ) -> Result<(Inode, Left), BucketError> {
        let now = self.now();
        let parent = self
            .make_directories(change, put.key, way, put.owner, flight)
            .await?;
        let old = self.old_inode(way).await?;
        let key_name = put.key.key_name();
        let mut left = Left::Nothing;
        let mut inode = match &old {
            Some(old) if put.key.is_directory() => {
                let mut inode = old.clone();
                left = self.drop_content(change, old).await?;
                self.take_object_attributes(change, &mut inode).await?;
                inode.changed = now;
                inode
            }
            _ => self.new_object(put, &parent, ready, now).await?,
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

    async fn old_inode(&self, way: &Way) -> Result<Option<Inode>, BucketError> {
        match &way.found {
            None => Ok(None),
            Some(found) => {
                let found = self.look(|tree| inode_of(tree, found.clone())).await?;
                Ok(Some(found))
            }
        }
    }

    async fn new_object(
        &self,
        put: &Put<'_>,
        parent: &Inode,
        ready: &Ready,
        now: i64,
    ) -> Result<Inode, BucketError> {
        let (kind, mode, id) = if put.key.is_directory() {
            // Its number must not be that of its content.
            (NewKind::Directory, 0o777, self.number().await?)
        } else {
            (NewKind::File, 0o666, ready.id)
        };
        let new = NewInode {
            kind,
            mode: mode & !put.owner.umask,
            uid: put.owner.uid,
            gid: put.owner.gid,
        };
        Ok(new_inode(id, parent, &new, now))
    }

    /// Makes the directories of a key that are missing; the inode of the last one.
    pub(crate) async fn make_directories(
        &self,
        change: &mut Change,
        key: &Key,
        way: &Way,
        owner: Owner,
        flight: &mut Flight<'_>,
    ) -> Result<Inode, BucketError> {
        let now = self.now();
        let mut parent = way.last().inode.clone();
        let missing = &key.parents()[way.above.len() - 1..];
        for (index, name) in missing.iter().enumerate() {
            let new = NewInode {
                kind: NewKind::Directory,
                mode: 0o777 & !owner.umask,
                uid: owner.uid,
                gid: owner.gid,
            };
            let mut inode = new_inode(self.number().await?, &parent, &new, now);
            inode.explicit = false;
            let place = Place::Entry {
                parent: None,
                directory: parent.id,
                name: [&name[..], b"/"].concat(),
            };
            change.inode(&place, &inode);
            let only = if index + 1 < missing.len() || key.is_directory() {
                InodeKind::Directory
            } else {
                InodeKind::File
            };
            put_state_with(change, inode.id, now, Some(only));
            if index == 0 {
                change.touch(parent.id, &touch_for(name, InodeKind::Directory, 1, now));
                flight.entry(parent.id, name);
            }
            parent = inode;
        }
        Ok(parent)
    }

    /// What a file leaves to the one that comes in its place.
    async fn inherit(
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
            if inode.fields.attributes.remove(name).is_none() {
                change.delete(&BucketKey::Attribute(inode.id, name));
            }
        }
        inode.fields.entity_tag = None;
        inode.fields.checksums = None;
        Ok(())
    }

    /// The content of a directory's key lies under a number of its own.
    fn place_directory_content(&self, change: &mut Change, inode: &mut Inode, ready: &Ready) {
        inode.size = ready.size;
        inode.allocated = ready.size;
        inode.changes += 1;
        inode.content = ContentForm::None;
        if ready.size == 0 {
            return;
        }
        if ready.staged.is_none() && ready.size <= SMALL_BYTES_MAX as u64 {
            change.put(&BucketKey::Small(inode.id), &ready.rest);
            inode.content = ContentForm::Small;
            return;
        }
        if !ready.rest.is_empty() {
            let (bytes, data) = (ready.rest.len(), padded(&ready.rest));
            change.extent(ready.id, ready.rest_at, bytes, data);
        }
        let piece = PieceRecord { content: ready.id };
        change.put(&BucketKey::Piece(inode.id, 0), &piece.encode());
        inode.content = ContentForm::Pieces;
    }

    /// Gives back the content of a directory's key.
    pub(crate) async fn drop_directory_content(
        &self,
        change: &mut Change,
        inode: &Inode,
    ) -> Result<Left, BucketError> {
        if let Some(node) = self.shared.nodes.get(inode.id)
            && inode.size > 0
        {
            let pin = self.pool.read_pin();
            let whole = self.look(|tree| find(tree, inode, 0..inode.size)).await?;
            let readers = node.readers();
            readers.iter().for_each(|reader| reader.keep(&whole, &pin));
        }
        let key = BucketKey::Piece(inode.id, 0);
        let piece = self
            .look(|tree| value(tree, &key, PieceRecord::decode))
            .await?;
        let Some(piece) = piece else {
            return Ok(Left::Nothing);
        };
        change.delete(&key);
        change.put(&BucketKey::Cleanup(piece.content), &Cleanup::All.encode());
        Ok(Left::Cleanup)
    }
}

/// Gives a new file its content.
fn place_content(change: &mut Change, inode: &mut Inode, ready: &Ready) {
    inode.size = ready.size;
    inode.allocated = ready.allocated;
    inode.changes = 1;
    inode.content = match ready.staged {
        Some(form) => form,
        None if ready.size == 0 => ContentForm::None,
        None if ready.size <= SMALL_BYTES_MAX as u64 => {
            change.put(&BucketKey::Small(inode.id), &ready.rest);
            inode.content = ContentForm::Small;
            return;
        }
        None => ContentForm::Extents,
    };
    if !ready.rest.is_empty() {
        let (bytes, data) = (ready.rest.len(), padded(&ready.rest));
        change.extent(inode.id, ready.rest_at, bytes, data);
    }
}

/// The state of a new directory that holds one entry of this kind, or none.
fn put_state_with(change: &mut Change, id: InodeId, now: i64, only: Option<InodeKind>) {
    let count = u64::from(only.is_some());
    let state = DirectoryState {
        modified: now,
        changed: now,
        entries: count,
        directories: u64::from(only == Some(InodeKind::Directory)),
        keys: count,
    };
    change.put(&BucketKey::Directory(id), &state.encode());
}

/// All attributes with their values.
fn all_attributes(tree: &Tree, inode: &Inode) -> Look<Vec<(Vec<u8>, Vec<u8>)>> {
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
