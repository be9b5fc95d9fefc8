//! What datasets there are in a damaged pool.

use engine_base::{ByteCount, DatasetId};
use engine_format::{DatasetKind, DatasetRecord, DatasetState, MasterKeyId};

use super::Salvage;

/// A dataset that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalvagedDataset {
    /// Its id.
    pub id: DatasetId,
    /// What it is.
    pub kind: DatasetKind,
    /// Its name; of a snapshot that of the dataset that it is of, as far as that is known.
    pub name: String,
    /// Of a snapshot its label.
    pub label: Option<String>,
    /// Bytes of a volume.
    pub size: ByteCount,
    /// Bytes that its extents map, according to the checkpoint.
    pub allocated: ByteCount,
    /// The master key without which its data cannot be read, if that is not here.
    pub locked_by: Option<MasterKeyId>,
}

impl Salvage {
    /// Live datasets, and snapshots, by id.
    #[must_use]
    pub fn datasets(&self) -> Vec<SalvagedDataset> {
        let all = self.core.catalog.all();
        let records: Vec<(DatasetId, DatasetRecord)> = all
            .iter()
            .filter_map(|dataset| Some((dataset.id(), dataset.record()?)))
            .collect();
        let name_of = |lineage: DatasetId| {
            let is_head = |(id, record): &&(DatasetId, DatasetRecord)| {
                record.state == DatasetState::Live
                    && record.descent.map_or(*id, |of| of.lineage) == lineage
            };
            records.iter().find(is_head).map_or_else(
                || format!("dataset-{}", lineage.get()),
                |(_, record)| record.name.as_str().to_owned(),
            )
        };
        let salvaged = |(id, record): &(DatasetId, DatasetRecord)| {
            let own = record.name.as_str().to_owned();
            let (name, label) = match (record.state, record.descent) {
                (DatasetState::Live, _) => (own, None),
                (DatasetState::Snapshot, Some(descent)) => (name_of(descent.lineage), Some(own)),
                _ => return None,
            };
            let allocated = self.core.catalog.get(*id)?.allocated().get() % (1 << 62);
            Some(SalvagedDataset {
                id: *id,
                kind: record.kind,
                name,
                label,
                size: record.size,
                allocated: ByteCount::new(allocated),
                locked_by: self.core.keyring.locks(*id, record),
            })
        };
        records.iter().filter_map(salvaged).collect()
    }
}
