//! Where a pool lies, and where the control socket of its server is.
//!
//! Both the server and the commands derive the socket from `--data` by the same rule:
//!
//! | `--data` names | control socket |
//! |---|---|
//! | a directory, or nothing that exists | `<data>/control.sock` |
//! | a file | `<data>.control.sock` |
//! | a block device `/dev/x/y` | `/run/trefoil-x-y.control.sock` |
//!
//! Symbolic links are followed first, so every name of a pool leads to the same socket.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The pool that a command is about when nothing else is said.
pub(crate) const DATA_DEFAULT: &str = "./trefoil-data";

/// The one path of `--data`.
///
/// # Errors
/// Wrong usage: mirrors over several paths are refused.
pub(crate) fn single(paths: &[PathBuf]) -> Result<&Path, Failure> {
    match paths {
        [path] if path.as_os_str().is_empty() => {
            Err(Failure::usage("--data is empty; give the path of a pool"))
        }
        [path] => Ok(path),
        _ => Err(Failure::usage(format_args!(
            "--data names {} paths; this version keeps one copy on one device: give one path",
            paths.len()
        ))),
    }
}

/// The control socket of the pool at `data`.
///
/// # Errors
/// The host's, if `data` exists and cannot be looked at.
pub(crate) fn control_socket(data: &Path) -> io::Result<PathBuf> {
    let data = match fs::canonicalize(data) {
        Ok(canonical) => canonical,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(std::path::absolute(data)?.join("control.sock"));
        }
        Err(error) => return Err(error),
    };
    let kind = fs::metadata(&data)?.file_type();
    if kind.is_dir() {
        return Ok(data.join("control.sock"));
    }
    if kind.is_block_device() {
        return Ok(device_socket(&data));
    }
    let mut beside = data.into_os_string();
    beside.push(".control.sock");
    Ok(beside.into())
}

/// The file beside the control socket that a key is written to.
///
/// # Errors
/// As [`control_socket`].
pub(crate) fn key_file(data: &Path, id: &str) -> io::Result<PathBuf> {
    let socket = control_socket(data)?;
    let name = socket.file_name().unwrap_or_default().to_string_lossy();
    let before = name.strip_suffix("control.sock").unwrap_or_default();
    Ok(socket.with_file_name(format!("{before}{id}.key")))
}

/// `/dev` is often a file system that does not outlive the boot, and not everyone who may use a
/// device may create files there.
fn device_socket(device: &Path) -> PathBuf {
    let name = device.strip_prefix("/dev").unwrap_or(device);
    let name = name
        .to_string_lossy()
        .trim_start_matches('/')
        .replace('/', "-");
    PathBuf::from(format!("/run/trefoil-{name}.control.sock"))
}

#[cfg(test)]
mod tests;
