//! What there is room for.

use engine_base::ByteCount;
use engine_format::{ContentForm, EntryRecord};

use super::*;
use crate::key::Key;
use crate::look::{inode_at, inode_of};
use crate::node::Node;

/// What a directory has room for: by the quota that it counts for, else by the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes in all.
    pub capacity: ByteCount,
    /// Bytes that are free.
    pub free: ByteCount,
    /// Bytes that may still be written.
    pub available: ByteCount,
    /// Inodes in all and those that may still be made; `None`: any number.
    pub inodes: Option<(u64, u64)>,
}

/// Where an upload will be: what it adds there.
#[derive(Debug, Default)]
pub(crate) struct Destination {
    pub(crate) claim: Option<Arc<Claim>>,
    /// Bytes that it comes in the place of.
    replaced: u64,
}

impl Destination {
    /// What is to be claimed where an upload has `bytes` bytes in all.
    fn missing(&self, claim: &Claim, bytes: u64) -> Usage {
        let wanted = bytes.saturating_sub(self.replaced);
        Usage {
            bytes: wanted.saturating_sub(claim.amount().bytes),
            inodes: 0,
        }
    }
}

impl Bucket {
    /// What there is room for in a directory, or in a file. Of one that is gone it is what the pool
    /// has.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn space_at(&self, node: &Node) -> Result<Space, BucketError> {
        let (capacity, free, available) = self.space();
        let mut space = Space {
            capacity,
            free,
            available,
            inodes: None,
        };
        if !self.shared.projects.any() {
            return Ok(space);
        }
        let found = self
            .look(|tree| inode_at(tree, node.id(), &node.places()))
            .await?;
        let project = found.and_then(|(inode, _)| self.project_of(&inode));
        let Some(project) = project else {
            return Ok(space);
        };
        let key = BucketKey::Usage(project.id);
        let used = self.look(|tree| value(tree, &key, Usage::decode)).await?;
        let used = used.unwrap_or_default();
        let state = project.state.lock();
        if let Some(max) = state.bytes {
            let left = ByteCount::new(max.saturating_sub(used.bytes));
            space.capacity = ByteCount::new(max);
            space.free = left.min(free);
            space.available = left.min(available);
        }
        let left = |max: u64| (max, max.saturating_sub(used.inodes));
        space.inodes = state.inodes.map(left);
        Ok(space)
    }

    /// The destination of an upload that adds to the project of `inode`, in the place of
    /// `replaced` bytes; refused where `expected` bytes are too many for certain.
    pub(crate) async fn destination(
        &self,
        inode: &Inode,
        replaced: u64,
        expected: u64,
    ) -> Result<Destination, BucketError> {
        let Some(project) = self.project_of(inode) else {
            return Ok(Destination::default());
        };
        let claim = self.claim(&project, Usage::default()).await?;
        let mut destination = Destination {
            claim: None,
            replaced,
        };
        let missing = destination.missing(&claim, expected);
        // Only a look: an upload that does not come on must not keep others out.
        drop(self.claim(&project, missing).await?);
        destination.claim = Some(Arc::new(claim));
        Ok(destination)
    }

    /// Where an upload to a key will be.
    pub(crate) async fn destination_of_key(
        &self,
        key: &[u8],
        expected: u64,
    ) -> Result<Destination, BucketError> {
        if !self.shared.projects.any() {
            return Ok(Destination::default());
        }
        let way = self.way(&Key::parse(key)?).await?;
        let directory = &way.last().inode;
        let replaced = match way.found.clone() {
            Some(found @ (EntryRecord::Inline(_) | EntryRecord::Link(..))) => {
                let old = self.look(|tree| inode_of(tree, found.clone())).await?;
                let goes = old.links == 1 && old.fields.project == directory.fields.project;
                if goes { old.allocated } else { 0 }
            }
            None => 0,
        };
        self.destination(directory, replaced, expected).await
    }

    /// Claims what an upload of `bytes` bytes in all adds.
    pub(crate) async fn claim_for(
        &self,
        destination: &Destination,
        bytes: u64,
    ) -> Result<(), BucketError> {
        let Some(claim) = &destination.claim else {
            return Ok(());
        };
        let missing = destination.missing(claim, bytes);
        if missing != Usage::default() {
            claim.merge(&self.claim(&claim.project, missing).await?);
        }
        Ok(())
    }

    /// Claims what storing all of a range of a file adds to it.
    pub(crate) async fn claim_range(
        &self,
        inode: &Inode,
        range: std::ops::Range<u64>,
    ) -> Result<Option<Arc<Claim>>, BucketError> {
        let Some(project) = self.project_of(inode) else {
            return Ok(None);
        };
        let mut bytes = range.end - range.start;
        match inode.content {
            ContentForm::None => {}
            ContentForm::Small => {
                let stored = inode.allocated.min(range.end);
                bytes -= stored.saturating_sub(range.start);
            }
            ContentForm::Extents | ContentForm::Pieces => {
                let inside = range.start..range.end.min(inode.size);
                self.for_each_found(inode, inside, |found| {
                    let stored = found.iter().filter(|part| part.stored.is_some());
                    bytes -= stored.map(|part| part.bytes).sum::<u64>();
                })
                .await?;
            }
        }
        let claim = self.claim(&project, Usage { bytes, inodes: 0 }).await?;
        Ok(Some(Arc::new(claim)))
    }
}
