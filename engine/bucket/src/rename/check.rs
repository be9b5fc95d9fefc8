//! What must not be renamed.

use super::*;
use crate::quota::adopt;

impl Bucket {
    pub(super) async fn check_rename(
        &self,
        ends: Ends<'_>,
        from: &Child,
        to: Option<&Child>,
    ) -> Result<(), BucketError> {
        let is_directory = |child: &Child| child.inode.kind == InodeKind::Directory;
        if is_directory(from) {
            self.check_not_below(from.inode.id, ends.to.0).await?;
        }
        if let (RenameHow::Exchange, Some(to)) = (ends.how, to)
            && is_directory(from) != is_directory(to)
        {
            // The file would come in the place of one that the directory hides.
            let (parent, name) = if is_directory(from) {
                ends.from
            } else {
                ends.to
            };
            let hidden = self.look(|tree| entry(tree, parent.id(), name)).await?;
            if hidden.is_some() {
                return Err(BucketError::Exists {
                    what: "hidden file",
                });
            }
        }
        match (ends.how, to) {
            (RenameHow::NoReplace, Some(_)) => Err(BucketError::Exists { what: "file" }),
            (RenameHow::Exchange, None) => Err(BucketError::no("file")),
            (RenameHow::Exchange, Some(to)) if is_directory(to) => {
                self.check_not_below(to.inode.id, ends.from.0).await
            }
            (RenameHow::Replace, Some(to)) => match (is_directory(from), is_directory(to)) {
                (true, false) => Err(BucketError::NotDirectory),
                (false, true) => Err(BucketError::IsDirectory),
                (true, true) => {
                    let empty = self.look(|tree| is_empty(tree, to.inode.id)).await?;
                    empty.then_some(()).ok_or(BucketError::NotEmpty)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Refuses what would move between quotas. `above` are the two directories.
    pub(super) fn check_projects(
        &self,
        how: RenameHow,
        above: &[Inode],
        from: &mut Child,
        to: Option<&mut Child>,
    ) -> Result<(), BucketError> {
        let [here, there] = above else {
            unreachable!("a rename has two ends");
        };
        self.check_move((here, there), &from.inode)?;
        adopt(&mut from.inode, there);
        if let (RenameHow::Exchange, Some(to)) = (how, to) {
            self.check_move((there, here), &to.inode)?;
            adopt(&mut to.inode, here);
        }
        Ok(())
    }

    /// Refuses to move `directory` to a place below itself. Nothing moves directories meanwhile:
    /// the shape is locked.
    pub(super) async fn check_not_below(
        &self,
        directory: InodeId,
        target: &Node,
    ) -> Result<(), BucketError> {
        let mut node = target.clone();
        loop {
            if node.id() == directory {
                return Err(BucketError::Below);
            }
            let places = node.places();
            let found = self.look(|tree| inode_at(tree, node.id(), &places)).await?;
            match found.ok_or_else(|| BucketError::no("directory"))?.1 {
                Place::Entry {
                    parent: Some(above),
                    ..
                } => node = above,
                Place::Entry { parent: None, .. } | Place::Own => return Ok(()),
            }
        }
    }
}
