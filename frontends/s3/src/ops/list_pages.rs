//! What listings have in common: where they go on, and how they say keys.

use s3s::dto::EncodingType;
use s3s::{S3Result, s3_error};

use crate::error::invalid_argument;
use crate::ops::list::unknown_encoding;
use crate::text::{base64, base64_decode, percent_encode};

/// Items of a page.
const ITEMS_MAX: usize = 1000;

/// What to list.
pub(crate) struct Wanted<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: &'a str,
    pub(crate) after: &'a str,
    pub(crate) max: usize,
}

/// How many items a page may have.
pub(crate) fn max_items(wanted: Option<i32>) -> S3Result<usize> {
    let wanted = usize::try_from(wanted.unwrap_or(i32::MAX));
    let negative =
        |_| invalid_argument("Argument max-keys must be an integer between 0 and 2147483647");
    Ok(wanted.map_err(negative)?.min(ITEMS_MAX))
}

/// Where the next page begins.
pub(crate) fn next_token(last: &str) -> String {
    base64(last.as_bytes())
}

pub(crate) fn token_key(token: &str) -> S3Result<String> {
    let key = base64_decode(token.as_bytes()).filter(|key| !key.is_empty());
    let key = key.and_then(|key| String::from_utf8(key).ok());
    key.ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}

/// How keys stand in a document.
pub(crate) struct Encoding {
    is_url: bool,
}

impl Encoding {
    pub(crate) fn of(kind: Option<&EncodingType>) -> S3Result<Self> {
        match kind {
            None => Ok(Self { is_url: false }),
            Some(kind) if kind.as_str() == EncodingType::URL => Ok(Self { is_url: true }),
            Some(kind) => Err(unknown_encoding(kind)),
        }
    }

    pub(crate) fn bytes(&self, key: &[u8]) -> S3Result<String> {
        self.text(&String::from_utf8_lossy(key))
    }

    pub(crate) fn optional(&self, text: Option<&str>) -> S3Result<Option<String>> {
        text.map(|text| self.text(text)).transpose()
    }

    /// As the document says it. Refuses characters that XML lacks unless they are encoded.
    pub(crate) fn text(&self, text: &str) -> S3Result<String> {
        if self.is_url {
            return Ok(percent_encode(text.as_bytes(), false));
        }
        if text.chars().all(is_xml) {
            return Ok(text.to_owned());
        }
        Err(s3_error!(
            InvalidArgument,
            "A key has characters that XML cannot say; list with encoding-type=url."
        ))
    }
}

/// A key in a document that has no encoding for it; `None`: it cannot be said.
pub(crate) fn sayable(key: &str) -> Option<String> {
    key.chars().all(is_xml).then(|| key.to_owned())
}

/// Whether a reader of XML 1.0 gets a character back as it was.
const fn is_xml(character: char) -> bool {
    match character {
        // The door writes a carriage return so that it is not read as a line feed.
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        other => other >= ' ',
    }
}
