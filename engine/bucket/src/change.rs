//! Changes of a bucket that are committed together.

use std::sync::Arc;

use engine_base::{DatasetId, Lsn};
use engine_device::PageBuf;
use engine_format::{
    BatchBuilder, BucketKey, Compression, EntryRecord, ExtentShareRef, Inode, InodeId, Touch,
};
use engine_log::BatchData;
use engine_pool::{Encoded, StoreError};
use engine_tree::extent_key_span;

use crate::flight::Flight;
use crate::node::Place;
use crate::quota::{Claim, Claimed, Counts};
use crate::{Bucket, BucketError};

/// Writes in place from this size on come from a mount, whose kernel keeps them itself, or from
/// somebody who copies.
const STREAMED_BYTES_MIN: usize = 64 << 10;

/// One batch in the making.
pub(crate) struct Change {
    dataset: DatasetId,
    compression: Compression,
    batch: BatchBuilder,
    spans: Vec<(Vec<u8>, Vec<u8>)>,
    data: Vec<PageBuf>,
    data_bytes: usize,
    /// The data will hardly be read soon by anybody who has not kept it.
    streamed: bool,
    /// Where there are quotas: what counts for them.
    counts: Option<Counts>,
    /// Whether quotas limit it.
    is_limited: bool,
    claim: Option<Arc<Claim>>,
    /// Projects that end with it.
    ended: Vec<InodeId>,
}

impl Change {
    pub(crate) fn new(bucket: &Bucket) -> Self {
        Self {
            dataset: bucket.dataset.id(),
            compression: bucket.dataset.compression(),
            batch: BatchBuilder::new(),
            spans: Vec::new(),
            data: Vec::new(),
            data_bytes: 0,
            streamed: false,
            counts: bucket.shared.projects.any().then(Counts::default),
            is_limited: true,
            claim: None,
            ended: Vec::new(),
        }
    }

    /// One that only moves what is there between projects: it is counted, and never refused.
    pub(crate) fn unlimited(bucket: &Bucket) -> Self {
        Self {
            is_limited: false,
            ..Self::new(bucket)
        }
    }

    /// What its operation has claimed before is there for it.
    pub(crate) fn claimed_by(&mut self, claim: Option<&Arc<Claim>>) {
        self.claim = claim.cloned();
    }

    /// A write in place brings so many bytes: many need not stay in the host's memory.
    pub(crate) fn writes_in_place(&mut self, bytes: usize) {
        self.streamed = bytes >= STREAMED_BYTES_MIN;
    }

    /// Takes the records of a quota away.
    pub(crate) fn end_project(&mut self, project: InodeId) {
        self.delete(&BucketKey::Quota(project));
        self.delete(&BucketKey::Usage(project));
        self.ended.push(project);
    }

    pub(crate) fn put(&mut self, key: &BucketKey<'_>, value: &[u8]) {
        if let Some(counts) = &mut self.counts {
            counts.record(key, Some(value));
        }
        let key = key.encode();
        self.batch.put(self.dataset, &key, value);
        self.spans.push((key.clone(), key));
    }

    pub(crate) fn delete(&mut self, key: &BucketKey<'_>) {
        if let Some(counts) = &mut self.counts {
            counts.record(key, None);
        }
        let key = key.encode();
        self.batch.delete(self.dataset, &key);
        self.spans.push((key.clone(), key));
    }

    pub(crate) fn touch(&mut self, directory: InodeId, touch: &Touch) {
        let key = BucketKey::Directory(directory).encode();
        self.batch.touch(self.dataset, &key, touch);
        self.spans.push((key.clone(), key));
    }

    /// Writes an inode to where it lies.
    pub(crate) fn inode(&mut self, place: &Place, inode: &Inode) {
        match place {
            Place::Own => self.put(&BucketKey::Inode(inode.id), &inode.encode()),
            Place::Entry {
                directory, name, ..
            } => {
                let value = EntryRecord::Inline(inode.clone()).encode();
                self.put(&BucketKey::Entry(*directory, name), &value);
            }
        }
    }

    /// Maps `bytes` bytes of a content from `offset`, the start of a block, on to `data`.
    pub(crate) fn extent(&mut self, content: InodeId, offset: u64, bytes: usize, data: PageBuf) {
        let prefix = BucketKey::extents(content);
        let encoded = Encoded::new(self.compression, offset, (data, bytes));
        let object = (self.dataset, &prefix[..]);
        let data = encoded.add_to(&mut self.batch, object, offset, self.data_bytes);
        self.span(&prefix, offset, bytes as u64);
        self.data_bytes += data.len();
        self.data.push(data);
    }

    /// Makes a range of a content a hole.
    pub(crate) fn clear(&mut self, content: InodeId, offset: u64, bytes: u64) {
        let prefix = BucketKey::extents(content);
        self.batch
            .extent_clear(self.dataset, &prefix, offset, bytes);
        self.span(&prefix, offset, bytes);
    }

    /// Maps a range of a content to what a range of another one, or of the same one apart from it,
    /// maps: nothing is copied.
    pub(crate) fn share(&mut self, to: (InodeId, u64), from: (InodeId, u64), bytes: u64) {
        let prefix = BucketKey::extents(to.0);
        let source = BucketKey::extents(from.0);
        let share = ExtentShareRef {
            offset: to.1,
            bytes,
            source: &source,
            from: from.1,
        };
        self.batch.extent_share(self.dataset, &prefix, &share);
        self.span(&prefix, to.1, bytes);
        self.span(&source, from.1, bytes);
    }

    fn span(&mut self, prefix: &[u8], offset: u64, bytes: u64) {
        let (low, high) = extent_key_span(prefix, offset, bytes);
        self.spans.push((low.to_vec(), high.to_vec()));
    }

    /// Charges what the batch adds to projects, and claims it until the batch is applied.
    async fn charge<'a>(&mut self, bucket: &'a Bucket) -> Result<Option<Claimed<'a>>, BucketError> {
        let Some(counts) = self.counts.take() else {
            return Ok(None);
        };
        let charges = bucket.charges(&counts).await?;
        for (project, charge) in charges.all() {
            let key = BucketKey::Usage(project).encode();
            self.batch.charge(self.dataset, &key, &charge);
            self.spans.push((key.clone(), key));
        }
        if !self.is_limited {
            return Ok(None);
        }
        bucket.claim_all(&charges, self.claim.as_deref()).await
    }

    /// Commits: readable, and it survives the death of the process. Refused with nothing changed
    /// where a quota is in the way.
    pub(crate) async fn commit(
        mut self,
        bucket: &Bucket,
        flight: &mut Flight<'_>,
    ) -> Result<Lsn, BucketError> {
        if self.batch.is_empty() {
            return Ok(bucket.pool.durable_lsn());
        }
        bucket.check_writable()?;
        let _claimed = self.charge(bucket).await?;
        let finished = self.batch.finish();
        let mutations = finished.map_err(|error| StoreError::Invalid {
            what: "a change of a bucket".to_owned(),
            why: error.to_string(),
        })?;
        let batch = BatchData {
            mutations,
            data: self.data,
            streamed: self.streamed,
        };
        flight.begin();
        let committed = bucket
            .pool
            .commit_keys(&bucket.dataset, self.spans, batch)
            .await;
        let lsn = committed.map_err(|error| match error {
            StoreError::NotFound { .. } => BucketError::no("bucket"),
            error => error.into(),
        })?;
        for project in self.ended {
            bucket.shared.projects.forget(project);
        }
        flight.end(lsn);
        Ok(lsn)
    }
}
