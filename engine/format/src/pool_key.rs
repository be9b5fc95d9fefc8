//! Keys of the pool's own tree (dataset 1): datasets, the keys of those that are encrypted, and
//! settings that frontends keep.

use engine_base::DatasetId;

use crate::dataset_record::dataset_of_key;
use crate::{FormatError, SessionId, check};

/// Bytes of a setting's name.
pub const SETTING_NAME_BYTES_MAX: usize = 255;
/// Bytes of a setting.
pub const SETTING_BYTES_MAX: usize = 2048;

const NAME: &str = "key of the pool's tree";
const SETTING_PREFIX: u8 = b's';
const DATA_KEY_PREFIX: u8 = b'k';
const SESSION_PREFIX: u8 = b'e';

/// What a key of the pool's tree is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKey<'a> {
    /// A dataset; its value is a [`DatasetRecord`](crate::DatasetRecord).
    Dataset(DatasetId),
    /// The data key of a family; its value is a [`WrappedKey`](crate::WrappedKey).
    DataKey(DatasetId),
    /// A session; its value is a [`SealingSession`](crate::SealingSession).
    Session(SessionId),
    /// A setting by its name; its value means something to whoever keeps it.
    Setting(&'a [u8]),
}

impl<'a> PoolKey<'a> {
    /// Reads a key.
    ///
    /// # Errors
    /// [`FormatError::Truncated`] or [`FormatError::Field`].
    pub fn decode(key: &'a [u8]) -> Result<Self, FormatError> {
        match key {
            [SETTING_PREFIX, name @ ..] => {
                let why = "names of settings have 1 to 255 bytes";
                let valid = (1..=SETTING_NAME_BYTES_MAX).contains(&name.len());
                check::field(valid, NAME, "name_bytes", name.len() as u64, why)?;
                Ok(Self::Setting(name))
            }
            [DATA_KEY_PREFIX, family @ ..] => {
                let family = number(family).map(u64::from_be_bytes)?;
                Ok(Self::DataKey(DatasetId::new(family)))
            }
            [SESSION_PREFIX, session @ ..] => {
                let session = number(session).map(u32::from_be_bytes)?;
                let why = "there is no session 0";
                let session = SessionId::new(session).ok_or(FormatError::Field {
                    structure: NAME,
                    name: "session",
                    value: 0,
                    why,
                })?;
                Ok(Self::Session(session))
            }
            _ => dataset_of_key(key).map(Self::Dataset),
        }
    }
}

fn number<const N: usize>(bytes: &[u8]) -> Result<[u8; N], FormatError> {
    bytes.try_into().map_err(|_| FormatError::Field {
        structure: NAME,
        name: "key_bytes",
        value: bytes.len() as u64 + 1,
        why: "keys of a family have 9 bytes, those of a session 5",
    })
}

/// The key of the data key of a family in the pool's tree.
#[must_use]
pub fn data_key_key(family: DatasetId) -> Vec<u8> {
    [&[DATA_KEY_PREFIX][..], &family.get().to_be_bytes()].concat()
}

/// The key of a session in the pool's tree.
#[must_use]
pub fn session_key(session: SessionId) -> Vec<u8> {
    [&[SESSION_PREFIX][..], &session.get().to_be_bytes()].concat()
}

/// The key of the setting `name` in the pool's tree.
#[must_use]
pub fn setting_key(name: &[u8]) -> Vec<u8> {
    [&[SETTING_PREFIX], name].concat()
}

#[cfg(test)]
mod tests;
