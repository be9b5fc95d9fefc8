//! Objects by their keys: reading them.

use engine_base::Lsn;
use engine_format::{Inode, InodeKind};
use engine_pool::LockMode;
use engine_tree::Tree;

use crate::attributes::Info;
use crate::bucket::LockKey;
use crate::key::{Key, Way, follow, object_of};
use crate::look::Look;
use crate::node::Node;
use crate::xattr::{OBJECT_PREFIX, attribute, attribute_names};
use crate::{Bucket, BucketError, ObjectReader};

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// Size, times, entity tag and so on.
    pub info: Info,
    /// Its metadata, by names without [`OBJECT_PREFIX`], in their order.
    pub metadata: Metadata,
}

/// What a look at a key has found.
#[derive(Debug)]
pub struct Seen<T> {
    /// `None`: there is no such object.
    pub found: Option<T>,
    /// What must be durable before this is shown, absence too: see [`Bucket::durable`].
    pub lsn: Lsn,
}

/// A demand on the object as it is when the change is committed: `None` if there is none.
pub type Precondition<'a> = &'a (dyn Fn(Option<&Info>) -> bool + Send + Sync);

/// Demands on the two ends of a rename, as they are when it is committed.
#[derive(Clone, Copy, Default)]
pub struct RenamePreconditions<'a> {
    /// On the object that is moved. A directory that is there only for what is below it is none.
    pub moved: Option<Precondition<'a>>,
    /// On the object in whose place it comes.
    pub replaced: Option<Precondition<'a>>,
}

/// Makes new metadata of an object from what it is, or refuses to; not by
/// [`BucketError::NotFound`], which has the object looked for again.
pub type Revise<'a> = &'a (dyn Fn(&ObjectHead) -> Result<Metadata, BucketError> + Send + Sync);

/// Metadata by names without [`OBJECT_PREFIX`].
pub type Metadata = Vec<(Vec<u8>, Vec<u8>)>;

impl Bucket {
    /// What is known of an object.
    ///
    /// # Errors
    /// [`BucketError::Name`] for an empty key, [`BucketError::Store`].
    pub async fn head(&self, key: &[u8]) -> Result<Seen<ObjectHead>, BucketError> {
        let key = Key::parse(key)?;
        let (way, found) = self
            .look(|tree| {
                let way = follow(tree, &key)?;
                let Some(inode) = object_of(tree, &way)? else {
                    return Ok((way, None));
                };
                let metadata = metadata_of(tree, &inode)?;
                let info = Info::of(&inode, None);
                Ok((way, Some(ObjectHead { info, metadata })))
            })
            .await?;
        let shown = found.as_ref().map(|head| head.info.id);
        Ok(Seen {
            lsn: self.seen(way.directories().chain(shown)),
            found,
        })
    }

    /// A reader of an object as it is now: see [`ObjectReader`].
    ///
    /// # Errors
    /// As [`Bucket::head`].
    pub async fn get(&self, key: &[u8]) -> Result<Seen<ObjectReader>, BucketError> {
        let key = Key::parse(key)?;
        loop {
            let locks = self.lock(shape_for(&key)).await?;
            let (way, is_object) = self
                .look(|tree| {
                    let way = follow(tree, &key)?;
                    let found = object_of(tree, &way)?.is_some();
                    Ok((way, found))
                })
                .await?;
            let node = self.node_on(&key, &way).filter(|_| is_object);
            let Some(node) = node else {
                let lsn = self.seen(way.directories());
                return Ok(Seen { found: None, lsn });
            };
            match self.reader(&node).await {
                Ok(reader) => {
                    // The name may lead elsewhere since; then this was the moment before.
                    let lsn = self.seen(way.directories().chain([node.id()]));
                    let lsn = reader.lsn().max(lsn);
                    return Ok(Seen {
                        found: Some(reader),
                        lsn,
                    });
                }
                // Replaced or removed between the two looks.
                Err(BucketError::NotFound { .. }) => drop(locks),
                Err(error) => return Err(error),
            }
        }
    }

    /// The inode behind a key, for working with it by inode.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if there is no such object; [`BucketError::Store`].
    pub async fn node_of(&self, key: &[u8]) -> Result<Node, BucketError> {
        let key = Key::parse(key)?;
        let _locks = self.lock(shape_for(&key)).await?;
        let (way, is_object) = self
            .look(|tree| {
                let way = follow(tree, &key)?;
                let found = object_of(tree, &way)?.is_some();
                Ok((way, found))
            })
            .await?;
        let node = self.node_on(&key, &way).filter(|_| is_object);
        node.ok_or_else(|| BucketError::no("object"))
    }

    /// Follows a key.
    pub(crate) async fn way(&self, key: &Key) -> Result<Way, BucketError> {
        self.look(|tree| follow(tree, key)).await
    }

    /// Whether a key still leads to an inode whose lock is held: nobody can take it away then.
    pub(crate) async fn check_leads_to(&self, key: &Key, node: &Node) -> Result<(), BucketError> {
        let found = self.way(key).await?.found;
        if found.is_some_and(|found| found.id() == node.id()) {
            return Ok(());
        }
        Err(BucketError::no("object"))
    }

    /// What a key names, for a precondition.
    pub(crate) async fn check_precondition(
        &self,
        way: &Way,
        precondition: Option<Precondition<'_>>,
    ) -> Result<(), BucketError> {
        let Some(holds) = precondition else {
            return Ok(());
        };
        let found = self.look(|tree| object_of(tree, way)).await?;
        let info = found.map(|inode| Info::of(&inode, None));
        if holds(info.as_ref()) {
            return Ok(());
        }
        Err(BucketError::Precondition)
    }
}

/// The metadata of an object, by names without [`OBJECT_PREFIX`].
pub(crate) fn metadata_of(tree: &Tree, inode: &Inode) -> Look<Metadata> {
    let mut metadata = Vec::new();
    for name in attribute_names(tree, inode)? {
        let Some(short) = name.strip_prefix(OBJECT_PREFIX) else {
            continue;
        };
        if let Some(value) = attribute(tree, inode, &name)? {
            metadata.push((short.to_vec(), value));
        }
    }
    Ok(metadata)
}

/// What keeps the directories above a directory where they are; a file's node does not know them.
fn shape_for(key: &Key) -> Vec<(LockKey, LockMode)> {
    if key.is_directory() {
        vec![(LockKey::Shape, LockMode::Shared)]
    } else {
        Vec::new()
    }
}

/// Whether a way ends at a directory.
pub(crate) fn leads_to_directory(way: &Way) -> bool {
    way.found
        .as_ref()
        .is_some_and(|found| found.kind() == InodeKind::Directory)
}

/// Whether a way ends at a regular file.
pub(crate) fn leads_to_file(way: &Way) -> bool {
    way.found
        .as_ref()
        .is_some_and(|found| found.kind() == InodeKind::File)
}
