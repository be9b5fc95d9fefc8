//! Volume to file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use engine_base::{ErrorKind, VolumeOffset, to_usize};
use tempfile::NamedTempFile;

use crate::backend::{Backend, BackendError, Piece, VolumeIo};
use crate::control::protocol::{Progress, TransferReport};
use crate::transfer::runs::runs;
use crate::transfer::{CHUNK_BYTES, Monitor, at_most, host_error};

/// Bytes of a volume whose map is asked for at a time.
const MAP_BYTES: u64 = 1 << 30;

/// The file of an export.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) file: &'a Path,
    /// An existing file is replaced.
    pub(crate) force: bool,
}

/// Writes volume `name` to a file, holes where it is zero, mode 0600.
///
/// The file gets its name only when it is whole and on stable storage; whatever ends the export
/// earlier leaves no trace. A volume that is written to meanwhile is not exported as of one moment.
pub(crate) fn export(
    backend: &dyn Backend,
    name: &str,
    target: Target<'_>,
    monitor: &mut dyn Monitor,
) -> Result<TransferReport, BackendError> {
    target_check(target)?;
    let volume = backend.volume_open(name)?;
    let directory = target.file.parent().unwrap_or(Path::new("/"));
    let partial = tempfile::Builder::new()
        .prefix(".trefoil-export-")
        .tempfile_in(directory)
        .map_err(|error| host_error("creating a file in", directory, &error))?;
    let data_bytes = volume_copy(volume.as_ref(), &partial, target.file, monitor)?;
    let synced = partial.as_file().sync_all();
    synced.map_err(|error| host_error("syncing", target.file, &error))?;
    let kept = if target.force {
        partial.persist(target.file)
    } else {
        partial.persist_noclobber(target.file)
    };
    kept.map_err(|error| host_error("naming", target.file, &error.error))?;
    let named = File::open(directory).and_then(|directory| directory.sync_all());
    named.map_err(|error| host_error("syncing", directory, &error))?;
    Ok(TransferReport {
        volume: backend.volume_show(name)?,
        file: target.file.display().to_string(),
        created: false,
        bytes: volume.size().get(),
        data_bytes,
    })
}

fn target_check(target: Target<'_>) -> Result<(), BackendError> {
    let file = target.file.display();
    match fs::symlink_metadata(target.file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(host_error("looking at", target.file, &error)),
        Ok(found) if !found.is_file() => {
            let message = format!("{file} exists and is not a regular file; name another file");
            Err(BackendError::new(ErrorKind::Exists, message))
        }
        Ok(_) if !target.force => {
            let message = format!("{file} exists; name another file, or replace it with --force");
            Err(BackendError::new(ErrorKind::Exists, message))
        }
        Ok(_) => Ok(()),
    }
}

/// Copies everything; gives the bytes of data.
fn volume_copy(
    volume: &dyn VolumeIo,
    partial: &NamedTempFile,
    target: &Path,
    monitor: &mut dyn Monitor,
) -> Result<u64, BackendError> {
    let total = volume.size().get();
    let mut copy = Copy {
        volume,
        file: partial.as_file(),
        target,
        data_bytes: 0,
        total,
    };
    let sized = copy.file.set_len(total);
    sized.map_err(|error| host_error("sizing", target, &error))?;
    let mut at = 0;
    while at < total {
        let pieces = volume.map(VolumeOffset::new(at), at_most(total - at, MAP_BYTES))?;
        let before = at;
        for Piece { bytes, data } in pieces {
            let end = at.saturating_add(bytes.get()).min(total);
            if data {
                copy.range(at, end, monitor)?;
            }
            at = end;
            monitor.progress(Progress { done: at, total })?;
        }
        if at == before {
            let message =
                format!("the map of the volume ends at {at} of {total} bytes; run `trefoil check`");
            return Err(BackendError::new(ErrorKind::Corrupt, message));
        }
    }
    Ok(copy.data_bytes)
}

struct Copy<'a> {
    volume: &'a dyn VolumeIo,
    file: &'a File,
    /// For messages: what the file will be called.
    target: &'a Path,
    data_bytes: u64,
    total: u64,
}

impl Copy<'_> {
    fn range(&mut self, from: u64, to: u64, monitor: &mut dyn Monitor) -> Result<(), BackendError> {
        let mut buffer = vec![0; to_usize(at_most(to - from, CHUNK_BYTES).get())];
        let mut at = from;
        while at < to {
            let length = at_most(to - at, CHUNK_BYTES).get();
            let chunk = &mut buffer[..to_usize(length)];
            self.volume.read(VolumeOffset::new(at), chunk)?;
            self.chunk(at, chunk)?;
            at += length;
            monitor.progress(Progress {
                done: at,
                total: self.total,
            })?;
        }
        Ok(())
    }

    fn chunk(&mut self, at: u64, bytes: &[u8]) -> Result<(), BackendError> {
        let mut start = at;
        for run in runs(bytes) {
            let run_bytes = &bytes[run.range];
            let length = u64::try_from(run_bytes.len()).unwrap_or(u64::MAX);
            if !run.zero {
                let written = self.file.write_all_at(run_bytes, start);
                written.map_err(|error| host_error("writing", self.target, &error))?;
                self.data_bytes += length;
            }
            start += length;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
