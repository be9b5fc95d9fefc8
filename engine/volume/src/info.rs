//! What is known of a volume.

use engine_base::{ByteCount, DatasetId};
use engine_format::{Compression, DatasetName, Encryption, MasterKeyId};
use engine_pool::{DatasetInfo, StoreError};

/// A volume at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Its id, never used again.
    pub id: DatasetId,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: ByteCount,
    /// Bytes of data that it refers to.
    pub allocated: ByteCount,
    /// Bytes that are stored for them.
    pub stored: ByteCount,
    /// What becomes of what is written.
    pub compression: Compression,
    /// How it is sealed.
    pub encryption: Encryption,
    /// The master key without which it cannot be opened; `None`: it can.
    pub locked_by: Option<MasterKeyId>,
    /// When it was created, in nanoseconds since 1970.
    pub created_unix_nanos: u64,
}

impl VolumeInfo {
    pub(crate) fn new(info: DatasetInfo, locked_by: Option<MasterKeyId>) -> Self {
        Self {
            id: info.id,
            name: info.record.name.as_str().to_owned(),
            size: info.record.size,
            allocated: info.allocated,
            stored: info.stored,
            compression: info.record.compression,
            encryption: info.record.encryption,
            locked_by,
            created_unix_nanos: info.record.created_unix_nanos,
        }
    }
}

/// Checks a name.
pub(crate) fn check_name(name: &str) -> Result<DatasetName, StoreError> {
    DatasetName::new(name).map_err(|source| StoreError::Name {
        name: name.to_owned(),
        source,
    })
}

/// Checks a size: at least a block, at most the limit, whole 512-byte sectors (what a kernel makes
/// of it).
pub(crate) fn check_size(name: &str, size: ByteCount) -> Result<(), StoreError> {
    let max = ByteCount::new(engine_base::limits::VOLUME_BYTES_MAX);
    let why = if size.get() < engine_base::limits::BLOCK {
        "the least is 4 KiB".to_owned()
    } else if size > max {
        format!("the most is {max}")
    } else if !size.get().is_multiple_of(512) {
        "it must be a multiple of 512 bytes".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::Invalid {
        what: format!("a size of {} bytes for {name:?}", size.get()),
        why,
    })
}
