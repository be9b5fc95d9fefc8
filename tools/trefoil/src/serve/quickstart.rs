//! `--quickstart`: one of each, so that everything can be tried without another step.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use engine_base::{ByteCount, ErrorKind};

use crate::backend::{Backend, BackendError, Doors};
use crate::control::protocol::{Compression, KeyRequest, KeySecret};
use crate::engine::KeyRing;
use crate::failure::Failure;
use crate::place;
use crate::serve::mount_point::MountPoint;

/// The name of the volume, of the bucket, and of the key.
pub(super) const NAME: &str = "demo";
const VOLUME_BYTES: ByteCount = ByteCount::new(10 << 30);
const MOUNT: &str = "./trefoil-mnt";

/// Makes what is missing, and says where the key is.
pub(super) fn make(
    backend: &dyn Backend,
    doors: &dyn Doors,
    keys: &KeyRing,
    data: &Path,
) -> Result<PathBuf, Failure> {
    made(
        "volume",
        backend.volume_create(NAME, VOLUME_BYTES).map(drop),
    )?;
    made(
        "bucket",
        doors.bucket_create(NAME, Compression::Off).map(drop),
    )?;
    let request = KeyRequest {
        id: Some(NAME.to_owned()),
        secret: Some(KeyRing::random_secret().map_err(|error| cannot("key", &error))?),
        ..KeyRequest::default()
    };
    made("key", keys.create(&request).map(drop))?;
    let file = place::key_file(data, NAME)
        .map_err(|error| Failure::because("cannot tell where the key demo goes", &error))?;
    if let Some(key) = keys.reveal(NAME) {
        key_write(&file, &key).map_err(|error| {
            let file = file.display();
            Failure::because(format_args!("cannot write the key demo to {file}"), &error)
        })?;
    }
    Ok(file)
}

/// Where the bucket is mounted.
pub(super) fn mount_point() -> MountPoint {
    MountPoint {
        bucket: NAME.to_owned(),
        path: MOUNT.into(),
    }
}

/// What was there already is as good as made.
fn made(what: &str, result: Result<(), BackendError>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind != ErrorKind::Exists => Err(cannot(what, &error)),
        _ => Ok(()),
    }
}

fn cannot(what: &str, error: &BackendError) -> Failure {
    Failure::because(format_args!("cannot create the {what} {NAME}"), error)
}

/// Replaces the file as a whole, for no eyes but the user's.
fn key_write(file: &Path, key: &KeySecret) -> io::Result<()> {
    let text = format!("{} {}\n", key.id, key.secret);
    if fs::read_to_string(file).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut new = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&beside, file)
}
