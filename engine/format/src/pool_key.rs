//! Keys of the pool's own tree (dataset 1): datasets, and settings that frontends keep.

use engine_base::DatasetId;

use crate::dataset_record::dataset_of_key;
use crate::{FormatError, check};

/// Bytes of a setting's name.
pub const SETTING_NAME_BYTES_MAX: usize = 255;
/// Bytes of a setting.
pub const SETTING_BYTES_MAX: usize = 2048;

const NAME: &str = "key of the pool's tree";
const SETTING_PREFIX: u8 = b's';

/// What a key of the pool's tree is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolKey<'a> {
    /// A dataset; its value is a [`DatasetRecord`](crate::DatasetRecord).
    Dataset(DatasetId),
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
            _ => dataset_of_key(key).map(Self::Dataset),
        }
    }
}

/// The key of the setting `name` in the pool's tree.
#[must_use]
pub fn setting_key(name: &[u8]) -> Vec<u8> {
    [&[SETTING_PREFIX], name].concat()
}

#[cfg(test)]
mod tests;
