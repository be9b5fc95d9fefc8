//! How what is written is sealed, and what changing the master key did.

use std::fmt;

use serde::{Deserialize, Serialize};

/// [`engine_format::Encryption`] as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Encryption {
    #[default]
    #[serde(rename = "none")]
    Off,
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
}

impl Encryption {
    /// What is left out of a request.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// With what is missing to open it: `aes-256-gcm, locked by 0154b6241093efbe`.
    pub(crate) fn with_lock(self, locked_by: Option<&str>) -> String {
        match locked_by {
            None => self.to_string(),
            Some(key) => format!("{self}, locked by {key}"),
        }
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "none",
            Self::Aes256Gcm => "aes-256-gcm",
        })
    }
}

impl From<engine_format::Encryption> for Encryption {
    fn from(encryption: engine_format::Encryption) -> Self {
        match encryption {
            engine_format::Encryption::Off => Self::Off,
            engine_format::Encryption::Aes256Gcm => Self::Aes256Gcm,
        }
    }
}

impl From<Encryption> for engine_format::Encryption {
    fn from(encryption: Encryption) -> Self {
        match encryption {
            Encryption::Off => Self::Off,
            Encryption::Aes256Gcm => Self::Aes256Gcm,
        }
    }
}

/// What changing the master key did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationReport {
    /// The new key's id.
    pub(crate) master_key: String,
    /// Data keys that were put under it.
    pub(crate) wrapped: u64,
    /// Data keys that are under a key which the server has not.
    pub(crate) locked: u64,
}
