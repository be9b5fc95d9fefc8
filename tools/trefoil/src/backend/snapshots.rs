//! What the control server needs of the snapshots of a pool.

use engine_base::ByteCount;

use crate::backend::BackendError;
use crate::control::protocol::{RangeRow, SnapshotRow, VolumeRow};

/// Snapshots. Datasets are named `volume/NAME` or `bucket/NAME`, their snapshots that and
/// `@LABEL`.
pub(crate) trait Snapshots {
    /// Takes a snapshot of all of them at one moment. Durable when it returns.
    fn snapshot_create(
        &self,
        label: &str,
        datasets: &[String],
    ) -> Result<Vec<SnapshotRow>, BackendError>;
    /// Those of a dataset, or all.
    fn snapshot_list(&self, dataset: Option<&str>) -> Result<Vec<SnapshotRow>, BackendError>;
    /// Deletes one. Durable when it returns; its space comes back in the background.
    fn snapshot_delete(&self, snapshot: &str) -> Result<(), BackendError>;
    /// Makes the dataset what it was. Durable when it returns.
    fn snapshot_revert(&self, snapshot: &str) -> Result<(), BackendError>;
    /// Makes a volume that begins as the volume or snapshot `from` is. Durable when it returns.
    fn volume_create_from(
        &self,
        name: &str,
        from: &str,
        size: Option<ByteCount>,
    ) -> Result<VolumeRow, BackendError>;
    /// The ranges in which two states of a volume differ, in order.
    fn volume_diff(&self, from: &str, to: &str) -> Result<Vec<RangeRow>, BackendError>;
}
