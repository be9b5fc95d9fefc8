//! What happens to an inode when a name of it goes, and to files that are open without a name.

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

    /// Closes it. If it was the last of a file without a name, the file is gone.
    ///
    /// # Errors
    /// [`BucketError::Store`] if its space cannot be given back now; an opening does it then.
    pub async fn close(mut self) -> Result<(), BucketError> {
        match self.node.take() {
            Some(node) => self.bucket.release_node(&node).await,
            None => Ok(()),
        }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(node) = self.node.take() {
            self.bucket.shared.dropped.lock().push(Dropped::Open(node));
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

    /// After the commit of a removal, without locks.
    pub(crate) async fn give_back(&self, left: Left) -> Result<(), BucketError> {
        if left == Left::Cleanup {
            self.pool.clean_up_soon(&self.dataset).await?;
        }
        Ok(())
    }

    /// One who had the inode open is done.
    pub(crate) async fn release_node(&self, node: &Node) -> Result<(), BucketError> {
        let mut flight = Flight::new(self);
        let locks = self.lock_inodes([node.id()]).await?;
        if node.0.opens.fetch_sub(1, Ordering::AcqRel) > 1 {
            return Ok(());
        }
        let Ok((inode, place)) = self.locked_inode(node).await else {
            return Ok(());
        };
        if inode.links > 0 || !matches!(place, Place::Own) {
            return Ok(());
        }
        self.admit_release().await?;
        let mut change = Change::new(self);
        change.delete(&BucketKey::Inode(inode.id));
        change.delete(&BucketKey::Held(inode.id));
        let left = self.drop_inode(&mut change, &inode).await?;
        change.commit(self, &mut flight).await?;
        node.set_places(Vec::new());
        drop(locks);
        self.give_back(left).await
    }

    /// Gives back what was dropped without a word.
    pub(crate) async fn give_back_dropped(&self) -> Result<(), BucketError> {
        loop {
            let next = self.shared.dropped.lock().pop();
            match next {
                None => return Ok(()),
                Some(Dropped::Open(node)) => Box::pin(self.release_node(&node)).await?,
                Some(Dropped::Staged(content)) => self.drop_staged(content).await?,
            }
        }
    }

    /// Gives back the content of an upload that does not go on.
    pub(crate) async fn drop_staged(&self, content: InodeId) -> Result<(), BucketError> {
        self.admit_release().await?;
        let mut change = Change::new(self);
        change.delete(&BucketKey::Held(content));
        change.put(&BucketKey::Cleanup(content), &Cleanup::All.encode());
        change.commit(self, &mut Flight::new(self)).await?;
        self.give_back(Left::Cleanup).await
    }

    /// Takes the pieces of a content away that was not published, but for what `change` can still
    /// take.
    pub(crate) async fn drop_map(
        &self,
        change: &mut Change,
        id: InodeId,
    ) -> Result<(), BucketError> {
        loop {
            let starts = self.look(|tree| piece_starts(tree, id)).await?;
            let mut step = Change::new(self);
            for start in &starts {
                step.delete(&BucketKey::Piece(id, *start));
            }
            if starts.len() < PIECES_AT_ONCE {
                for start in starts {
                    change.delete(&BucketKey::Piece(id, start));
                }
                return Ok(());
            }
            step.commit(self, &mut Flight::new(self)).await?;
        }
    }

    /// What an opening has to give back: contents of uploads that did not end, files that had no
    /// name any more, and the ends of files that were being cut.
    pub(crate) async fn recover(&self) -> Result<(), BucketError> {
        self.recover_held().await?;
        self.recover_parts().await?;
        self.recover_tails().await?;
        Ok(self.pool.clean_up_contents(&self.dataset).await?)
    }

    async fn recover_held(&self) -> Result<(), BucketError> {
        while let Some((id, held)) = self.look(first_held).await? {
            self.admit_release().await?;
            let mut change = Change::new(self);
            change.delete(&BucketKey::Held(id));
            match held {
                Held::Map => self.drop_map(&mut change, id).await?,
                Held::Staged => change.put(&BucketKey::Cleanup(id), &Cleanup::All.encode()),
                Held::Orphan => {
                    let found = self.look(|tree| crate::look::own(tree, id)).await?;
                    if let Some(inode) = found.filter(|inode| inode.links == 0) {
                        change.delete(&BucketKey::Inode(id));
                        self.drop_inode(&mut change, &inode).await?;
                    }
                }
            }
            change.commit(self, &mut Flight::new(self)).await?;
        }
        Ok(())
    }

    async fn recover_tails(&self) -> Result<(), BucketError> {
        let mut after = 0;
        while let Some((id, from)) = self.look(|tree| next_tail(tree, after)).await? {
            after = id.get();
            // Pieces were marked by the file that they make up, so a map of them leads there.
            let is_pieces = self.look(|tree| has_pieces(tree, id)).await?;
            let mut inode = blank(id);
            if is_pieces {
                inode.content = ContentForm::Pieces;
            }
            tracing::debug!(%id, from, "the end of a file that was cut is given back");
            self.admit_release().await?;
            self.finish_tail(&inode).await?;
        }
        Ok(())
    }
}

fn blank(id: InodeId) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content: ContentForm::Extents,
        explicit: false,
        mode: 0,
        uid: 0,
        gid: 0,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: 0,
        modified: 0,
        changed: 0,
        created: 0,
        changes: 0,
        fields: engine_format::InodeFields::default(),
    }
}

fn first_held(tree: &Tree) -> Look<Option<(InodeId, Held)>> {
    let mut found = None;
    tree.scan(&[BucketKey::HELD], |key, value| {
        if let Ok(BucketKey::Held(id)) = BucketKey::decode(key) {
            found = Some((id, Held::decode(value)));
        }
        ControlFlow::Break(())
    })?;
    match found {
        Some((id, held)) => Ok(Some((id, held?))),
        None => Ok(None),
    }
}

fn next_tail(tree: &Tree, after: u64) -> Look<Option<(InodeId, u64)>> {
    let from = InodeId::new(after + 1).unwrap_or(InodeId::ROOT);
    let mut found = None;
    tree.scan(&BucketKey::Cleanup(from).encode(), |key, value| {
        match (BucketKey::decode(key), Cleanup::decode(value)) {
            (Ok(BucketKey::Cleanup(id)), Ok(Cleanup::Tail(from))) => {
                found = Some((id, from));
                ControlFlow::Break(())
            }
            (Ok(BucketKey::Cleanup(_)), _) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    })?;
    Ok(found)
}

fn piece_starts(tree: &Tree, id: InodeId) -> Look<Vec<u64>> {
    let mut starts = Vec::new();
    tree.scan(
        &BucketKey::Piece(id, 0).encode(),
        |key, _| match BucketKey::decode(key) {
            Ok(BucketKey::Piece(owner, start)) if owner == id && starts.len() < PIECES_AT_ONCE => {
                starts.push(start);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Break(()),
        },
    )?;
    Ok(starts)
}

fn has_pieces(tree: &Tree, id: InodeId) -> Look<bool> {
    Ok(value(tree, &BucketKey::Piece(id, 0), |_| Ok(()))?.is_some())
}

const _: () = assert!(to_usize(CLEARED_AT_ONCE) == engine_base::limits::WRITE_BYTES_MAX);
