//! Files that hold a master key: 64 digits in hex on one line.
//!
//! Whoever has the file and the pool has the data; whoever has lost the file has lost it.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use engine_format::{KEY_BYTES, MasterKey, MasterKeyId};

use crate::failure::Failure;

/// Bytes that are read; more is surely not a key.
const FILE_BYTES_MAX: u64 = 4096;

/// Reads the key of a file.
pub(crate) fn read(path: &Path) -> Result<MasterKey, Failure> {
    let what = format!("cannot read the key file {}", path.display());
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| Failure::because(&what, &error))?;
    parse(text.trim()).ok_or_else(|| {
        Failure::error(format_args!(
            "{what}: it is not 64 digits in hex; `trefoil master-key create FILE` makes one"
        ))
    })
}

/// Reads the keys of several.
pub(crate) fn read_all(paths: &[PathBuf]) -> Result<Vec<MasterKey>, Failure> {
    paths.iter().map(|path| read(path)).collect()
}

/// Draws a key and writes it to a file that is not there yet, for nobody else to read.
pub(crate) fn create(path: &Path) -> Result<MasterKeyId, Failure> {
    let what = format!("cannot create the key file {}", path.display());
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::error(format_args!(
            "{what}: the system gives no random bytes: {error}"
        ))
    })?;
    write(path, &bytes).map_err(|error| Failure::because(&what, &error))?;
    Ok(MasterKey::new(bytes).id())
}

/// Durable when it returns: data may hang on it soon.
fn write(path: &Path, bytes: &[u8; KEY_BYTES]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut text = String::with_capacity(2 * KEY_BYTES + 1);
    for byte in bytes {
        write!(text, "{byte:02x}").map_err(io::Error::other)?;
    }
    text.push('\n');
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn parse(text: &str) -> Option<MasterKey> {
    let digits = text.as_bytes();
    let mut bytes = [0; KEY_BYTES];
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |of: &u8| char::from(*of).to_digit(16);
        let (high, low) = (digit(pair.first()?)?, digit(pair.last()?)?);
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(MasterKey::new(bytes))
}

#[cfg(test)]
mod tests;
