//! Copies between volumes and files of the host, sparse both ways.

mod export;
mod import;
mod runs;
mod source;

#[cfg(test)]
pub(crate) mod memory;

use std::path::Path;

use engine_base::{ByteCount, ErrorKind};

use crate::backend::BackendError;
use crate::control::protocol::Progress;
use crate::failure::chain;

pub(crate) use export::{Target, export};
pub(crate) use import::import;

/// Bytes copied at a time: what one batch of the engine carries.
const CHUNK_BYTES: u64 = 1 << 20;

/// Who follows a transfer, and may end it.
pub(crate) trait Monitor: Send {
    /// Called after every chunk. An error ends the transfer and is its result.
    fn progress(&mut self, progress: Progress) -> Result<(), BackendError>;
}

/// A failed call of the host on `file`.
fn host_error(doing: &str, file: &Path, error: &std::io::Error) -> BackendError {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        std::io::ErrorKind::AlreadyExists => ErrorKind::Exists,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Io,
    };
    BackendError::new(
        kind,
        format!("{doing} {} failed: {}", file.display(), chain(error)),
    )
}

/// The smaller of a range's rest and a bound.
fn at_most(rest: u64, bound: u64) -> ByteCount {
    ByteCount::new(rest.min(bound))
}
