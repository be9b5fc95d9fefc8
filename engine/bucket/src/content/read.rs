//! Reading what a content holds.

use engine_base::Location;
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
        Ok(self.read_pages(node, at, bytes).await?.to_vec())
    }

    /// As [`Bucket::read`], into memory that begins on a page: it is copied on several times faster
    /// than what begins elsewhere.
    ///
    /// # Errors
    /// As [`Bucket::read`].
    pub async fn read_pages(
        &self,
        node: &Node,
        at: u64,
        bytes: usize,
    ) -> Result<PageBuf, BucketError> {
        let _pin = self.pool.read_pin();
        let plan = self
            .look(|tree| {
                // Here, so that they are of no earlier moment than the tree.
                let found = crate::look::inode_at(tree, node.id(), &node.places())?;
                let (inode, _) = found.ok_or_else(|| BucketError::no("file"))?;
                plan(tree, &inode, at, bytes as u64)
            })
            .await?;
        match plan {
            ReadPlan::Bytes(bytes) => Ok(PageBuf::copy_of(&bytes)),
            ReadPlan::Stored(found) => self.gather(&found).await,
        }
    }

    /// Reads what a plan names. The caller has held a read pin since before the plan was made.
    pub(crate) async fn carry_out(&self, plan: ReadPlan) -> Result<Vec<u8>, BucketError> {
        match plan {
            ReadPlan::Bytes(bytes) => Ok(bytes),
            ReadPlan::Stored(found) => Ok(self.gather(&found).await?.to_vec()),
        }
    }

    /// The bytes of all parts, which follow one another.
    async fn gather(&self, found: &[Found]) -> Result<PageBuf, BucketError> {
        let start = found.first().map_or(0, |first| first.at);
        let end = found.last().map_or(0, |last| last.at + last.bytes);
        let mut bytes = PageBuf::recycled(to_usize(end - start));
        let mut unit = None;
        for part in found {
            let from = to_usize(part.at - start);
            let to = &mut bytes[from..from + to_usize(part.bytes)];
            match &part.stored {
                Some(stored) if stored.read.unit().is_some() => {
                    self.read_part(stored, to, &mut unit).await?;
                }
                Some(stored) => self.read_stored(stored, to).await?,
                None => to.fill(0),
            }
        }
        Ok(bytes)
    }

    /// Copies what is meant of a unit; `last` is the unit that was read before, of which more is
    /// often wanted.
    async fn read_part(
        &self,
        stored: &Stored,
        to: &mut [u8],
        last: &mut Option<(Location, PageBuf)>,
    ) -> Result<(), BucketError> {
        let at = stored.read.location;
        let known = last.take().filter(|(location, _)| *location == at);
        let (_, bytes) = match known {
            Some(known) => last.insert(known),
            None => last.insert((at, self.pool.read_unit(&stored.read).await?)),
        };
        copy_meant(bytes, stored, to)
    }

    /// Reads and verifies stored blocks, and copies what is meant of them.
    async fn read_stored(&self, stored: &Stored, to: &mut [u8]) -> Result<(), BucketError> {
        let whole = stored.skip == 0 && to.len() == stored.read.bytes();
        if whole && self.pool.read_extent_cached(&stored.read, to)? {
            return Ok(());
        }
        let mut buf = PageBuf::recycled(stored.read.bytes());
        if whole || !self.pool.read_extent_cached(&stored.read, &mut buf)? {
            buf = self.pool.read_extent(&stored.read).await?;
        }
        copy_meant(&buf, stored, to)
    }

    /// Reads a range of a file whose inode is locked.
    pub(crate) async fn read_locked(
        &self,
        inode: &Inode,
        at: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, BucketError> {
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let _pin = self.pool.read_pin();
        let plan = self.look(|tree| plan(tree, inode, at, bytes)).await?;
        self.carry_out(plan).await
    }
}

fn copy_meant(from: &[u8], stored: &Stored, to: &mut [u8]) -> Result<(), BucketError> {
    let bytes = from.get(stored.skip..stored.skip + to.len());
    let bytes = bytes.ok_or_else(|| {
        BucketError::inconsistent("an extent is longer than what is stored for it".to_owned())
    })?;
    to.copy_from_slice(bytes);
    Ok(())
}
