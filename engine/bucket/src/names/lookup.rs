//! Finding names.

use super::*;

impl Bucket {
    /// What a name in a directory leads to. Where a file and a directory have the same name it is
    /// the directory; names that a mount cannot show lead nowhere.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotDirectory`], [`BucketError::Store`].
    pub async fn lookup(&self, parent: &Node, name: &[u8]) -> Result<(Node, Info), BucketError> {
        check_directory(parent)?;
        if !is_mountable(name) {
            return Err(BucketError::no("file"));
        }
        loop {
            let found = self.look(|tree| child(tree, parent.id(), name)).await?;
            let (key_name, entry) = found.ok_or_else(|| BucketError::no("file"))?;
            let node = self.intern(parent, &key_name, &entry);
            // Registered first, then looked at again: what moves it from now on tells the node.
            if let Some(info) = self.look_again(parent, name, &key_name, &node).await? {
                return Ok((node, info));
            }
        }
    }

    /// What is known of `node`, if `name` still leads to it.
    pub(super) async fn look_again(
        &self,
        parent: &Node,
        name: &[u8],
        key_name: &[u8],
        node: &Node,
    ) -> Result<Option<Info>, BucketError> {
        let again = self
            .look(|tree| match child(tree, parent.id(), name)? {
                Some((found, entry)) if found == key_name && entry.id() == node.id() => {
                    let known = inode_at(tree, node.id(), &node.places())?.is_some();
                    let place = self.place_of(parent, key_name, &entry);
                    let inode = inode_of(tree, entry)?;
                    Ok(Some((info(tree, &inode)?, known, place)))
                }
                _ => Ok(None),
            })
            .await?;
        let Some((info, known, place)) = again else {
            return Ok(None);
        };
        if !known {
            // Somebody who came too late for a move made the node; here is where it is.
            node.may_be_at(place);
        }
        Ok(Some(info))
    }

    pub(super) fn place_of(&self, parent: &Node, name: &[u8], entry: &EntryRecord) -> Place {
        match entry {
            EntryRecord::Link(..) => Place::Own,
            EntryRecord::Inline(_) => place_in(parent, name, entry.kind()),
        }
    }

    /// The node of an entry.
    pub(crate) fn intern(&self, parent: &Node, name: &[u8], entry: &EntryRecord) -> Node {
        let place = self.place_of(parent, name, entry);
        self.shared.nodes.intern(entry.id(), entry.kind(), place)
    }

    /// The inode of a directory, which the caller has locked at least shared.
    pub(crate) async fn parent_inode(&self, parent: &Node) -> Result<(Inode, Place), BucketError> {
        let found = self
            .look(|tree| inode_at(tree, parent.id(), &parent.places()))
            .await?;
        let (inode, place) = found.ok_or_else(|| BucketError::no("directory"))?;
        if inode.kind != InodeKind::Directory {
            return Err(BucketError::NotDirectory);
        }
        Ok((inode, place))
    }

    /// What a name leads to; the caller has locked the name, or the inode too.
    pub(crate) async fn child(
        &self,
        parent: &Node,
        name: &[u8],
    ) -> Result<Option<Child>, BucketError> {
        self.look(|tree| {
            let Some((key_name, entry)) = child(tree, parent.id(), name)? else {
                return Ok(None);
            };
            let place = match &entry {
                EntryRecord::Link(..) => Place::Own,
                EntryRecord::Inline(_) => place_in(parent, &key_name, entry.kind()),
            };
            Ok(Some(Child {
                name: key_name,
                inode: inode_of(tree, entry)?,
                place,
            }))
        })
        .await
    }

    /// Makes a directory explicit if it was there only for the keys below it. Its inode is locked.
    pub(crate) async fn make_explicit(
        &self,
        change: &mut Change,
        directory: &Node,
        flight: &mut Flight<'_>,
    ) -> Result<(), BucketError> {
        let (mut inode, place) = self.parent_inode(directory).await?;
        if !inode.explicit {
            inode.explicit = true;
            change.inode(&place, &inode);
            flight.attributes(inode.id);
        }
        Ok(())
    }
}
