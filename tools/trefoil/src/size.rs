//! Sizes as people write them: `10G`, `512M`, `4096`.

use std::fmt;
use std::str::FromStr;

use engine_base::ByteCount;
use serde::{Deserialize, Deserializer, de};

/// A size from the command line or the config file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(ByteCount);

impl Size {
    pub(crate) const fn bytes(self) -> ByteCount {
        self.0
    }
}

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SizeError {
    #[error(
        "`{text}` is not a size; write a whole number of bytes, or one followed by K, M, G or T \
         (powers of 1024), such as 10G"
    )]
    NotASize { text: String },
    #[error("`{text}` is more than 64 bits of bytes can hold; choose a smaller size")]
    TooLarge { text: String },
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let not_a_size = || SizeError::NotASize {
            text: text.to_owned(),
        };
        let too_large = || SizeError::TooLarge {
            text: text.to_owned(),
        };
        let (digits, shift) = match text.char_indices().next_back() {
            Some((at, 'K' | 'k')) => (&text[..at], 10),
            Some((at, 'M' | 'm')) => (&text[..at], 20),
            Some((at, 'G' | 'g')) => (&text[..at], 30),
            Some((at, 'T' | 't')) => (&text[..at], 40),
            _ => (text, 0),
        };
        // `u64::from_str` would also take a leading plus sign.
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(not_a_size());
        }
        let number: u64 = digits
            .parse()
            .map_err(|_overflow: std::num::ParseIntError| too_large())?;
        let bytes = number.checked_mul(1 << shift).ok_or_else(too_large)?;
        Ok(Self(ByteCount::new(bytes)))
    }
}

/// From a text as above, or from a whole number of bytes.
impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"10G\", or a whole number of bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(ByteCount::new(bytes)))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                let negative = |_| E::invalid_value(de::Unexpected::Signed(bytes), &self);
                u64::try_from(bytes)
                    .map_err(negative)
                    .map(|bytes| Size(ByteCount::new(bytes)))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests;
