//! The snapshots of a pool as the control socket sees them.

use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind};
use engine_format::DatasetKind;
use engine_pool::{Dataset, Pool, block_on};
use engine_volume::{Volume, Volumes};

use super::pool_backend::{PoolBackend, row};
use crate::backend::{BackendError, Snapshots};
use crate::control::protocol::{RangeRow, SnapshotRow, VolumeRow};

/// Ranges of one answer: more are refused.
const RANGES_MAX: usize = 4 << 20;

/// The name of a volume, and the label of a snapshot of it.
pub(super) fn split(name: &str) -> (&str, Option<&str>) {
    match name.split_once('@') {
        Some((name, label)) => (name, Some(label)),
        None => (name, None),
    }
}

/// A volume, or one of its snapshots.
pub(super) fn open(volumes: &Volumes, name: &str) -> Result<Volume, BackendError> {
    Ok(match split(name) {
        (name, Some(label)) => volumes.open_snapshot(name, label)?,
        (name, None) => volumes.open(name)?,
    })
}

/// What a dataset's name says: its kind and what is behind the slash.
fn kind_of(dataset: &str) -> Result<(DatasetKind, &str), BackendError> {
    match dataset.split_once('/') {
        Some(("volume", name)) => Ok((DatasetKind::Volume, name)),
        Some(("bucket", name)) => Ok((DatasetKind::Bucket, name)),
        _ => {
            let message = format!("`{dataset}`: a dataset is named `volume/NAME` or `bucket/NAME`");
            Err(BackendError::new(ErrorKind::Invalid, message))
        }
    }
}

fn snapshot_of(snapshot: &str) -> Result<(DatasetKind, &str, &str), BackendError> {
    let (kind, name) = kind_of(snapshot)?;
    match split(name) {
        (name, Some(label)) => Ok((kind, name, label)),
        (_, None) => {
            let message = format!("`{snapshot}`: a snapshot is named `{snapshot}@LABEL`");
            Err(BackendError::new(ErrorKind::Invalid, message))
        }
    }
}

const fn word(kind: DatasetKind) -> &'static str {
    match kind {
        DatasetKind::Volume => "volume",
        DatasetKind::Bucket => "bucket",
    }
}

fn head(pool: &Pool, dataset: &str) -> Result<Arc<Dataset>, BackendError> {
    let (kind, name) = kind_of(dataset)?;
    let found = pool.find_dataset(kind, name);
    found.ok_or_else(|| {
        let message = format!(
            "there is no {} {name:?}; list them to see the names",
            word(kind)
        );
        BackendError::new(ErrorKind::NotFound, message)
    })
}

/// A snapshot of the dataset with that name.
fn snapshot_row(
    pool: &Pool,
    dataset: &str,
    snapshot: &Dataset,
) -> Result<Option<SnapshotRow>, BackendError> {
    let Some(record) = snapshot.record() else {
        return Ok(None);
    };
    let exclusive = block_on(pool.exclusive_bytes(snapshot))?.get();
    let (allocated, stored) = (snapshot.allocated().get(), snapshot.stored().bytes());
    let size = match record.kind {
        DatasetKind::Volume => record.size.get(),
        DatasetKind::Bucket => allocated,
    };
    Ok(Some(SnapshotRow {
        id: snapshot.id().get(),
        name: format!("{dataset}@{}", record.name.as_str()),
        size,
        exclusive,
        shared: stored.saturating_sub(exclusive),
        created_unix_nanos: record.created_unix_nanos,
    }))
}

/// What a volume shows at a snapshot.
pub(super) fn show(volumes: &Volumes, name: &str) -> Result<VolumeRow, BackendError> {
    let (of, Some(label)) = split(name) else {
        return Ok(row(volumes.show(name)?));
    };
    let mut all = volumes.snapshots(of)?.into_iter();
    // A snapshot has the key of what it is of.
    let head = row(volumes.show(of)?);
    let Some(found) = all.find(|info| info.label == label) else {
        let message = format!("there is no snapshot {name:?}; list them to see the names");
        return Err(BackendError::new(ErrorKind::NotFound, message));
    };
    Ok(VolumeRow {
        id: found.id.get(),
        name: name.to_owned(),
        size: found.size.get(),
        allocated: found.allocated.get(),
        stored: found.stored.get(),
        compression: found.compression.into(),
        encryption: head.encryption,
        locked_by: head.locked_by,
        created_unix_nanos: found.created_unix_nanos,
    })
}

impl Snapshots for PoolBackend {
    fn snapshot_create(
        &self,
        label: &str,
        datasets: &[String],
    ) -> Result<Vec<SnapshotRow>, BackendError> {
        let pool = self.pool();
        let heads: Result<Vec<_>, _> = datasets.iter().map(|name| head(pool, name)).collect();
        let taken = block_on(pool.take_snapshot(label, &heads?))?;
        let mut rows = Vec::new();
        for (info, dataset) in taken.into_iter().zip(datasets) {
            if let Some(snapshot) = pool.dataset(info.id) {
                rows.extend(snapshot_row(pool, dataset, &snapshot)?);
            }
        }
        Ok(rows)
    }

    fn snapshot_list(&self, dataset: Option<&str>) -> Result<Vec<SnapshotRow>, BackendError> {
        let pool = self.pool();
        let names: Vec<String> = match dataset {
            Some(dataset) => vec![dataset.to_owned()],
            None => [DatasetKind::Volume, DatasetKind::Bucket]
                .into_iter()
                .flat_map(|kind| pool.datasets_of(kind))
                .map(|info| format!("{}/{}", word(info.record.kind), info.record.name.as_str()))
                .collect(),
        };
        let mut rows = Vec::new();
        for name in names {
            let mut all = pool.snapshots(&*head(pool, &name)?);
            all.sort_by_key(|snapshot| snapshot.id());
            for snapshot in all {
                rows.extend(snapshot_row(pool, &name, &snapshot)?);
            }
        }
        Ok(rows)
    }

    fn snapshot_delete(&self, snapshot: &str) -> Result<(), BackendError> {
        match snapshot_of(snapshot)? {
            (DatasetKind::Volume, name, label) => {
                Ok(block_on(self.volumes().delete_snapshot(name, label))?)
            }
            (DatasetKind::Bucket, name, label) => {
                Ok(block_on(self.buckets().delete_snapshot(name, label))?)
            }
        }
    }

    fn snapshot_revert(&self, snapshot: &str) -> Result<(), BackendError> {
        match snapshot_of(snapshot)? {
            (DatasetKind::Volume, name, label) => {
                block_on(self.volumes().revert(name, label))?;
            }
            (DatasetKind::Bucket, name, label) => {
                block_on(self.buckets().revert(name, label))?;
            }
        }
        Ok(())
    }

    fn volume_create_from(
        &self,
        name: &str,
        from: &str,
        size: Option<ByteCount>,
    ) -> Result<VolumeRow, BackendError> {
        let created = block_on(self.volumes().create_from(name, split(from)))?;
        match size.filter(|size| *size != created.size) {
            Some(size) => Ok(row(block_on(self.volumes().resize(name, size))?)),
            None => Ok(row(created)),
        }
    }

    fn volume_diff(&self, from: &str, to: &str) -> Result<Vec<RangeRow>, BackendError> {
        let (one, other) = (open(self.volumes(), from)?, open(self.volumes(), to)?);
        let mut rows = Vec::new();
        block_on(one.differences(&other, |range| {
            rows.push(RangeRow {
                offset: range.start,
                length: range.end - range.start,
            });
            rows.len() <= RANGES_MAX
        }))?;
        if rows.len() > RANGES_MAX {
            let message = format!("they differ in more than {RANGES_MAX} ranges; export both");
            return Err(BackendError::new(ErrorKind::Invalid, message));
        }
        Ok(rows)
    }
}
