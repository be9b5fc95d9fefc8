//! Whether a dataset is compressed.

use super::NAME;
use crate::FormatError;

/// How what is written to a dataset is compressed. The numbers are those on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Compression {
    /// It is not.
    #[default]
    Off = 0,
    /// By LZ4, where that saves something.
    Lz4 = 1,
}

pub(super) fn decode(value: u8) -> Result<Compression, FormatError> {
    match value {
        0 => Ok(Compression::Off),
        1 => Ok(Compression::Lz4),
        other => Err(FormatError::Field {
            structure: NAME,
            name: "compression",
            value: other.into(),
            why: "it is 0 (off) or 1 (LZ4)",
        }),
    }
}
