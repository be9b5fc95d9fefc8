//! What happens to an inode when a name of it goes, and to files that are open without a name.

mod dropped;
mod recover;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use engine_base::to_usize;
use engine_format::{BucketKey, Cleanup, ContentForm, Held, Inode, InodeId, InodeKind};
use engine_tree::Tree;

use crate::bucket::Dropped;
use crate::change::Change;
use crate::content::find;
use crate::flight::Flight;
use crate::look::{Look, value};
use crate::node::{Node, Place};
use crate::space::CLEARED_AT_ONCE;
use crate::{Bucket, BucketError};

/// An open file: keeps the inode when its last name goes. End it with [`OpenFile::close`]; one that
/// is dropped gives space back only with a later change of the bucket.
#[derive(Debug)]
pub struct OpenFile {
    bucket: Bucket,
    node: Option<Node>,
}

impl OpenFile {
    /// The inode.
    ///
    /// # Panics
    /// Never: it is there until [`OpenFile::close`] takes the handle.
    #[must_use]
    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("only closing takes it")
    }

    /// The bucket that it is in.
    #[must_use]
    pub const fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Closes it. If it was the last of a file without a name, the file is gone.
    ///
    /// # Errors
    /// [`BucketError::Store`] if its space cannot be given back now; a later change of the bucket
    /// tries again.
    pub async fn close(mut self) -> Result<(), BucketError> {
        if let Some(node) = &self.node {
            self.bucket.release_node(node).await?;
        }
        self.node = None;
        Ok(())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.bucket.shared.drop_later(Dropped::Open(node));
        }
    }
}

/// Pieces that one batch takes.
pub(crate) const PIECES_AT_ONCE: usize = 1500;

/// What a removal leaves to do after its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// Space to give back in steps.
    Cleanup,
}

/// Names of the attributes that lie in records of their own.
pub(crate) fn attribute_keys(tree: &Tree, inode: InodeId) -> Look<Vec<Vec<u8>>> {
    let from = BucketKey::Attribute(inode, &[]).encode();
    let mut names = Vec::new();
    tree.scan(&from, |key, _| match key.strip_prefix(&from[..]) {
        Some(name) => {
            names.push(name.to_vec());
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    })?;
    Ok(names)
}

impl Bucket {
    /// Opens a file, or a directory.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if it is gone.
    pub async fn open(&self, node: &Node) -> Result<OpenFile, BucketError> {
        let _locks = self.lock_inodes([node.id()]).await?;
        self.locked_inode(node).await?;
        node.0.opens.fetch_add(1, Ordering::AcqRel);
        Ok(OpenFile {
            bucket: self.clone(),
            node: Some(node.clone()),
        })
    }

    /// Takes one name from an inode whose lock is held. `place` is where its record is; where that
    /// is the entry that goes, the caller deletes the entry.
    pub(crate) async fn drop_link(
        &self,
        change: &mut Change,
        mut inode: Inode,
        place: &Place,
    ) -> Result<Left, BucketError> {
        let node = self.shared.nodes.get(inode.id);
        inode.changed = self.now();
        inode.links = inode.links.saturating_sub(1);
        if inode.links > 0 && matches!(place, Place::Own) {
            change.inode(&Place::Own, &inode);
            return Ok(Left::Nothing);
        }
        inode.links = 0;
        let is_open = node.as_ref().is_some_and(|node| node.opens() > 0);
        if is_open && inode.kind != InodeKind::Directory {
            change.inode(&Place::Own, &inode);
            change.put(&BucketKey::Held(inode.id), &Held::Orphan.encode());
            if let Some(node) = node {
                node.may_be_at(Place::Own);
            }
            return Ok(Left::Nothing);
        }
        if matches!(place, Place::Own) {
            change.delete(&BucketKey::Inode(inode.id));
        }
        self.drop_inode(change, &inode).await
    }

    /// Gives back all that an inode has besides its record.
    pub(crate) async fn drop_inode(
        &self,
        change: &mut Change,
        inode: &Inode,
    ) -> Result<Left, BucketError> {
        let names = self.look(|tree| attribute_keys(tree, inode.id)).await?;
        for name in &names {
            change.delete(&BucketKey::Attribute(inode.id, name));
        }
        self.drop_content(change, inode).await
    }

    pub(crate) async fn drop_content(
        &self,
        change: &mut Change,
        inode: &Inode,
    ) -> Result<Left, BucketError> {
        let key = BucketKey::Cleanup(inode.id);
        if inode.kind == InodeKind::Directory && inode.content == ContentForm::Pieces {
            return self.drop_directory_content(change, inode).await;
        }
        match inode.content {
            ContentForm::None => Ok(Left::Nothing),
            ContentForm::Small => {
                change.delete(&BucketKey::Small(inode.id));
                Ok(Left::Nothing)
            }
            ContentForm::Extents if inode.size <= CLEARED_AT_ONCE => {
                let tail = self.look(|tree| value(tree, &key, Cleanup::decode)).await?;
                if tail.is_some() {
                    change.put(&key, &Cleanup::All.encode());
                    return Ok(Left::Cleanup);
                }
                if inode.size > 0 {
                    let all = self.look(|tree| find(tree, inode, 0..inode.size)).await?;
                    if all.iter().any(|found| found.stored.is_some()) {
                        change.clear(inode.id, 0, inode.size);
                    }
                }
                Ok(Left::Nothing)
            }
            ContentForm::Extents => {
                change.put(&key, &Cleanup::All.encode());
                Ok(Left::Cleanup)
            }
            ContentForm::Pieces => {
                change.put(&key, &Cleanup::Pieces.encode());
                Ok(Left::Cleanup)
            }
        }
    }

    /// After the commit of a removal, without locks. That is done, so nothing fails here: what
    /// cannot be given back now stays on record.
    pub(crate) async fn give_back(&self, left: Left) {
        if left == Left::Nothing {
            return;
        }
        if let Err(error) = self.pool.clean_up_soon(&self.dataset).await {
            tracing::warn!(bucket = %self.dataset.id(), %error, "space cannot be given back yet");
        }
    }
}

const _: () = assert!(to_usize(CLEARED_AT_ONCE) == engine_base::limits::WRITE_BYTES_MAX);
