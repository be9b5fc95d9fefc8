//! Ending an upload as a part.

use super::*;

impl Upload {
    /// Has quotas refuse it as soon as it is certain that it would pass one: now, where `expected`
    /// bytes are too many for a part of that upload, or while it is written.
    ///
    /// # Errors
    /// [`BucketError::Quota`], [`BucketError::NotFound`] of the upload, [`BucketError::Store`].
    pub async fn for_part(
        &mut self,
        id: UploadId,
        part: PartNumber,
        expected: u64,
    ) -> Result<(), BucketError> {
        let key = BucketKey::Part(id.0, part);
        let (record, old) = self
            .bucket
            .look(|tree| {
                let old = value(tree, &key, PartRecord::decode)?;
                Ok((record_of(tree, id)?, old))
            })
            .await?;
        let replaced = old.map_or(0, |old| old.size);
        let destination = self.bucket.destination(&record.inode, replaced, expected);
        self.destination = destination.await?;
        self.expected = expected;
        Ok(())
    }

    /// Makes the content a part of a multipart upload, in the place of one with the same number.
    ///
    /// # Errors
    /// [`BucketError::NotFound`] of the upload, [`BucketError::Invalid`] for the number,
    /// [`BucketError::TooLarge`], [`BucketError::Store`].
    pub async fn finish_part(
        mut self,
        id: UploadId,
        part: PartNumber,
        entity_tag: &[u8],
        checksums: &[u8],
        ack: Ack,
    ) -> Result<(), BucketError> {
        if !(1..=10_000).contains(&part) {
            return Err(BucketError::Invalid {
                what: "parts are numbered from 1 to 10,000",
            });
        }
        if entity_tag.len() > 64 || checksums.len() > 256 {
            return Err(BucketError::TooLarge {
                what: "entity tag, or the checksums",
                max: 256,
            });
        }
        self.stage().await?;
        let bucket = self.bucket.clone();
        let admitted = bucket.admit(0).await?;
        let locks = bucket
            .lock(vec![(LockKey::Upload(id.0), LockMode::Exclusive)])
            .await?;
        let mut upload = bucket.look(|tree| record_of(tree, id)).await?;
        let key = BucketKey::Part(id.0, part);
        let old = bucket
            .look(|tree| value(tree, &key, PartRecord::decode))
            .await?;
        let content = match self.content {
            Some(content) => content,
            None => bucket.number().await?,
        };
        let record = PartRecord {
            content,
            size: self.staged,
            modified: bucket.now(),
            entity_tag: entity_tag.to_vec(),
            checksums: checksums.to_vec(),
        };
        let mut change = Change::new(&bucket);
        change.put(&key, &record.encode());
        change.delete(&BucketKey::Held(content));
        if let Some(old) = &old {
            drop_content_of(&mut change, old.content);
        }
        if upload.inode.fields.project.is_some() {
            let replaced = old.as_ref().map_or(0, |old| old.size);
            let others = upload.inode.allocated.saturating_sub(replaced);
            upload.inode.allocated = others + record.size;
            change.put(&BucketKey::Upload(id.0), &upload.encode());
            change.claimed_by(self.destination.claim.as_ref());
        }
        let lsn = change.commit(&bucket, &mut Flight::new(&bucket)).await?;
        self.content = None;
        drop((locks, admitted));
        if old.is_some() {
            bucket.give_back(Left::Cleanup).await;
        }
        bucket.acknowledge(lsn, ack).await
    }
}
