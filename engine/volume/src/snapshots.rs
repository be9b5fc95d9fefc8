//! Snapshots of volumes: take, list, show, delete, read, compare; and volumes that go on from them.

use std::ops::Range;
use std::sync::Arc;

use engine_base::{ByteCount, DatasetId};
use engine_format::Compression;
use engine_pool::{Dataset, DatasetInfo, StoreError};

use crate::info::check_name;
use crate::volumes::not_found;
use crate::{Volume, VolumeInfo, Volumes};

/// A snapshot at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its id, never used again.
    pub id: DatasetId,
    /// The volume.
    pub volume: String,
    /// Its label.
    pub label: String,
    /// The size that the volume had.
    pub size: ByteCount,
    /// Bytes of data that it refers to, shared or not.
    pub allocated: ByteCount,
    /// Bytes that are stored for them.
    pub stored: ByteCount,
    /// What becomes of what is written to a volume that is made from it.
    pub compression: Compression,
    /// When it was taken, in nanoseconds since 1970.
    pub created_unix_nanos: u64,
}

impl SnapshotInfo {
    fn new(volume: &str, info: DatasetInfo) -> Self {
        Self {
            id: info.id,
            volume: volume.to_owned(),
            label: info.record.name.as_str().to_owned(),
            size: info.record.size,
            allocated: info.allocated,
            stored: info.stored,
            compression: info.record.compression,
            created_unix_nanos: info.record.created_unix_nanos,
        }
    }
}

impl Volumes {
    /// Takes a snapshot of all these volumes at one moment. It has everything that resolved before.
    ///
    /// Durability: when it resolves, the snapshots survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Exists`], [`StoreError::Invalid`] for the label,
    /// [`StoreError::NoSpace`], [`StoreError::Log`]. Nothing was changed.
    pub async fn take_snapshot(
        &self,
        label: &str,
        names: &[&str],
    ) -> Result<Vec<SnapshotInfo>, StoreError> {
        let heads: Result<Vec<_>, _> = names.iter().map(|name| self.find(name)).collect();
        let taken = self.pool().take_snapshot(label, &heads?).await?;
        let names = names.iter();
        Ok(names
            .zip(taken)
            .map(|(name, info)| SnapshotInfo::new(name, info))
            .collect())
    }

    /// The snapshots of a volume, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn snapshots(&self, name: &str) -> Result<Vec<SnapshotInfo>, StoreError> {
        let all = self.pool().snapshots(&*self.find(name)?);
        let info = |dataset: Arc<Dataset>| Some(dataset.info_with(dataset.record()?));
        let mut all: Vec<SnapshotInfo> = all
            .into_iter()
            .filter_map(info)
            .map(|info| SnapshotInfo::new(name, info))
            .collect();
        all.sort_by_key(|info| info.id);
        Ok(all)
    }

    /// Bytes of data that nothing but this snapshot refers to.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PageDamaged`], [`StoreError::Device`].
    pub async fn exclusive_bytes(&self, name: &str, label: &str) -> Result<ByteCount, StoreError> {
        let snapshot = self.find_snapshot(name, label)?;
        self.pool().exclusive_bytes(&snapshot).await
    }

    /// A handle to a volume as it was, valid until the snapshot is deleted. What would change
    /// something is refused.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Locked`] if it is encrypted and its key is not here.
    pub fn open_snapshot(&self, name: &str, label: &str) -> Result<Volume, StoreError> {
        let snapshot = self.find_snapshot(name, label)?;
        self.pool().require_key(&snapshot)?;
        Ok(Volume::new(Arc::clone(self.pool()), snapshot))
    }

    /// Deletes a snapshot. Handles to it fail from now on; its space comes back in the background,
    /// where several volumes went on from it once all but one are gone.
    ///
    /// Durability: when it resolves, the snapshot does not come back after a power cut.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Log`].
    pub async fn delete_snapshot(&self, name: &str, label: &str) -> Result<(), StoreError> {
        let snapshot = self.find_snapshot(name, label)?;
        self.pool().delete_snapshot(&snapshot).await
    }

    /// Creates a volume that begins as another one is, or was at the snapshot with this label. It
    /// shares what is stored with it, and goes on for itself.
    ///
    /// Durability: when it resolves, the volume survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Name`], [`StoreError::NotFound`], [`StoreError::Exists`],
    /// [`StoreError::NoSpace`], [`StoreError::Log`].
    pub async fn create_from(
        &self,
        name: &str,
        (source, label): (&str, Option<&str>),
    ) -> Result<VolumeInfo, StoreError> {
        let checked = check_name(name)?;
        let created = match label {
            Some(label) => {
                let snapshot = self.find_snapshot(source, label)?;
                self.pool().create_from(&snapshot, checked).await?
            }
            None => {
                let head = self.find(source)?;
                self.pool().create_copy(&head, checked).await?
            }
        };
        let record = created.record().ok_or_else(|| not_found(name))?;
        Ok(self.info(created.info_with(record)))
    }

    /// Makes a volume what it was at one of its snapshots. Handles to it fail from now on: open it
    /// again. Its snapshots stay, the later ones too.
    ///
    /// Durability: when it resolves, the volume survives a power cut as it was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NoSpace`], [`StoreError::Log`].
    pub async fn revert(&self, name: &str, label: &str) -> Result<VolumeInfo, StoreError> {
        let (head, snapshot) = (self.find(name)?, self.find_snapshot(name, label)?);
        let reverted = self.pool().revert(&head, &snapshot).await?;
        let record = reverted.record().ok_or_else(|| not_found(name))?;
        Ok(self.info(reverted.info_with(record)))
    }

    fn find_snapshot(&self, name: &str, label: &str) -> Result<Arc<Dataset>, StoreError> {
        let head = self.find(name)?;
        let found = self.pool().find_snapshot(&head, label);
        found.ok_or_else(|| StoreError::NotFound {
            what: "snapshot",
            name: format!("{name}@{label}"),
        })
    }
}

impl Volume {
    /// Calls `visit` for the ranges that differ from another state of the same volume, in order and
    /// apart from each other, until it returns `false`. What is stored counts: equal bytes that
    /// were written twice differ. The cost follows the changes, not the size.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] if neither descends from the other; [`StoreError::PageDamaged`],
    /// [`StoreError::Device`].
    pub async fn differences(
        &self,
        other: &Self,
        mut visit: impl FnMut(Range<u64>) -> bool,
    ) -> Result<(), StoreError> {
        let (mut from, mut pending) = (0, Vec::<Range<u64>>::new());
        while from < u64::MAX {
            let pair = (&self.dataset, &other.dataset);
            let (found, to) = self.pool.differences(pair, from).await?;
            pending.extend(found);
            pending.sort_by_key(|range| range.start);
            let mut merged = Vec::<Range<u64>>::new();
            for range in pending {
                match merged.last_mut() {
                    Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                    _ => merged.push(range),
                }
            }
            // What touches the end of this part may go on in the next.
            let (done, left) = merged.into_iter().partition(|range| range.end < to);
            let done: Vec<Range<u64>> = done;
            pending = left;
            if !done.into_iter().all(&mut visit) {
                return Ok(());
            }
            from = to;
        }
        Ok(())
    }
}
