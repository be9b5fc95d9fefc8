//! Records of snapshots and of what goes on from them, and the rules for them.

use engine_base::DatasetId;
use engine_base::limits::DATASETS_MAX;
use engine_format::{
    Above, BucketKey, DatasetKind, DatasetName, DatasetRecord, DatasetState, Descent,
    FEATURE_BUCKET_SNAPSHOTS, FEATURE_SNAPSHOTS, InodeNumbers,
};

use crate::cleanup::not_found;
use crate::{Dataset, Pool, StoreError};

/// Datasets of one snapshot: their records fit a batch.
const GROUP_MAX: usize = 256;
/// Changes of a content that are counted before a revert, at most: at a million a second, more than
/// half a year of them.
const CHANGES_PER_HEAD: u64 = 1 << 44;
/// Bytes of a label.
const LABEL_BYTES_MAX: usize = 63;

impl Pool {
    /// The record of a dataset that goes on from the snapshot `parent` with the record `kept`.
    pub(super) fn record_from(
        &self,
        kept: &DatasetRecord,
        parent: DatasetId,
        name: DatasetName,
        id: DatasetId,
    ) -> DatasetRecord {
        let family = kept.descent.map_or(parent, |descent| descent.family);
        DatasetRecord {
            state: DatasetState::Live,
            created_unix_nanos: self.unix_nanos(),
            name,
            descent: Some(Descent {
                family,
                lineage: id,
                parent: Some(parent),
                head: None,
                released: 0,
                above: kept
                    .descent
                    .map_or(Above::default(), |descent| descent.above),
            }),
            ..kept.clone()
        }
    }

    pub(super) fn check_new(
        &self,
        like: &DatasetRecord,
        name: &DatasetName,
        more: usize,
    ) -> Result<(), StoreError> {
        if self.core.catalog.find(like.kind, name.as_str()).is_some() {
            return Err(StoreError::Exists {
                what: "dataset",
                name: name.as_str().to_owned(),
            });
        }
        self.check_room(more, name.as_str())
    }

    pub(super) fn check_room(&self, more: usize, name: &str) -> Result<(), StoreError> {
        let why = if more == 0 {
            "no dataset is named".to_owned()
        } else if more > GROUP_MAX {
            format!("a snapshot has at most {GROUP_MAX} datasets; take several")
        } else if self.core.catalog.len() + more > DATASETS_MAX {
            format!("a pool holds at most {DATASETS_MAX} datasets and snapshots; delete one")
        } else {
            return Ok(());
        };
        Err(StoreError::Invalid {
            what: format!("creating {name:?}"),
            why,
        })
    }

    /// What a bucket that goes on from a snapshot with the record `kept` in the place of `head` has
    /// to keep above. The caller keeps numbers from being given out.
    pub(super) async fn above_numbers_of(
        &self,
        head: &Dataset,
        kept: &DatasetRecord,
    ) -> Result<Above, StoreError> {
        let key = BucketKey::NextInode.encode();
        let found = self.look(head, |tree| {
            tree.get(&key, |value| value.map(InodeNumbers::decode))
        });
        let found = found.await?.transpose();
        let numbers = found.map_err(|error| StoreError::Inconsistent {
            what: format!("the inode numbers of {}: {error}", head.id()),
        })?;
        let (before, kept) = (
            head.descent().above,
            kept.descent.unwrap_or(head.descent()).above,
        );
        let given = numbers.map_or(0, |numbers| numbers.next);
        let changes = before
            .changes
            .max(kept.changes)
            .checked_add(CHANGES_PER_HEAD);
        Ok(Above {
            inode: given.max(before.inode).max(kept.inode),
            changes: changes.ok_or_else(|| StoreError::Invalid {
                what: "reverting a bucket once more".to_owned(),
                why: "it was reverted a million times; copy it to a new one".to_owned(),
            })?,
        })
    }
}

/// What the pool needs before a snapshot of these is there.
pub(super) fn features_of<'a>(heads: impl IntoIterator<Item = &'a Dataset>) -> u64 {
    let of_buckets = heads.into_iter().any(|head| head.is(DatasetKind::Bucket));
    match of_buckets {
        true => FEATURE_SNAPSHOTS | FEATURE_BUCKET_SNAPSHOTS,
        false => FEATURE_SNAPSHOTS,
    }
}

pub(super) fn snapshot_record(snapshot: &Dataset) -> Result<DatasetRecord, StoreError> {
    let record = snapshot.record().ok_or_else(|| not_found("(pool)"))?;
    if record.state != DatasetState::Snapshot {
        return Err(not_found(record.name.as_str()));
    }
    Ok(record)
}

/// A label: part of names that frontends make.
pub(super) fn check_label(label: &str) -> Result<DatasetName, StoreError> {
    let refused = |why: &str| StoreError::Invalid {
        what: format!("the label {label:?}"),
        why: why.to_owned(),
    };
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if label.is_empty() || label.len() > LABEL_BYTES_MAX || !label.bytes().all(is_allowed) {
        return Err(refused(
            "a label has 1 to 63 lower-case letters, digits and `-`",
        ));
    }
    DatasetName::new(label).map_err(|_| refused("a label does not begin with `-`"))
}

pub(super) fn invalid(label: &DatasetName, why: String) -> StoreError {
    StoreError::Invalid {
        what: format!("the snapshot {:?}", label.as_str()),
        why,
    }
}

pub(super) fn exists(record: &DatasetRecord, label: &DatasetName) -> StoreError {
    StoreError::Exists {
        what: "snapshot",
        name: format!("{}@{}", record.name.as_str(), label.as_str()),
    }
}
