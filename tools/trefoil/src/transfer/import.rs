//! File to volume.

use std::path::Path;

use engine_base::limits::BLOCK;
use engine_base::{ByteCount, ErrorKind, VolumeOffset, align_up, to_usize};

use crate::backend::{Backend, BackendError, VolumeIo};
use crate::control::protocol::{Progress, TransferReport, VolumeRow};
use crate::transfer::runs::runs;
use crate::transfer::source::Source;
use crate::transfer::{CHUNK_BYTES, Monitor, at_most};

/// Makes the start of volume `name` equal to `file`, and flushes.
///
/// A volume that does not exist is created, as large as the file rounded up to a block; if the
/// import then fails it is deleted again. One that exists must be large enough; what it holds past
/// the file stays, except that a last partial block is filled up with zeroes. Zeroes in the file
/// take no space in the volume.
pub(crate) fn import(
    backend: &dyn Backend,
    name: &str,
    file: &Path,
    monitor: &mut dyn Monitor,
) -> Result<TransferReport, BackendError> {
    let source = Source::open(file)?;
    let created = volume_ready(backend, name, file, source.size())?;
    let copied = volume_fill(backend, name, &source, created, monitor);
    let data_bytes = match copied {
        Ok(data_bytes) => data_bytes,
        Err(error) => {
            if created && let Err(left) = backend.volume_delete(name) {
                tracing::warn!(volume = name, %left, "a half-imported volume could not be deleted");
            }
            return Err(error);
        }
    };
    Ok(TransferReport {
        volume: backend.volume_show(name)?,
        file: file.display().to_string(),
        created,
        bytes: source.size(),
        data_bytes,
    })
}

/// Finds the volume or creates it; true if it was created.
fn volume_ready(
    backend: &dyn Backend,
    name: &str,
    file: &Path,
    size: u64,
) -> Result<bool, BackendError> {
    match backend.volume_show(name) {
        Ok(VolumeRow { size: room, .. }) if room < size => {
            let file = file.display();
            let message = format!(
                "the volume has {room} bytes and {file} has {size}; make it larger first with \
                 `trefoil volume resize`"
            );
            Err(BackendError::new(ErrorKind::Invalid, message))
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind == ErrorKind::NotFound => {
            let Some(padded) = size.checked_add(BLOCK - 1) else {
                let message = format!("{size} bytes are more than a volume can have");
                return Err(BackendError::new(ErrorKind::Invalid, message));
            };
            let rounded = padded / BLOCK * BLOCK;
            backend.volume_create(name, ByteCount::new(rounded))?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// Copies everything; gives the bytes of data.
fn volume_fill(
    backend: &dyn Backend,
    name: &str,
    source: &Source<'_>,
    created: bool,
    monitor: &mut dyn Monitor,
) -> Result<u64, BackendError> {
    let volume = backend.volume_open(name)?;
    let mut sink = Sink {
        volume: volume.as_ref(),
        empty: created,
        clear: 0..0,
        data_bytes: 0,
    };
    let mut buffer = vec![0; to_usize(CHUNK_BYTES)];
    let total = source.size();
    let mut at = 0;
    while at < total {
        let stretch = source.stretch(at)?;
        sink.zeroes(at, stretch.data_start - at)?;
        at = stretch.data_start;
        while at < stretch.data_end {
            let length = at_most(stretch.data_end - at, CHUNK_BYTES).get();
            source.read(at, &mut buffer[..to_usize(length)])?;
            // Only the last chunk can be odd; the buffer has room, chunks are whole blocks.
            let padded = align_up(length, BLOCK).min(sink.volume.size().get() - at);
            buffer[to_usize(length)..to_usize(padded)].fill(0);
            sink.chunk(at, &buffer[..to_usize(padded)])?;
            at += length;
            monitor.progress(Progress { done: at, total })?;
        }
        monitor.progress(Progress { done: at, total })?;
    }
    sink.clear_now()?;
    sink.volume.flush()?;
    Ok(sink.data_bytes)
}

/// The volume as an import writes it: front to back, neighbouring zeroes cleared in one go.
struct Sink<'a> {
    volume: &'a dyn VolumeIo,
    /// The volume is fresh: zeroes need not be written.
    empty: bool,
    /// Zeroes that were passed over and are not cleared yet.
    clear: std::ops::Range<u64>,
    data_bytes: u64,
}

impl Sink<'_> {
    fn chunk(&mut self, at: u64, bytes: &[u8]) -> Result<(), BackendError> {
        let mut start = at;
        for run in runs(bytes) {
            let run_bytes = &bytes[run.range];
            let length = u64::try_from(run_bytes.len()).unwrap_or(u64::MAX);
            if run.zero {
                self.zeroes(start, length)?;
            } else {
                self.clear_now()?;
                self.volume.write(VolumeOffset::new(start), run_bytes)?;
                self.data_bytes += length;
            }
            start += length;
        }
        Ok(())
    }

    fn zeroes(&mut self, at: u64, length: u64) -> Result<(), BackendError> {
        if self.empty || length == 0 {
            return Ok(());
        }
        if self.clear.end == at && !self.clear.is_empty() {
            self.clear.end += length;
            return Ok(());
        }
        self.clear_now()?;
        self.clear = at..at + length;
        Ok(())
    }

    fn clear_now(&mut self) -> Result<(), BackendError> {
        let range = std::mem::replace(&mut self.clear, 0..0);
        if range.is_empty() {
            return Ok(());
        }
        let bytes = ByteCount::new(range.end - range.start);
        self.volume.clear(VolumeOffset::new(range.start), bytes)
    }
}

#[cfg(test)]
mod tests;
