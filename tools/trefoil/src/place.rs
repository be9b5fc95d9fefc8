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
//! Symbolic links are followed first, so every name of a pool leads to the same socket. A pool on
//! several devices has one at each of them that is there when its server starts, and a command
//! takes the first at which a server answers: so any of them that has stayed leads there.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The pool that a command is about when nothing else is said.
pub(crate) const DATA_DEFAULT: &str = "./trefoil-data";

/// The paths of `--data`.
///
/// # Errors
/// Wrong usage: none, an empty one, or one twice.
pub(crate) fn checked(paths: &[PathBuf]) -> Result<&[PathBuf], Failure> {
    if paths.is_empty() || paths.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(Failure::usage("--data is empty; give the path of a pool"));
    }
    for (index, path) in paths.iter().enumerate() {
        if paths.iter().skip(index + 1).any(|other| other == path) {
            return Err(Failure::usage(format_args!(
                "--data names {} twice; a copy on the same device is none",
                path.display()
            )));
        }
    }
    Ok(paths)
}

/// The path by which a pool on several devices is known: of those that are there the first.
pub(crate) fn known_by(paths: &[PathBuf]) -> &Path {
    let there = paths.iter().find(|path| path.exists());
    there
        .or(paths.first())
        .map_or(Path::new("."), PathBuf::as_path)
}

/// The control sockets of a pool on these devices, as far as they are there: first that of the one
/// by which it is known. Devices of which the host does not tell what they are have none.
pub(crate) fn control_sockets(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut sockets = vec![control_socket(known_by(paths))?];
    for path in paths.iter().filter(|path| path.exists()) {
        match control_socket(path) {
            Ok(socket) if !sockets.contains(&socket) => sockets.push(socket),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, path = %path.display(),
                    "there will be no control socket at a device");
            }
        }
    }
    Ok(sockets)
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
