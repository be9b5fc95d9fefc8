//! What the control server needs of a pool, as blocking calls.
//!
//! The calls run on threads that may block. The traits keep the control protocol and the transfers
//! free of the engine, so that their tests need no pool.

mod doors;
mod scrub;
mod snapshots;

use std::path::Path;

use engine_base::{ByteCount, ErrorKind, VolumeOffset};

use crate::control::protocol::{
    Compression, DeviceRow, Encryption, RotationReport, StatusReport, VolumeRow,
};
pub(crate) use doors::{Doors, MountHow};
pub(crate) use scrub::Scrubs;
pub(crate) use snapshots::Snapshots;

/// A failed call: what the caller should do, and the whole chain of causes in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct BackendError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl BackendError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

/// A pool.
pub(crate) trait Backend: Snapshots + Scrubs + Send + Sync + 'static {
    /// Makes an empty volume. Durable when it returns.
    fn volume_create(&self, name: &str, size: ByteCount) -> Result<VolumeRow, BackendError> {
        self.volume_create_with(name, size, (Compression::Off, Encryption::Off))
    }
    /// As [`Backend::volume_create`], compressed and encrypted, or not.
    fn volume_create_with(
        &self,
        name: &str,
        size: ByteCount,
        how: (Compression, Encryption),
    ) -> Result<VolumeRow, BackendError>;
    /// Says how what is written from now on is compressed. Durable when it returns.
    fn volume_set(&self, name: &str, compression: Compression) -> Result<VolumeRow, BackendError>;
    /// All volumes by name.
    fn volume_list(&self) -> Result<Vec<VolumeRow>, BackendError>;
    /// One volume, or one as it was at a snapshot: `NAME@LABEL`.
    fn volume_show(&self, name: &str) -> Result<VolumeRow, BackendError>;
    /// Changes the size. Durable when it returns; what lay past a smaller size is gone.
    fn volume_resize(&self, name: &str, size: ByteCount) -> Result<VolumeRow, BackendError>;
    /// Deletes a volume. Durable when it returns.
    fn volume_delete(&self, name: &str) -> Result<(), BackendError>;
    /// Opens a volume for reading and writing its bytes, or a snapshot for reading them.
    fn volume_open(&self, name: &str) -> Result<Box<dyn VolumeIo>, BackendError>;
    /// The state of the pool now.
    fn status(&self) -> Result<StatusReport, BackendError>;
    /// Puts all data keys that are here under the key of that file. Durable when it returns.
    fn master_key_rotate(&self, file: &Path) -> Result<RotationReport, BackendError>;
    /// Puts the device at `new` in the place of `old`, and says what there is then.
    fn device_replace(&self, old: &str, new: &Path) -> Result<Vec<DeviceRow>, BackendError>;
}

/// A range of a volume that is all data or all hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) bytes: ByteCount,
    pub(crate) data: bool,
}

/// The bytes of one volume. Offsets and lengths are multiples of 4 KiB, or end at the volume's end.
pub(crate) trait VolumeIo {
    fn size(&self) -> ByteCount;
    fn read(&self, at: VolumeOffset, buf: &mut [u8]) -> Result<(), BackendError>;
    fn write(&self, at: VolumeOffset, bytes: &[u8]) -> Result<(), BackendError>;
    /// Makes the range read as zeroes and take no space.
    fn clear(&self, at: VolumeOffset, bytes: ByteCount) -> Result<(), BackendError>;
    /// Everything written so far is on stable storage when it returns.
    fn flush(&self) -> Result<(), BackendError>;
    /// What lies from `at` on, in order. At least one piece, and at most `bytes` in all; may be
    /// less, then ask again.
    fn map(&self, at: VolumeOffset, bytes: ByteCount) -> Result<Vec<Piece>, BackendError>;
}
