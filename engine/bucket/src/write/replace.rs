//! What a write comes in the place of.

use super::*;

impl Bucket {
    /// Looks up what a range holds that is about to be replaced: subtracts it from the bytes that
    /// are stored, and keeps it for readers.
    pub(crate) async fn replace(
        &self,
        file: &mut Locked<'_>,
        range: Range<u64>,
    ) -> Result<(), BucketError> {
        if range.is_empty() {
            return Ok(());
        }
        let pin = self.pool.read_pin();
        let readers = file.node.readers();
        let mut stored = 0;
        self.for_each_found(&file.inode, range, |old| {
            readers.iter().for_each(|reader| reader.keep(old, &pin));
            let data = old.iter().filter(|found| found.stored.is_some());
            stored += data.map(|found| found.bytes).sum::<u64>();
        })
        .await?;
        file.inode.allocated = file.inode.allocated.saturating_sub(stored);
        Ok(())
    }

    /// Where the piece that a span lies in ends in the file, or the file.
    pub(super) async fn span_end(&self, inode: &Inode, span: &Span) -> Result<u64, BucketError> {
        let end = span.file_at + span.bytes;
        if inode.content != ContentForm::Pieces || end >= inode.size {
            return Ok(inode.size.max(end));
        }
        let rest = end..inode.size.min(end + BLOCK);
        let behind = self.look(|tree| spans(tree, inode, rest.clone())).await?;
        let next = behind
            .iter()
            .find(|next| next.content != span.content)
            .map(|next| next.file_at);
        Ok(next.unwrap_or(inode.size))
    }
}
