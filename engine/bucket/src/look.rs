//! Looking things up in the tree of a bucket.

use std::ops::ControlFlow;

use engine_format::{
    BucketKey, DirectoryState, EntryRecord, FormatError, Inode, InodeId, InodeKind,
};
use engine_tree::{ExtentError, Missing, Tree};

use crate::node::Place;
use crate::{Bucket, BucketError};

/// Why a look did not get through.
pub(crate) enum LookError {
    /// A page has to be read first; then the look is repeated.
    Missing(Missing),
    Failed(BucketError),
}

impl From<Missing> for LookError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl From<BucketError> for LookError {
    fn from(error: BucketError) -> Self {
        Self::Failed(error)
    }
}

impl From<FormatError> for LookError {
    fn from(error: FormatError) -> Self {
        Self::Failed(BucketError::damaged(&error))
    }
}

impl From<ExtentError<Missing>> for LookError {
    fn from(error: ExtentError<Missing>) -> Self {
        match error {
            ExtentError::Map(missing) => Self::Missing(missing),
            error => Self::Failed(BucketError::inconsistent(error.to_string())),
        }
    }
}

pub(crate) type Look<R> = Result<R, LookError>;

impl Bucket {
    /// Looks at one state of the tree, reading what is missing, until `look` gets through. The
    /// caller holds a read pin if it goes on to read what the state refers to.
    pub(crate) async fn look<R>(
        &self,
        look: impl FnMut(&Tree) -> Look<R>,
    ) -> Result<R, BucketError> {
        self.look_along(0, look).await
    }

    /// As [`Bucket::look`], for one that goes on over the keys behind: of so many leaves there the
    /// host begins to read what is missing, so that they are not waited for one by one.
    pub(crate) async fn look_along<R>(
        &self,
        leaves: usize,
        mut look: impl FnMut(&Tree) -> Look<R>,
    ) -> Result<R, BucketError> {
        let _pin = self.pool.read_pin();
        self.check_kept()?;
        let mut kept = Vec::new();
        loop {
            match self.dataset.with_tree(&mut look) {
                Ok(found) => return Ok(found),
                Err(LookError::Missing(missing)) => {
                    if leaves > 0 && kept.len().is_multiple_of(leaves) {
                        self.pool.read_ahead(&self.dataset, &missing, leaves);
                    }
                    self.pool
                        .fetch_and_keep(&self.dataset, missing, &mut kept)
                        .await?;
                }
                Err(LookError::Failed(error)) => return Err(error),
            }
        }
    }
}

/// The value of a key.
pub(crate) fn value<R>(
    tree: &Tree,
    key: &BucketKey<'_>,
    decode: impl FnOnce(&[u8]) -> Result<R, FormatError>,
) -> Look<Option<R>> {
    let found = tree.get(&key.encode(), |value| value.map(decode))?;
    Ok(found.transpose()?)
}

pub(crate) fn entry(tree: &Tree, directory: InodeId, name: &[u8]) -> Look<Option<EntryRecord>> {
    value(
        tree,
        &BucketKey::Entry(directory, name),
        EntryRecord::decode,
    )
}

pub(crate) fn state(tree: &Tree, directory: InodeId) -> Look<Option<DirectoryState>> {
    value(
        tree,
        &BucketKey::Directory(directory),
        DirectoryState::decode,
    )
}

pub(crate) fn own(tree: &Tree, inode: InodeId) -> Look<Option<Inode>> {
    value(tree, &BucketKey::Inode(inode), Inode::decode)
}

/// The inode of an entry.
pub(crate) fn inode_of(tree: &Tree, entry: EntryRecord) -> Look<Inode> {
    match entry {
        EntryRecord::Inline(inode) => Ok(inode),
        EntryRecord::Link(id, _) => own(tree, id)?.ok_or_else(|| {
            let what = format!("a name leads to {id}, which has no record");
            LookError::Failed(BucketError::inconsistent(what))
        }),
    }
}

/// The inode, and where it is of `places`; `None` if it is gone.
pub(crate) fn inode_at(tree: &Tree, id: InodeId, places: &[Place]) -> Look<Option<(Inode, Place)>> {
    for place in places.iter().rev() {
        let found = match place {
            Place::Own => own(tree, id)?,
            Place::Entry {
                directory, name, ..
            } => match entry(tree, *directory, name)? {
                Some(EntryRecord::Inline(inode)) if inode.id == id => Some(inode),
                _ => None,
            },
        };
        if let Some(inode) = found {
            return Ok(Some((inode, place.clone())));
        }
    }
    Ok(None)
}

/// What a name leads to through the mount: the directory of that name hides the file. With the name
/// as in the key.
pub(crate) fn child(
    tree: &Tree,
    directory: InodeId,
    name: &[u8],
) -> Look<Option<(Vec<u8>, EntryRecord)>> {
    let of_directory = [name, b"/"].concat();
    if let Some(found) = entry(tree, directory, &of_directory)? {
        return Ok(Some((of_directory, found)));
    }
    Ok(entry(tree, directory, name)?.map(|found| (name.to_vec(), found)))
}

/// Whether a directory has no entry at all, not even one that the mount does not show.
pub(crate) fn is_empty(tree: &Tree, directory: InodeId) -> Look<bool> {
    let mut empty = true;
    let from = BucketKey::Entry(directory, &[]).encode();
    tree.scan(&from, |key, _| {
        empty = !key.starts_with(&from);
        ControlFlow::Break(())
    })?;
    Ok(empty)
}

/// Whether a name counts as a key: an object's, or that of a directory below which objects can be.
pub(crate) fn is_key(name: &[u8], kind: InodeKind) -> bool {
    matches!(kind, InodeKind::File | InodeKind::Directory) && std::str::from_utf8(name).is_ok()
}
