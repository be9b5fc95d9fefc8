//! Where a write begins, and how much of it one batch takes.

use engine_base::limits::BATCH_DATA_BYTES_MAX;

use super::*;

/// Blocks that one batch takes.
const BLOCKS_MAX: u64 = (BATCH_DATA_BYTES_MAX / BLOCK_BYTES) as u64;

/// Where a write begins in a file of this size.
pub(super) fn start(at: WriteAt, size: u64) -> Result<u64, BucketError> {
    match at {
        WriteAt::Byte(at) => Ok(at),
        WriteAt::End => Ok(size),
        WriteAt::ExactEnd(at) if at == size => Ok(at),
        WriteAt::ExactEnd(_) => Err(BucketError::Precondition),
    }
}

impl Bucket {
    /// How many of `bytes` bytes from `at` the next batch takes: up to 1 MiB, but where the pieces
    /// of a file begin and end blocks are cut in two, and each half is a block of the batch.
    pub(super) async fn step_bytes(
        &self,
        file: &mut Locked<'_>,
        at: u64,
        bytes: usize,
    ) -> Result<usize, BucketError> {
        let bytes = bytes.min(WRITE_BYTES_MAX);
        let end = at + bytes as u64;
        if file.inode.content == ContentForm::Small && at >= BLOCK {
            // The block that the content gets when it outgrows its record would come on top.
            self.move_to_extents(file).await?;
        }
        if file.inode.content != ContentForm::Pieces {
            return Ok(bytes);
        }
        let inode = &file.inode;
        let all = self.look(|tree| spans(tree, inode, at..end)).await?;
        let mut left = BLOCKS_MAX;
        for span in all {
            let first = align_down(span.at, BLOCK);
            let blocks = (align_up(span.at + span.bytes, BLOCK) - first) / BLOCK;
            if blocks > left {
                let last = (first + left * BLOCK).max(span.at);
                return Ok(to_usize(span.file_at - at + (last - span.at)));
            }
            left -= blocks;
        }
        Ok(bytes)
    }

    /// Moves a content from its record to a block, by a batch of its own that changes nothing that
    /// is seen.
    pub(crate) async fn move_to_extents(&self, file: &mut Locked<'_>) -> Result<(), BucketError> {
        let inode = &file.inode;
        let content = self.look(|tree| small(tree, inode)).await?;
        let mut change = Change::new(self);
        change.delete(&BucketKey::Small(file.inode.id));
        file.inode.content = ContentForm::Extents;
        file.inode.allocated = 0;
        if content.is_empty() {
            file.inode.content = ContentForm::None;
        } else {
            let bytes = content.len();
            self.put_blocks(&mut change, file, 0, bytes, padded(&content));
        }
        change.inode(&file.place, &file.inode);
        change.commit(self, &mut Flight::new(self)).await?;
        Ok(())
    }
}
