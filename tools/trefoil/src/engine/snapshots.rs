//! The snapshots of a pool as the control socket sees them.

use engine_base::{ByteCount, ErrorKind};
use engine_pool::block_on;
use engine_volume::{SnapshotInfo, Volume, VolumeInfo, Volumes};

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

/// The volume of a dataset's name.
fn volume_of(dataset: &str) -> Result<&str, BackendError> {
    let refused = |why: &str| {
        let message = format!("`{dataset}`: {why}");
        Err(BackendError::new(ErrorKind::Invalid, message))
    };
    match dataset.split_once('/') {
        Some(("volume", name)) => Ok(name),
        Some(("bucket", _)) => refused("only volumes have snapshots; name volumes"),
        _ => refused("a dataset is named `volume/NAME`"),
    }
}

fn snapshot_of(snapshot: &str) -> Result<(&str, &str), BackendError> {
    match split(volume_of(snapshot)?) {
        (name, Some(label)) => Ok((name, label)),
        (_, None) => {
            let message = format!("`{snapshot}`: a snapshot is named `volume/NAME@LABEL`");
            Err(BackendError::new(ErrorKind::Invalid, message))
        }
    }
}

fn snapshot_row(volumes: &Volumes, info: SnapshotInfo) -> Result<SnapshotRow, BackendError> {
    let exclusive = block_on(volumes.exclusive_bytes(&info.volume, &info.label))?;
    Ok(SnapshotRow {
        id: info.id.get(),
        name: format!("volume/{}@{}", info.volume, info.label),
        size: info.size.get(),
        exclusive: exclusive.get(),
        shared: info.allocated.get().saturating_sub(exclusive.get()),
        created_unix_nanos: info.created_unix_nanos,
    })
}

/// What a volume shows at a snapshot.
pub(super) fn show(volumes: &Volumes, name: &str) -> Result<VolumeRow, BackendError> {
    let (of, Some(label)) = split(name) else {
        return Ok(row(volumes.show(name)?));
    };
    let mut all = volumes.snapshots(of)?.into_iter();
    let Some(found) = all.find(|info| info.label == label) else {
        let message = format!("there is no snapshot {name:?}; list them to see the names");
        return Err(BackendError::new(ErrorKind::NotFound, message));
    };
    Ok(VolumeRow {
        id: found.id.get(),
        name: name.to_owned(),
        size: found.size.get(),
        allocated: found.allocated.get(),
        created_unix_nanos: found.created_unix_nanos,
    })
}

impl Snapshots for PoolBackend {
    fn snapshot_create(
        &self,
        label: &str,
        datasets: &[String],
    ) -> Result<Vec<SnapshotRow>, BackendError> {
        let names: Result<Vec<&str>, _> = datasets.iter().map(|name| volume_of(name)).collect();
        let taken = block_on(self.volumes().take_snapshot(label, &names?))?;
        let rows = taken.into_iter();
        rows.map(|info| snapshot_row(self.volumes(), info))
            .collect()
    }

    fn snapshot_list(&self, dataset: Option<&str>) -> Result<Vec<SnapshotRow>, BackendError> {
        let names = match dataset {
            Some(dataset) => vec![volume_of(dataset)?.to_owned()],
            None => {
                let all = self.volumes().list().into_iter();
                all.map(|info: VolumeInfo| info.name).collect()
            }
        };
        let mut rows = Vec::new();
        for name in names {
            for info in self.volumes().snapshots(&name)? {
                rows.push(snapshot_row(self.volumes(), info)?);
            }
        }
        Ok(rows)
    }

    fn snapshot_delete(&self, snapshot: &str) -> Result<(), BackendError> {
        let (name, label) = snapshot_of(snapshot)?;
        Ok(block_on(self.volumes().delete_snapshot(name, label))?)
    }

    fn snapshot_revert(&self, snapshot: &str) -> Result<(), BackendError> {
        let (name, label) = snapshot_of(snapshot)?;
        block_on(self.volumes().revert(name, label))?;
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
