//! What a crash left over of uploads.

use std::collections::BTreeSet;

use super::scan::pieces_from;
use super::*;

impl Bucket {
    /// Forgets parts whose uploads became objects before a crash. Those that are in no object are
    /// given back.
    pub(crate) async fn recover_parts(&self) -> Result<(), BucketError> {
        let mut next = Some(vec![BucketKey::UPLOAD]);
        while let Some(from) = next {
            let uploads = self.look(|tree| uploads_from(tree, &from)).await?;
            for (id, record) in &uploads.found {
                if record.is_none() {
                    self.recover_parts_of(*id).await?;
                }
            }
            next = uploads.next;
        }
        Ok(())
    }

    async fn recover_parts_of(&self, id: UploadId) -> Result<(), BucketError> {
        loop {
            let parts = self
                .look(|tree| parts_of(tree, id, 0, PIECES_AT_ONCE))
                .await?;
            if parts.is_empty() {
                return Ok(());
            }
            let used = self.used_of(&parts).await?;
            let is_used = |_, content| used.contains(&content);
            self.drop_part_records(id, &parts, is_used).await?;
        }
    }

    /// Contents of `parts` that a map of pieces leads to.
    async fn used_of(&self, parts: &Parts) -> Result<BTreeSet<InodeId>, BucketError> {
        let wanted: BTreeSet<InodeId> = parts.iter().map(|(_, part)| part.content).collect();
        let mut used = BTreeSet::new();
        let mut from = BucketKey::Piece(InodeId::ROOT, 0).encode();
        loop {
            let (pieces, next) = self.look(|tree| pieces_from(tree, &from)).await?;
            used.extend(pieces.into_iter().filter(|piece| wanted.contains(piece)));
            match next {
                Some(next) => from = next,
                None => return Ok(used),
            }
        }
    }
}
