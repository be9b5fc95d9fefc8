//! Writing in place.
//!
//! Extents that are written begin on blocks of their content and end where the content ends, so a
//! write reads and changes the blocks that it cuts. What it replaces is looked up first: for the
//! count of stored bytes, and for readers that want the content as it was.

mod replace;
mod step;

use std::ops::Range;
use std::sync::Arc;

use engine_base::limits::{BLOCK, BLOCK_BYTES, WRITE_BYTES_MAX};
use engine_base::{align_down, align_up, to_usize};
use engine_device::PageBuf;
use engine_format::{BucketKey, ContentForm, Inode, InodeKind, SMALL_BYTES_MAX};

use crate::change::Change;
use crate::content::{Span, small, spans};
use crate::flight::Flight;
use crate::key::Key;
use crate::node::{Node, Place};
use crate::quota::Claim;
use crate::{Ack, Bucket, BucketError};

/// Bytes of a file at most.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 50;

/// Where a write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAt {
    /// At this byte; a gap behind the end becomes a hole.
    Byte(u64),
    /// At the end as it is then: appends of several writers all stay.
    End,
    /// At this byte, which must be the end.
    ExactEnd(u64),
}

/// A file whose lock is held.
pub(crate) struct Locked<'a> {
    pub(crate) node: &'a Node,
    pub(crate) inode: Inode,
    pub(crate) place: Place,
    /// What the operation has claimed of a quota for all of its steps.
    pub(crate) claim: Option<Arc<Claim>>,
}

impl Bucket {
    /// Writes `data` into a file. Up to 1 MiB is whole or absent after a crash; more is written in
    /// steps. Returns where it began.
    ///
    /// # Errors
    /// [`BucketError::NotFound`], [`BucketError::NotRegular`], [`BucketError::TooLarge`],
    /// [`BucketError::Precondition`] for another end than demanded, [`BucketError::Store`].
    pub async fn write(
        &self,
        node: &Node,
        at: WriteAt,
        data: &[u8],
        ack: Ack,
    ) -> Result<u64, BucketError> {
        self.write_as(node, None, at, data, ack).await
    }

    /// As [`Bucket::write`], if `key` still leads there; else there is no such file.
    pub(crate) async fn write_as(
        &self,
        node: &Node,
        key: Option<&Key>,
        at: WriteAt,
        data: &[u8],
        ack: Ack,
    ) -> Result<u64, BucketError> {
        let mut flight = Flight::new(self);
        let steps = data.len() / WRITE_BYTES_MAX + 1;
        let admitted = self.admit(data.len() + steps * 2 * BLOCK_BYTES).await?;
        // Over all steps, so that nothing of somebody else comes between them.
        let locks = self.lock_inodes([node.id()]).await?;
        let mut file = self.locked_file(node).await?;
        if let Some(key) = key {
            self.check_leads_to(key, node).await?;
            self.check_held(node.id())?;
        }
        let first = step::start(at, file.inode.size)?;
        let end = first.checked_add(data.len() as u64);
        if end.is_none_or(|end| end > FILE_BYTES_MAX) {
            return Err(BucketError::TooLarge {
                what: "file",
                max: FILE_BYTES_MAX,
            });
        }
        if data.len() > WRITE_BYTES_MAX || file.inode.content == ContentForm::Pieces {
            // All of it or nothing.
            let range = first..first + data.len() as u64;
            file.claim = self.claim_range(&file.inode, range).await?;
        }
        let mut lsn = self.pool.durable_lsn();
        let (mut from, mut left) = (first, data);
        while !left.is_empty() {
            let step = self.step_bytes(&mut file, from, left.len()).await?;
            let (now, later) = left.split_at(step);
            lsn = self.write_step(&mut file, from, now, &mut flight).await?;
            from += now.len() as u64;
            left = later;
            if !left.is_empty() {
                self.pool.throttle(&self.dataset).await?;
            }
        }
        drop((locks, admitted));
        flight.acknowledge(lsn, ack).await?;
        Ok(first)
    }

    /// The file of a node. The caller holds its lock.
    pub(crate) async fn locked_file<'a>(&self, node: &'a Node) -> Result<Locked<'a>, BucketError> {
        match node.kind() {
            InodeKind::File => {}
            InodeKind::Directory => return Err(BucketError::IsDirectory),
            _ => return Err(BucketError::NotRegular),
        }
        let (inode, place) = self.locked_inode(node).await?;
        Ok(Locked {
            node,
            inode,
            place,
            claim: None,
        })
    }

    async fn write_step(
        &self,
        file: &mut Locked<'_>,
        at: u64,
        data: &[u8],
        flight: &mut Flight<'_>,
    ) -> Result<engine_base::Lsn, BucketError> {
        let end = at + data.len() as u64;
        let mut change = Change::new(self);
        change.claimed_by(file.claim.as_ref());
        if end > file.inode.size {
            self.finish_tail(&file.inode).await?;
        }
        let old_size = file.inode.size;
        file.inode.size = old_size.max(end);
        change.writes_in_place(data.len());
        self.put_bytes(&mut change, file, at, data).await?;
        self.content_changed(&mut change, file, flight);
        change.commit(self, flight).await
    }

    /// Notes in the inode that the content changed in place.
    pub(crate) fn content_changed(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        flight: &mut Flight<'_>,
    ) {
        let now = self.now();
        let inode = &mut file.inode;
        inode.modified = now;
        inode.changed = now;
        inode.changes = self.next_change(inode.changes);
        inode.fields.entity_tag = None;
        inode.fields.checksums = None;
        change.inode(&file.place, inode);
        flight.content(inode.id);
    }

    /// Puts bytes that lie within the file's new size into its content.
    pub(crate) async fn put_bytes(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        at: u64,
        data: &[u8],
    ) -> Result<(), BucketError> {
        let inode = &mut file.inode;
        let in_record = matches!(inode.content, ContentForm::Small | ContentForm::None);
        if !in_record {
            return self.put_extents(change, file, at, data).await;
        }
        let mut content = match inode.content {
            ContentForm::Small => {
                let of: &Inode = inode;
                self.look(|tree| small(tree, of)).await?
            }
            _ => Vec::new(),
        };
        if inode.size <= SMALL_BYTES_MAX as u64 {
            let (from, end) = (to_usize(at), to_usize(at) + data.len());
            content.resize(content.len().max(end), 0);
            content[from..end].copy_from_slice(data);
            change.put(&BucketKey::Small(inode.id), &content);
            inode.content = ContentForm::Small;
            inode.allocated = content.len() as u64;
            return Ok(());
        }
        // It outgrows its record. What it held and what is written may share its only block.
        if inode.content == ContentForm::Small {
            change.delete(&BucketKey::Small(inode.id));
        }
        inode.content = ContentForm::Extents;
        inode.allocated = 0;
        if content.is_empty() {
            return self.put_extents(change, file, at, data).await;
        }
        if at >= BLOCK {
            let head = content.len();
            self.put_blocks(change, file, 0, head, padded(&content));
            return self.put_extents(change, file, at, data).await;
        }
        let from = to_usize(at);
        let both = content.len().max(from + data.len());
        let mut whole = PageBuf::zeroed(to_usize(align_up(both as u64, BLOCK)));
        whole[..content.len()].copy_from_slice(&content);
        whole[from..from + data.len()].copy_from_slice(data);
        self.put_blocks(change, file, 0, both, whole);
        Ok(())
    }

    /// New blocks where there were none.
    fn put_blocks(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        at: u64,
        bytes: usize,
        data: PageBuf,
    ) {
        change.extent(file.inode.id, at, bytes, data);
        file.inode.allocated += bytes as u64;
    }

    async fn put_extents(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        at: u64,
        data: &[u8],
    ) -> Result<(), BucketError> {
        let range = at..at + data.len() as u64;
        let inode = &file.inode;
        let all = self.look(|tree| spans(tree, inode, range.clone())).await?;
        for span in all {
            let from = to_usize(span.file_at - at);
            let part = &data[from..from + to_usize(span.bytes)];
            self.put_span(change, file, &span, part).await?;
        }
        Ok(())
    }

    async fn put_span(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        span: &Span,
        data: &[u8],
    ) -> Result<(), BucketError> {
        let first = align_down(span.at, BLOCK);
        let behind = align_up(span.at + span.bytes, BLOCK);
        // In bytes of the file: the cut blocks, no further than the piece and the file go.
        let file_first = span.file_at - (span.at - first);
        let file_end = span.file_at + span.bytes;
        let limit = self.span_end(&file.inode, span).await?;
        let file_last = (file_end + (behind - span.at - span.bytes))
            .min(limit)
            .max(file_end);
        self.replace(file, file_first..file_last).await?;
        let mut whole = PageBuf::recycled(to_usize(behind - first));
        let from = to_usize(span.at - first);
        let head = self
            .read_locked(&file.inode, file_first, from as u64)
            .await?;
        whole[..head.len()].copy_from_slice(&head);
        whole[head.len()..from].fill(0);
        let tail = self
            .read_locked(&file.inode, file_end, file_last - file_end)
            .await?;
        let to = from + data.len();
        whole[to..to + tail.len()].copy_from_slice(&tail);
        whole[to + tail.len()..].fill(0);
        whole[from..from + data.len()].copy_from_slice(data);
        let bytes = to_usize(file_last - file_first);
        let blocks = to_usize(align_up(bytes as u64, BLOCK));
        whole.truncate(blocks);
        change.extent(span.content, first, bytes, whole);
        file.inode.allocated += bytes as u64;
        Ok(())
    }
}

/// Bytes in whole blocks.
pub(crate) fn padded(bytes: &[u8]) -> PageBuf {
    let mut buf = PageBuf::zeroed(to_usize(align_up(bytes.len() as u64, BLOCK)));
    buf[..bytes.len()].copy_from_slice(bytes);
    buf
}
