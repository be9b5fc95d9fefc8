//! Whether a dataset is encrypted.

use super::{DatasetKind, NAME};
use crate::FormatError;

/// How what is written to a dataset is sealed, for good. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Encryption {
    /// It is not.
    #[default]
    Off = 0,
    /// By AES-256-GCM, with the data key of its family.
    Aes256Gcm = 1,
}

pub(super) fn decode(kind: DatasetKind, value: u8) -> Result<Encryption, FormatError> {
    match (kind, value) {
        (_, 0) => Ok(Encryption::Off),
        (DatasetKind::Volume, 1) => Ok(Encryption::Aes256Gcm),
        (_, other) => Err(FormatError::Field {
            structure: NAME,
            name: "encryption",
            value: other.into(),
            why: "it is 0 (off), or 1 (AES-256-GCM) of a volume",
        }),
    }
}
