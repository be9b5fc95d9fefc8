//! Extended attributes: small ones in the inode, others in records of their own.
//!
//! Those that begin with [`OBJECT_PREFIX`] are the metadata of the object; frontends show them
//! under names of their protocols.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use engine_format::{ATTRIBUTE_BYTES_MAX, BucketKey, Inode, InodeKind};
use engine_tree::Tree;

use crate::acl;
use crate::change::Change;
use crate::flight::Flight;
use crate::look::{Look, inode_at, value};
use crate::node::Node;
use crate::removal::attribute_keys;
use crate::{Ack, Bucket, BucketError};

/// First bytes of the names of an object's metadata.
pub const OBJECT_PREFIX: &[u8] = b"object.";
/// Fields of an inode take at most so much with attributes; beyond, attributes get records.
const INLINE_BYTES: usize = 512;
const NAME_BYTES_MAX: usize = 255;
/// What all attributes of an inode may take of the batch that replaces the inode: there each is
/// deleted under the old number and put under the new one. It leaves room for the map of an object
/// that is put together from [`crate::removal::PIECES_AT_ONCE`] parts.
const ATTRIBUTES_BYTES_MAX: usize = 96 << 10;
/// Of a mutation besides the name and the value of an attribute, and of an inode's field more than
/// that.
const MUTATION_BYTES: usize = 30;

/// Whether an attribute may be there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetHow {
    /// It is made or replaced.
    Any,
    /// It must not be there.
    Create,
    /// It must be there.
    Replace,
}

/// The value of one attribute.
pub(crate) fn attribute(tree: &Tree, inode: &Inode, name: &[u8]) -> Look<Option<Vec<u8>>> {
    if let Some(found) = inode.fields.attributes.get(name) {
        return Ok(Some(found.clone()));
    }
    let key = BucketKey::Attribute(inode.id, name);
    value(tree, &key, |value| Ok(value.to_vec()))
}

/// Bytes of the values of all attributes, by names.
pub(crate) type Sizes = BTreeMap<Vec<u8>, usize>;

fn attribute_sizes(tree: &Tree, inode: &Inode) -> Look<Sizes> {
    let from = BucketKey::Attribute(inode.id, &[]).encode();
    let inline = inode.fields.attributes.iter();
    let mut sizes: Sizes = inline
        .map(|(name, value)| (name.clone(), value.len()))
        .collect();
    tree.scan(&from, |key, value| match key.strip_prefix(&from[..]) {
        Some(name) => {
            sizes.insert(name.to_vec(), value.len());
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    })?;
    Ok(sizes)
}

/// What an attribute takes of a batch that moves it to another inode.
const fn bytes_to_move(name: usize, value: usize) -> usize {
    2 * (MUTATION_BYTES + name) + value
}

/// Puts an attribute where it fits.
pub(crate) fn put_attribute(change: &mut Change, inode: &mut Inode, name: &[u8], value: &[u8]) {
    inode.fields.attributes.remove(name);
    let needed = 5 + name.len() + value.len();
    let key = BucketKey::Attribute(inode.id, name);
    if inode.fields.bytes() + needed <= INLINE_BYTES {
        change.delete(&key);
        inode
            .fields
            .attributes
            .insert(name.to_vec(), value.to_vec());
    } else {
        change.put(&key, value);
    }
}

/// Takes an attribute away, wherever it is.
pub(crate) fn take_attribute(change: &mut Change, inode: &mut Inode, name: &[u8]) {
    if inode.fields.attributes.remove(name).is_none() {
        change.delete(&BucketKey::Attribute(inode.id, name));
    }
}

pub(crate) fn check_attribute(name: &[u8], value: &[u8]) -> Result<(), BucketError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(&0) {
        return Err(BucketError::Name {
            why: "an attribute has a name of 1 to 255 bytes without zero bytes",
        });
    }
    if value.len() > ATTRIBUTE_BYTES_MAX {
        return Err(BucketError::TooLarge {
            what: "attribute",
            max: ATTRIBUTE_BYTES_MAX as u64,
        });
    }
    Ok(())
}

/// All names, in order.
pub(crate) fn attribute_names(tree: &Tree, inode: &Inode) -> Look<Vec<Vec<u8>>> {
    let mut names = attribute_keys(tree, inode.id)?;
    names.extend(inode.fields.attributes.keys().cloned());
    names.sort();
    names.dedup();
    Ok(names)
}

/// Sets an attribute of an inode that has those of `sizes`.
pub(crate) fn set_attribute_in(
    sizes: &Sizes,
    inode: &mut Inode,
    change: &mut Change,
    (name, value): (&[u8], &[u8]),
    how: SetHow,
) -> Result<(), BucketError> {
    check_attribute(name, value)?;
    let is_there = sizes.contains_key(name);
    match how {
        SetHow::Create if is_there => return Err(BucketError::Exists { what: "attribute" }),
        SetHow::Replace if !is_there => return Err(BucketError::no("attribute")),
        _ => {}
    }
    let others = sizes.iter().filter(|(known, _)| *known != name);
    let others: usize = others
        .map(|(known, bytes)| bytes_to_move(known.len(), *bytes))
        .sum();
    if others + bytes_to_move(name.len(), value.len()) > ATTRIBUTES_BYTES_MAX {
        return Err(BucketError::TooLarge {
            what: "sum of all attributes, names counted twice,",
            max: ATTRIBUTES_BYTES_MAX as u64,
        });
    }
    if !acl::set(change, inode, name, value)? {
        put_attribute(change, inode, name, value);
    }
    Ok(())
}

impl Bucket {
    /// The value of an attribute.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], of the attribute or of the file.
    pub async fn attribute(&self, node: &Node, name: &[u8]) -> Result<Vec<u8>, BucketError> {
        let found = self
            .with_inode(node, |tree, inode| attribute(tree, inode, name))
            .await?;
        found.ok_or_else(|| BucketError::no("attribute"))
    }

    /// The names of all attributes, in order.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if the file is gone.
    pub async fn attributes(&self, node: &Node) -> Result<Vec<Vec<u8>>, BucketError> {
        self.with_inode(node, attribute_names).await
    }

    /// Looks at an inode and more in one state of the tree.
    pub(crate) async fn with_inode<R>(
        &self,
        node: &Node,
        mut look: impl FnMut(&Tree, &Inode) -> Look<R>,
    ) -> Result<R, BucketError> {
        self.look(|tree| match inode_at(tree, node.id(), &node.places())? {
            Some((inode, _)) => look(tree, &inode),
            None => Err(BucketError::no("file").into()),
        })
        .await
    }

    /// Sets an attribute. The access control lists `system.posix_acl_access` and
    /// `system.posix_acl_default` are checked, the mode follows the former, and what says no more
    /// than the mode, or nothing, is not kept.
    ///
    /// # Errors
    /// [`BucketError::Exists`], [`BucketError::NotFound`], [`BucketError::Name`],
    /// [`BucketError::TooLarge`] of this one, or of all that the inode has: they are bounded so
    /// that it can be removed and replaced; [`BucketError::Invalid`] for a malformed list, or one
    /// that the inode cannot have; [`BucketError::Store`].
    pub async fn set_attribute(
        &self,
        node: &Node,
        name: &[u8],
        value: &[u8],
        how: SetHow,
        ack: Ack,
    ) -> Result<(), BucketError> {
        check_attribute(name, value)?;
        self.change_attributes(node, ack, |sizes, inode, change| {
            set_attribute_in(sizes, inode, change, (name, value), how)
        })
        .await
    }

    /// Removes an attribute.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::Store`].
    pub async fn remove_attribute(
        &self,
        node: &Node,
        name: &[u8],
        ack: Ack,
    ) -> Result<(), BucketError> {
        self.change_attributes(node, ack, |sizes, inode, change| {
            if !sizes.contains_key(name) {
                return Err(BucketError::no("attribute"));
            }
            take_attribute(change, inode, name);
            Ok(())
        })
        .await
    }

    pub(crate) async fn change_attributes(
        &self,
        node: &Node,
        ack: Ack,
        set: impl FnOnce(&Sizes, &mut Inode, &mut Change) -> Result<(), BucketError>,
    ) -> Result<(), BucketError> {
        let mut flight = Flight::new(self);
        let admitted = self.admit(0).await?;
        let locks = self.lock_inodes([node.id()]).await?;
        let (mut inode, place) = self.locked_inode(node).await?;
        let of = &inode;
        let sizes = self.look(|tree| attribute_sizes(tree, of)).await?;
        let mut change = Change::new(self);
        set(&sizes, &mut inode, &mut change)?;
        inode.changed = self.now();
        if inode.kind == InodeKind::Directory {
            inode.explicit = true;
            let touch = engine_format::Touch {
                changed: Some(inode.changed),
                ..engine_format::Touch::default()
            };
            change.touch(inode.id, &touch);
        }
        change.inode(&place, &inode);
        flight.attributes(inode.id);
        let lsn = change.commit(self, &mut flight).await?;
        drop((locks, admitted));
        flight.acknowledge(lsn, ack).await
    }
}
