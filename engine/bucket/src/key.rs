//! Whole keys: the way down to what they name.

use engine_format::{EntryRecord, Inode, InodeId, InodeKind};
use engine_tree::Tree;

use crate::look::{Look, entry, inode_of, own};
use crate::node::{Node, Place};
use crate::{Bucket, BucketError};

/// Bytes of a key that can be put.
pub const OBJECT_KEY_BYTES_MAX: usize = 1024;

/// A key in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Directories above, and at last its own name without the `/` of a directory's.
    components: Vec<Vec<u8>>,
    is_directory: bool,
}

impl Key {
    pub(crate) fn parse(key: &[u8]) -> Result<Self, BucketError> {
        if key.is_empty() {
            return Err(BucketError::Name {
                why: "a key is not empty",
            });
        }
        let (body, is_directory) = match key.strip_suffix(b"/") {
            Some(body) => (body, true),
            None => (key, false),
        };
        let components = body.split(|byte| *byte == b'/').map(<[u8]>::to_vec);
        Ok(Self {
            components: components.collect(),
            is_directory,
        })
    }

    /// Refuses what cannot be put.
    pub(crate) fn parse_to_put(key: &[u8]) -> Result<Self, BucketError> {
        if key.len() > OBJECT_KEY_BYTES_MAX {
            return Err(BucketError::TooLarge {
                what: "key",
                max: OBJECT_KEY_BYTES_MAX as u64,
            });
        }
        if std::str::from_utf8(key).is_err() || key.contains(&0) {
            return Err(BucketError::Name {
                why: "a key is UTF-8 without zero characters",
            });
        }
        Self::parse(key)
    }

    pub(crate) const fn is_directory(&self) -> bool {
        self.is_directory
    }

    pub(crate) fn parents(&self) -> &[Vec<u8>] {
        &self.components[..self.components.len() - 1]
    }

    /// Its own name, without the `/` of a directory's.
    pub(crate) fn name(&self) -> &[u8] {
        &self.components[self.components.len() - 1]
    }

    /// Its own name as in the tree.
    pub(crate) fn key_name(&self) -> Vec<u8> {
        let mut name = self.name().to_vec();
        if self.is_directory {
            name.push(b'/');
        }
        name
    }
}

/// A directory on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Above {
    /// Its name in the one before, as in the key; empty for the root.
    pub(crate) name: Vec<u8>,
    pub(crate) inode: Inode,
}

/// How far a key leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The root and the directories that are there, in order.
    pub(crate) above: Vec<Above>,
    /// What the key names, if all directories are there and it is.
    pub(crate) found: Option<EntryRecord>,
    /// Something that is no directory and no file stands where the way ends.
    pub(crate) blocked: bool,
}

impl Way {
    /// The last directory that is there.
    pub(crate) fn last(&self) -> &Above {
        &self.above[self.above.len() - 1]
    }

    pub(crate) fn directory(&self) -> InodeId {
        self.last().inode.id
    }

    /// Directories whose last changes decide on what is seen at the end of the way: each has the
    /// name that it has. The root has none, so it counts only where the way ends in it.
    pub(crate) fn directories(&self) -> impl Iterator<Item = InodeId> {
        let from = usize::from(self.above.len() > 1);
        self.above[from..].iter().map(|above| above.inode.id)
    }

    /// Whether all directories of the key are there.
    pub(crate) fn is_whole(&self, key: &Key) -> bool {
        self.above.len() == key.parents().len() + 1
    }

    /// The name under the last directory where the way goes on, without `/`.
    pub(crate) fn next_name<'a>(&self, key: &'a Key) -> &'a [u8] {
        key.parents()
            .get(self.above.len() - 1)
            .map_or_else(|| key.name(), Vec::as_slice)
    }

    /// Whether another look led the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let ids = |way: &Self| -> Vec<(InodeId, bool)> {
            let above = way.above.iter();
            above
                .map(|above| (above.inode.id, above.inode.explicit))
                .collect()
        };
        let found = |way: &Self| way.found.as_ref().map(EntryRecord::id);
        ids(self) == ids(other) && found(self) == found(other)
    }
}

/// Follows a key down.
pub(crate) fn follow(tree: &Tree, key: &Key) -> Look<Way> {
    let root = own(tree, InodeId::ROOT)?.ok_or_else(|| BucketError::no("bucket"))?;
    let mut above = vec![Above {
        name: Vec::new(),
        inode: root,
    }];
    let mut directory = InodeId::ROOT;
    for component in key.parents() {
        let name = [&component[..], b"/"].concat();
        let Some(next) = entry(tree, directory, &name)? else {
            let blocked = is_blocked(tree, directory, component)?;
            return Ok(Way {
                above,
                found: None,
                blocked,
            });
        };
        directory = next.id();
        let inode = inode_of(tree, next)?;
        above.push(Above { name, inode });
    }
    let found = entry(tree, directory, &key.key_name())?;
    let blocked = match &found {
        Some(found) => !matches!(found.kind(), InodeKind::File | InodeKind::Directory),
        None => is_blocked(tree, directory, key.name())?,
    };
    Ok(Way {
        above,
        found,
        blocked,
    })
}

fn is_blocked(tree: &Tree, directory: InodeId, name: &[u8]) -> Look<bool> {
    let found = entry(tree, directory, name)?;
    Ok(found.is_some_and(|found| found.kind() != InodeKind::File))
}

/// What a key names as an object: a regular file, or a directory that is there for its own sake.
pub(crate) fn object_of(tree: &Tree, way: &Way) -> Look<Option<Inode>> {
    let Some(found) = way.found.clone() else {
        return Ok(None);
    };
    let inode = inode_of(tree, found)?;
    let is_object = match inode.kind {
        InodeKind::File => true,
        InodeKind::Directory => inode.explicit,
        _ => false,
    };
    Ok(is_object.then_some(inode))
}

impl Bucket {
    /// The node of what a way leads to. For a directory's the caller holds the shape, so that those
    /// above stay where they are.
    pub(crate) fn node_on(&self, key: &Key, way: &Way) -> Option<Node> {
        let found = way.found.as_ref()?;
        if found.kind() != InodeKind::Directory {
            let place = match found {
                EntryRecord::Link(..) => Place::Own,
                EntryRecord::Inline(_) => Place::Entry {
                    parent: None,
                    directory: way.directory(),
                    name: key.key_name(),
                },
            };
            let nodes = &self.shared.nodes;
            let node = nodes.intern(found.id(), found.kind(), place.clone());
            node.seen_at(place);
            return Some(node);
        }
        let parent = self.directory_node(way);
        Some(self.intern(&parent, &key.key_name(), found))
    }

    /// The node of the last directory of a way. The caller holds the shape.
    pub(crate) fn directory_node(&self, way: &Way) -> Node {
        let mut node = self.root();
        for above in way.above.iter().skip(1) {
            let entry = EntryRecord::Inline(above.inode.clone());
            node = self.intern(&node, &above.name, &entry);
        }
        node
    }
}
