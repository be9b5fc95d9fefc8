//! The pool as the control socket sees it.

use std::path::Path;
use std::sync::Arc;

use engine_base::{ByteCount, ErrorKind, VolumeOffset};
use engine_bucket::Buckets;
use engine_device::{Mirror, PageBuf};
use engine_pool::{Pool, StoreError, block_on};
use engine_volume::{Ack, MapKind, Storage, Volume, VolumeInfo, Volumes};

use crate::backend::{Backend, BackendError, Piece, VolumeIo};
use crate::control::protocol::{
    Compression, DeviceRow, Encryption, RotationReport, StatusReport, VolumeRow,
};
use crate::engine::{devices, scrub, snapshots};
use crate::failure::{Failure, chain};
use crate::key_file;

/// Pieces of a map asked for at a time.
const MAP_PIECES_MAX: usize = 4096;

pub(super) struct PoolBackend {
    volumes: Volumes,
    mirror: Option<Arc<Mirror>>,
}

impl PoolBackend {
    pub(super) const fn new(volumes: Volumes, mirror: Option<Arc<Mirror>>) -> Self {
        Self { volumes, mirror }
    }

    pub(super) const fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    pub(super) const fn pool(&self) -> &Arc<Pool> {
        self.volumes.pool()
    }

    pub(super) fn buckets(&self) -> Buckets {
        Buckets::new(Arc::clone(self.pool()))
    }
}

impl From<StoreError> for BackendError {
    fn from(error: StoreError) -> Self {
        Self::new(error.kind(), chain(&error))
    }
}

pub(super) fn row(info: VolumeInfo) -> VolumeRow {
    VolumeRow {
        id: info.id.get(),
        name: info.name,
        size: info.size.get(),
        allocated: info.allocated.get(),
        stored: info.stored.get(),
        compression: info.compression.into(),
        encryption: info.encryption.into(),
        locked_by: info.locked_by.map(|key| key.to_string()),
        created_unix_nanos: info.created_unix_nanos,
    }
}

impl Backend for PoolBackend {
    fn volume_create_with(
        &self,
        name: &str,
        size: ByteCount,
        (compression, encryption): (Compression, Encryption),
    ) -> Result<VolumeRow, BackendError> {
        let storage = Storage {
            compression: compression.into(),
            encryption: encryption.into(),
        };
        let created = self.volumes.create_as(name, size, storage);
        Ok(row(block_on(created)?))
    }

    fn volume_set(&self, name: &str, compression: Compression) -> Result<VolumeRow, BackendError> {
        let set = self.volumes.set_compression(name, compression.into());
        Ok(row(block_on(set)?))
    }

    fn volume_list(&self) -> Result<Vec<VolumeRow>, BackendError> {
        Ok(self.volumes.list().into_iter().map(row).collect())
    }

    fn volume_show(&self, name: &str) -> Result<VolumeRow, BackendError> {
        snapshots::show(&self.volumes, name)
    }

    fn volume_resize(&self, name: &str, size: ByteCount) -> Result<VolumeRow, BackendError> {
        Ok(row(block_on(self.volumes.resize(name, size))?))
    }

    fn volume_delete(&self, name: &str) -> Result<(), BackendError> {
        Ok(block_on(self.volumes.delete(name))?)
    }

    fn volume_open(&self, name: &str) -> Result<Box<dyn VolumeIo>, BackendError> {
        Ok(Box::new(OpenVolume(snapshots::open(&self.volumes, name)?)))
    }

    fn status(&self) -> Result<StatusReport, BackendError> {
        Ok(status_report(&self.volumes))
    }

    fn master_key_rotate(&self, file: &Path) -> Result<RotationReport, BackendError> {
        let refused = |failure: Failure| BackendError::new(ErrorKind::Invalid, failure.to_string());
        let key = key_file::read(file).map_err(refused)?;
        let rotation = block_on(self.pool().rotate_master_key(&key))?;
        Ok(RotationReport {
            master_key: key.id().to_string(),
            wrapped: rotation.wrapped as u64,
            locked: rotation.locked as u64,
        })
    }

    fn device_replace(&self, old: &str, new: &Path) -> Result<Vec<DeviceRow>, BackendError> {
        devices::replace(self.mirror.as_deref(), old, new)?;
        Ok(status_report(&self.volumes).devices)
    }
}

/// The state of the pool now.
pub(super) fn status_report(volumes: &Volumes) -> StatusReport {
    let pool = volumes.pool();
    let (status, metrics) = (pool.status(), pool.metrics());
    StatusReport {
        capacity: status.capacity.get(),
        free: status.free.get(),
        available: status.available.get(),
        allocated: status.allocated.get(),
        stored: status.stored.get(),
        live_data: status.live_data.get(),
        live_index: status.live_index.get(),
        dead: status.dead.get(),
        segment_size: status.segment_bytes.get(),
        journal_segments: status.segments.0,
        index_segments: status.segments.1,
        pack_segments: status.cleaning.packs,
        cleaning_debt: status.cleaning.debt.get(),
        packed: metrics.packed_bytes,
        write_amplification: metrics.write_amplification(),
        lsn: status.lsn.get(),
        durable_lsn: status.durable_lsn.get(),
        checkpoint: status.checkpoint.get(),
        memory_used: status.memory.0.get(),
        memory_limit: status.memory.1.get(),
        memory_dirty: status.dirty.get(),
        volumes: count(status.volumes),
        buckets: count(status.buckets),
        data_checksum_errors: metrics.data_read_errors,
        scrub: scrub::report(pool),
        devices: devices::rows(&status),
    }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

struct OpenVolume(Volume);

impl VolumeIo for OpenVolume {
    fn size(&self) -> ByteCount {
        self.0.size()
    }

    fn read(&self, at: VolumeOffset, buf: &mut [u8]) -> Result<(), BackendError> {
        let read = block_on(self.0.read(at, buf.len()))?;
        match read.data() {
            Some(bytes) => buf.copy_from_slice(bytes),
            None => buf.fill(0),
        }
        Ok(())
    }

    fn write(&self, at: VolumeOffset, bytes: &[u8]) -> Result<(), BackendError> {
        Ok(block_on(self.0.write(
            at,
            PageBuf::copy_of(bytes),
            Ack::Written,
        ))?)
    }

    fn clear(&self, at: VolumeOffset, bytes: ByteCount) -> Result<(), BackendError> {
        Ok(block_on(self.0.write_zeroes(
            at,
            bytes.get(),
            false,
            Ack::Written,
        ))?)
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(block_on(self.0.flush())?)
    }

    fn map(&self, at: VolumeOffset, bytes: ByteCount) -> Result<Vec<Piece>, BackendError> {
        let extents = block_on(self.0.map(at, bytes.get(), MAP_PIECES_MAX))?;
        let piece = |extent: engine_volume::MapExtent| Piece {
            bytes: ByteCount::new(extent.bytes),
            data: extent.kind == MapKind::Data,
        };
        Ok(extents.into_iter().map(piece).collect())
    }
}
