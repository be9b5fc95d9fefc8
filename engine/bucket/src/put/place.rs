//! Where new objects get their directories and contents.

use super::*;

/// The directory that something is put in.
pub(crate) struct Parent {
    pub(crate) inode: Inode,
    /// The access control list that what is made in it begins with.
    pub(crate) default_list: Option<Vec<u8>>,
    /// Directories that are made on the way to it, in order.
    pub(crate) made: Vec<Above>,
}

/// Gives a new file its content.
pub(super) fn place_content(change: &mut Change, inode: &mut Inode, ready: &mut Ready) {
    inode.size = ready.size;
    inode.allocated = ready.allocated;
    inode.changes = 1;
    inode.content = match ready.staged {
        Some(form) => form,
        None if ready.size == 0 => ContentForm::None,
        None if ready.size <= SMALL_BYTES_MAX as u64 => {
            change.put(&BucketKey::Small(inode.id), ready.rest.bytes());
            inode.content = ContentForm::Small;
            return;
        }
        None => ContentForm::Extents,
    };
    place_rest(change, inode.id, ready);
}

/// Moves what comes behind what is staged into the batch: it is placed once.
fn place_rest(change: &mut Change, content: InodeId, ready: &mut Ready) {
    let rest = std::mem::take(&mut ready.rest);
    if !rest.is_empty() {
        let bytes = rest.len();
        change.extent(content, ready.rest_at, bytes, rest.into_blocks());
    }
}

/// The state of a new directory that holds one entry of this kind, or none.
pub(super) fn put_state_with(change: &mut Change, id: InodeId, now: i64, only: Option<InodeKind>) {
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

impl Bucket {
    /// Makes the directories of a key that are missing.
    pub(crate) async fn make_directories(
        &self,
        change: &mut Change,
        key: &Key,
        way: &Way,
        owner: Owner,
        flight: &mut Flight<'_>,
    ) -> Result<Parent, BucketError> {
        let now = self.now();
        let mut parent = way.last().inode.clone();
        let mut default_list = self.look(|tree| acl::default_of(tree, &parent)).await?;
        let (mut made, mut list_bytes) = (Vec::new(), 0);
        let missing = &key.parents()[way.above.len() - 1..];
        for (index, name) in missing.iter().enumerate() {
            let kind = InodeKind::Directory;
            let inherited = Inherited::new(default_list.as_deref(), kind, 0o777, owner.umask);
            list_bytes += inherited.bytes();
            if list_bytes > acl::INHERITED_BYTES_MAX {
                return Err(BucketError::TooLarge {
                    what: "sum of the access control lists of the directories to be made",
                    max: acl::INHERITED_BYTES_MAX as u64,
                });
            }
            let new = NewInode {
                kind: NewKind::Directory,
                mode: inherited.mode,
                uid: owner.uid,
                gid: owner.gid,
            };
            let mut inode = new_inode(self.number().await?, &parent, &new, now);
            inode.explicit = false;
            inherited.put(change, &mut inode);
            default_list = inherited.default().map(<[u8]>::to_vec);
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
            parent = inode.clone();
            made.push(Above {
                name: [&name[..], b"/"].concat(),
                inode,
            });
        }
        Ok(Parent {
            inode: parent,
            default_list,
            made,
        })
    }

    /// The content of a directory's key lies under a number of its own.
    pub(super) fn place_directory_content(
        &self,
        change: &mut Change,
        inode: &mut Inode,
        ready: &mut Ready,
    ) {
        inode.size = ready.size;
        inode.allocated = ready.size;
        inode.changes = self.next_change(inode.changes);
        inode.content = ContentForm::None;
        if ready.size == 0 {
            return;
        }
        if ready.staged.is_none() && ready.size <= SMALL_BYTES_MAX as u64 {
            change.put(&BucketKey::Small(inode.id), ready.rest.bytes());
            inode.content = ContentForm::Small;
            return;
        }
        place_rest(change, ready.id, ready);
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
            let readers = node.readers();
            let whole = 0..if readers.is_empty() { 0 } else { inode.size };
            self.for_each_found(inode, whole, |old| {
                readers.iter().for_each(|reader| reader.keep(old, &pin));
            })
            .await?;
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
