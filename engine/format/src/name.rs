//! Names of volumes, as users give them and as dataset records keep them.

use std::fmt;

use engine_base::limits::VOLUME_NAME_BYTES_MAX;

/// A name that obeys the rules: 1 to 255 bytes of UTF-8, no control characters, no `/` and no `@`
/// (they separate parts of longer names), not starting with `-` or `.` (options and hidden entries
/// do).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetName(Box<str>);

/// The rule that a name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no name.
    #[error("a name must not be empty")]
    Empty,
    /// It is too long.
    #[error("the name has {bytes} bytes; at most {VOLUME_NAME_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is not UTF-8.
    #[error("the name is not UTF-8 from byte {valid_bytes} on")]
    NotUtf8 {
        /// Bytes that are.
        valid_bytes: usize,
    },
    /// It starts with a character that would make it an option or a hidden entry.
    #[error("a name must not start with {found:?}")]
    Start {
        /// The character.
        found: char,
    },
    /// It contains a character that is not allowed anywhere in a name.
    #[error("a name must not contain {found:?}")]
    Character {
        /// The character.
        found: char,
    },
}

impl DatasetName {
    /// Checks `name` against the rules.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        Self::check(name)?;
        Ok(Self(name.into()))
    }

    /// Checks bytes that were read.
    ///
    /// # Errors
    /// As [`DatasetName::new`], and [`NameError::NotUtf8`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        match std::str::from_utf8(bytes) {
            Ok(name) => Self::new(name),
            Err(error) => Err(NameError::NotUtf8 {
                valid_bytes: error.valid_up_to(),
            }),
        }
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    fn check(name: &str) -> Result<(), NameError> {
        if name.len() > VOLUME_NAME_BYTES_MAX {
            return Err(NameError::TooLong { bytes: name.len() });
        }
        match name.chars().next() {
            None => return Err(NameError::Empty),
            Some(found @ ('-' | '.')) => return Err(NameError::Start { found }),
            Some(_) => {}
        }
        let refused = |found: &char| found.is_control() || matches!(*found, '/' | '@');
        match name.chars().find(refused) {
            Some(found) => Err(NameError::Character { found }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for DatasetName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
