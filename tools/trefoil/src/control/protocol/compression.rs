//! How what is written is compressed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// [`engine_format::Compression`] as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Compression {
    #[default]
    #[serde(rename = "none")]
    Off,
    Lz4,
}

impl Compression {
    /// What is left out of a request.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::Off
    }

    /// With what `stored` bytes of `allocated` save: `lz4, 2.1x`.
    pub(crate) fn with_ratio(self, allocated: u64, stored: u64) -> String {
        if stored == 0 || allocated == stored {
            return self.to_string();
        }
        let tenths = u128::from(allocated) * 10 / u128::from(stored);
        format!("{self}, {}.{}x", tenths / 10, tenths % 10)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "none",
            Self::Lz4 => "lz4",
        })
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" | "off" => Ok(Self::Off),
            "lz4" => Ok(Self::Lz4),
            _ => Err("write lz4 or none".to_owned()),
        }
    }
}

impl From<engine_format::Compression> for Compression {
    fn from(compression: engine_format::Compression) -> Self {
        match compression {
            engine_format::Compression::Off => Self::Off,
            engine_format::Compression::Lz4 => Self::Lz4,
        }
    }
}

impl From<Compression> for engine_format::Compression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Off => Self::Off,
            Compression::Lz4 => Self::Lz4,
        }
    }
}

#[cfg(test)]
mod tests;
