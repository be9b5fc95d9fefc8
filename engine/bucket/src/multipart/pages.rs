//! Listing uploads.

use std::collections::BTreeMap;

use super::*;

impl Bucket {
    /// All uploads of keys with a prefix, by key and then by id.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn uploads(&self, prefix: &[u8]) -> Result<Vec<UploadInfo>, BucketError> {
        let (all, _) = self
            .uploads_after(prefix, &[], None, usize::MAX - 1)
            .await?;
        Ok(all)
    }

    /// Up to `max` uploads of keys with a prefix, by key and then by id: those of keys above `key`,
    /// and of `key` itself those with ids above `id`, if there is one. With whether there are more.
    ///
    /// Uploads lie in the order of their ids, so every page looks at all of them; it takes memory
    /// for one page only.
    ///
    /// # Errors
    /// [`BucketError::Store`].
    pub async fn uploads_after(
        &self,
        prefix: &[u8],
        key: &[u8],
        id: Option<UploadId>,
        max: usize,
    ) -> Result<(Vec<UploadInfo>, bool), BucketError> {
        let mut lowest: BTreeMap<(Vec<u8>, UploadId), i64> = BTreeMap::new();
        let mut next = Some(vec![BucketKey::UPLOAD]);
        while let Some(from) = next {
            let uploads = self.look(|tree| uploads_from(tree, &from)).await?;
            for (found, record) in uploads.found {
                let Some(record) = record else { continue };
                let record = record.map_err(|error| BucketError::damaged(&error))?;
                let is_behind = match record.key.as_slice().cmp(key) {
                    std::cmp::Ordering::Less => false,
                    std::cmp::Ordering::Equal => id.is_some_and(|id| found > id),
                    std::cmp::Ordering::Greater => true,
                };
                if !is_behind || !record.key.starts_with(prefix) {
                    continue;
                }
                lowest.insert((record.key, found), record.created);
                if lowest.len() > max.saturating_add(1) {
                    lowest.pop_last();
                }
            }
            next = uploads.next;
        }
        let is_more = lowest.len() > max;
        let info = |((key, id), created)| UploadInfo { id, key, created };
        let page = lowest.into_iter().map(info).take(max).collect();
        Ok((page, is_more))
    }
}
