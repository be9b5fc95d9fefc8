//! Reading what a content holds.

use engine_device::PageBuf;

use super::*;
use crate::node::Node;
use crate::{Bucket, BucketError};

impl Bucket {
    /// Visits where the bytes of a range lie, in order. The content does not change meanwhile; each
    /// look is at a few of them only, however many there are.
    pub(crate) async fn for_each_found(
        &self,
        inode: &Inode,
        range: Range<u64>,
        mut visit: impl FnMut(&[Found]),
    ) -> Result<(), BucketError> {
        let mut at = range.start;
        while at < range.end {
            let rest = at..range.end;
            let found = self
                .look(|tree| find_some(tree, inode, rest.clone(), FOUND_AT_ONCE))
                .await?;
            visit(&found);
            at = found.last().map_or(range.end, |last| last.at + last.bytes);
        }
        Ok(())
    }

    /// Reads up to `bytes` bytes from `at`; fewer at the end of the file.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] if the file is gone, [`BucketError::Store`] where data is damaged:
    /// no wrong byte is returned.
    pub async fn read(&self, node: &Node, at: u64, bytes: usize) -> Result<Vec<u8>, BucketError> {
        let _pin = self.pool.read_pin();
        let plan = self
            .look(|tree| {
                // Here, so that they are of no earlier moment than the tree.
                let found = crate::look::inode_at(tree, node.id(), &node.places())?;
                let (inode, _) = found.ok_or_else(|| BucketError::no("file"))?;
                plan(tree, &inode, at, bytes as u64)
            })
            .await?;
        self.carry_out(plan).await
    }

    /// Reads what a plan names. The caller has held a read pin since before the plan was made.
    pub(crate) async fn carry_out(&self, plan: ReadPlan) -> Result<Vec<u8>, BucketError> {
        let found = match plan {
            ReadPlan::Bytes(bytes) => return Ok(bytes),
            ReadPlan::Stored(found) => found,
        };
        let start = found.first().map_or(0, |first| first.at);
        let end = found.last().map_or(0, |last| last.at + last.bytes);
        let mut bytes = vec![0; to_usize(end - start)];
        for part in &found {
            let Some(stored) = &part.stored else {
                continue;
            };
            let from = to_usize(part.at - start);
            let to = &mut bytes[from..from + to_usize(part.bytes)];
            self.read_stored(stored, to).await?;
        }
        Ok(bytes)
    }

    /// Reads and verifies stored blocks, and copies what is meant of them.
    pub(crate) async fn read_stored(
        &self,
        stored: &Stored,
        to: &mut [u8],
    ) -> Result<(), BucketError> {
        let mut buf = PageBuf::recycled(stored.read.bytes());
        if !self.pool.read_extent_cached(&stored.read, &mut buf)? {
            buf = self.pool.read_extent(&stored.read).await?;
        }
        let from = stored.skip;
        let bytes = buf.get(from..from + to.len()).ok_or_else(|| {
            BucketError::inconsistent("an extent is shorter than its blocks".to_owned())
        })?;
        to.copy_from_slice(bytes);
        Ok(())
    }

    /// Reads a range of a file whose inode is locked.
    pub(crate) async fn read_locked(
        &self,
        inode: &Inode,
        at: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, BucketError> {
        let _pin = self.pool.read_pin();
        let plan = self.look(|tree| plan(tree, inode, at, bytes)).await?;
        self.carry_out(plan).await
    }
}
