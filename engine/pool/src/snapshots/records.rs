//! Records of snapshots and of what goes on from them, and the rules for them.

use engine_base::DatasetId;
use engine_base::limits::DATASETS_MAX;
use engine_format::{DatasetKind, DatasetName, DatasetRecord, DatasetState, Descent};

use crate::cleanup::not_found;
use crate::{Dataset, Pool, StoreError};

/// Datasets of one snapshot: their records fit a batch.
const GROUP_MAX: usize = 256;
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
            }),
            ..kept.clone()
        }
    }

    /// Room for a copy and the snapshot between.
    pub(super) fn check_copied(
        &self,
        head: &DatasetRecord,
        name: &DatasetName,
    ) -> Result<(), StoreError> {
        self.check_head(head, name)?;
        self.check_new(head, name, 2)
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

    pub(super) fn check_head(
        &self,
        record: &DatasetRecord,
        label: &DatasetName,
    ) -> Result<(), StoreError> {
        if record.kind == DatasetKind::Volume {
            return Ok(());
        }
        let why = format!(
            "{:?} is a bucket: only volumes have snapshots",
            record.name.as_str()
        );
        Err(invalid(label, why))
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
