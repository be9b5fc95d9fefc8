//! Making ranges read as zeroes.

use super::*;
use crate::content::find;

impl Bucket {
    /// Makes a range within a file read as zeroes; whole blocks take no space from then on.
    pub(super) async fn zero(
        &self,
        file: &mut Locked<'_>,
        range: Range<u64>,
        flight: &mut Flight<'_>,
    ) -> Result<Lsn, BucketError> {
        let mut lsn = None;
        let mut at = range.start;
        while at < range.end {
            let step = match file.inode.content {
                ContentForm::Small => range.clone(),
                _ => self.next_stored(&file.inode, at..range.end).await?,
            };
            at = step.end;
            if step.is_empty() && lsn.is_some() {
                continue;
            }
            let mut change = Change::new(self);
            self.zero_step(&mut change, file, step).await?;
            self.content_changed(&mut change, file, flight);
            lsn = Some(change.commit(self, flight).await?);
        }
        Ok(lsn.unwrap_or_else(|| self.pool.durable_lsn()))
    }

    /// What one step zeroes of a range: it begins where something is stored, and is empty where
    /// nothing is.
    async fn next_stored(
        &self,
        inode: &Inode,
        range: Range<u64>,
    ) -> Result<Range<u64>, BucketError> {
        let first = self
            .look(|tree| find_some(tree, inode, range.clone(), 1))
            .await?;
        let hole = first.first().filter(|first| first.stored.is_none());
        let start = hole.map_or(range.start, |hole| hole.at + hole.bytes);
        let end = range.end.min(start + CLEARED_AT_ONCE);
        Ok(if hole.is_some() {
            start..start
        } else {
            start..end
        })
    }

    async fn zero_step(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        range: Range<u64>,
    ) -> Result<(), BucketError> {
        match file.inode.content {
            ContentForm::None => return Ok(()),
            ContentForm::Small => {
                // Behind what the record holds there are zeroes already.
                let inode = &file.inode;
                let mut content = self.look(|tree| small(tree, inode)).await?;
                let held = content.len() as u64;
                let held = to_usize(range.start.min(held))..to_usize(range.end.min(held));
                content[held].fill(0);
                change.put(&BucketKey::Small(inode.id), &content);
                return Ok(());
            }
            ContentForm::Extents | ContentForm::Pieces => {}
        }
        let inode = &file.inode;
        let all = self.look(|tree| spans(tree, inode, range.clone())).await?;
        for span in all {
            self.zero_span(change, file, &span).await?;
        }
        Ok(())
    }

    /// Blocks that a range cuts are rewritten, those between are cleared.
    async fn zero_span(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        span: &Span,
    ) -> Result<(), BucketError> {
        let end = span.at + span.bytes;
        let ends_file = span.file_at + span.bytes >= file.inode.size;
        let first = align_up(span.at, BLOCK);
        let last = if ends_file {
            end
        } else {
            align_down(end, BLOCK)
        };
        let file_of = |at: u64| span.file_at + (at - span.at);
        let inside = first.min(end)..last.max(first.min(end));
        self.zero_part(change, file, span.file_at..file_of(inside.start))
            .await?;
        if first < last {
            self.replace(file, file_of(first)..file_of(last)).await?;
            change.clear(span.content, first, last - first);
        }
        self.zero_part(change, file, file_of(inside.end)..file_of(end))
            .await
    }

    /// Rewrites the blocks that a range cuts, unless there is nothing but a hole.
    async fn zero_part(
        &self,
        change: &mut Change,
        file: &mut Locked<'_>,
        range: Range<u64>,
    ) -> Result<(), BucketError> {
        if range.is_empty() {
            return Ok(());
        }
        let inode = &file.inode;
        let found = self.look(|tree| find(tree, inode, range.clone())).await?;
        if found.iter().all(|part| part.stored.is_none()) {
            return Ok(());
        }
        let zeroes = vec![0; to_usize(range.end - range.start)];
        self.put_bytes(change, file, range.start, &zeroes).await
    }
}
