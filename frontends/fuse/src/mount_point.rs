//! Directories that buckets are mounted on.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use crate::error::MountError;

const MOUNTS: &str = "/proc/self/mountinfo";

/// A mount of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Number of its file system, as in `stat`.
    pub(crate) device: String,
    pub(crate) path: PathBuf,
}

/// All mounts, the later ones above the earlier.
pub(crate) fn all_mounts() -> io::Result<Vec<Mounted>> {
    Ok(fs::read(MOUNTS)?
        .split(|byte| *byte == b'\n')
        .filter_map(parse)
        .collect())
}

fn parse(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = fields.nth(2)?;
    let path = fields.nth(1)?;
    Some(Mounted {
        device: String::from_utf8_lossy(device).into_owned(),
        path: PathBuf::from(std::ffi::OsString::from_vec(unescape(path))),
    })
}

/// The kernel writes space, tab, newline and backslash as three octal digits.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|_| *first == b'\\');
        let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match text.and_then(|text| u8::from_str_radix(text, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &behind[3..];
            }
            None => {
                plain.push(*first);
                rest = behind;
            }
        }
    }
    plain
}

/// Makes the directory if it is missing, takes a dead mount away that a server left when it died,
/// and refuses one where something else is mounted. Returns its path without links.
pub(crate) fn prepare(path: &Path) -> Result<PathBuf, MountError> {
    let no_directory = |source| MountError::Directory {
        path: path.to_owned(),
        source,
    };
    if is_dead(path) {
        tracing::info!(path = %path.display(), "taking a dead mount away");
        let taken = unmount(path, UnmountFlags::DETACH);
        taken.map_err(|error| no_directory(error.into()))?;
    }
    fs::create_dir_all(path).map_err(no_directory)?;
    let path = path.canonicalize().map_err(no_directory)?;
    let mounts = all_mounts().map_err(no_directory)?;
    if mounts.iter().any(|mount| mount.path == path) {
        return Err(MountError::Occupied { path });
    }
    Ok(path)
}

/// Whether the server of what is mounted there is gone. The kernel may answer for attributes of a
/// dead server from its cache, but not for its space.
fn is_dead(path: &Path) -> bool {
    let seen = rustix::fs::statfs(path);
    matches!(seen, Err(Errno::NOTCONN | Errno::CONNABORTED))
}

#[cfg(test)]
mod tests;
