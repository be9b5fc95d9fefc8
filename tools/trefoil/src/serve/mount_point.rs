//! `BUCKET=PATH`: what to mount where.

use std::path::PathBuf;
use std::str::FromStr;

/// A bucket and the directory it is mounted at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MountPoint {
    pub(crate) bucket: String,
    pub(crate) path: PathBuf,
}

/// A text that names no mount.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no mount; write BUCKET=PATH")]
pub(crate) struct MountPointError {
    text: String,
}

impl FromStr for MountPoint {
    type Err = MountPointError;

    fn from_str(text: &str) -> Result<Self, MountPointError> {
        match text.split_once('=') {
            Some((bucket, path)) if !bucket.is_empty() && !path.is_empty() => Ok(Self {
                bucket: bucket.to_owned(),
                path: path.into(),
            }),
            _ => Err(MountPointError {
                text: text.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
