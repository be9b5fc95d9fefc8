//! An object's metadata: headers on the one side, attributes on the other.
//!
//! Attributes can be set through a mount too, to any bytes; what no header can say is left out of
//! answers, and counted where S3 has a count for it.

use engine_bucket::check_object_metadata;
use hyper::HeaderMap;
use s3s::S3Result;
use s3s::dto::Metadata;

use crate::error::{metadata_too_large, of_bucket};

/// An attribute's name and value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Headers that are kept under their own names.
const KEPT: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
/// First bytes of the attributes of a client's own metadata.
const META: &str = "meta.";
pub(crate) const TAGS: &str = "tags";
/// Bytes of the name of an attribute: it and the prefixes before it have at most 255.
const NAME_BYTES_MAX: usize = 200;
/// What an object without a type is.
pub(crate) const DEFAULT_TYPE: &str = "binary/octet-stream";

/// The attributes that a request's headers ask for.
pub(crate) fn of_request(headers: &HeaderMap, metadata: Option<Metadata>) -> S3Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    for name in KEPT {
        let Some(value) = headers.get(name) else {
            continue;
        };
        let mut value = value.as_bytes().to_vec();
        if name == "content-encoding" {
            value = without_chunks(&value);
        }
        if !value.is_empty() {
            pairs.push((name.as_bytes().to_vec(), value));
        }
    }
    for (name, value) in metadata.unwrap_or_default() {
        let name = format!("{META}{}", name.to_ascii_lowercase());
        pairs.push((name.into_bytes(), value.into_bytes()));
    }
    pairs.sort();
    // A mount can set it all as it is here: the rule is one.
    check_object_metadata(&pairs).map_err(of_bucket)?;
    if pairs.iter().any(|(name, _)| name.len() > NAME_BYTES_MAX) {
        return Err(metadata_too_large());
    }
    Ok(pairs)
}

/// `aws-chunked` is how the body came, not what it is.
fn without_chunks(value: &[u8]) -> Vec<u8> {
    let codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let kept: Vec<&[u8]> = codings
        .filter(|coding| !coding.eq_ignore_ascii_case(b"aws-chunked") && !coding.is_empty())
        .collect();
    kept.join(&b", "[..])
}

/// The metadata of an object in a form that headers can carry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) metadata: Metadata,
    /// Of the client's own, those that no header can say.
    pub(crate) missing: i32,
    pub(crate) tags: usize,
}

impl Shown {
    pub(crate) fn of(attributes: &[Pair]) -> Self {
        let mut shown = Self::default();
        for (name, value) in attributes {
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            let slot = match name {
                "cache-control" => &mut shown.cache_control,
                "content-disposition" => &mut shown.content_disposition,
                "content-encoding" => &mut shown.content_encoding,
                "content-language" => &mut shown.content_language,
                "content-type" => &mut shown.content_type,
                "expires" => &mut shown.expires,
                TAGS => {
                    shown.tags = value.split(|byte| *byte == b'&').count();
                    continue;
                }
                _ => {
                    shown.add_meta(name, value);
                    continue;
                }
            };
            *slot = printable(value);
        }
        shown
            .content_type
            .get_or_insert_with(|| DEFAULT_TYPE.to_owned());
        shown
    }

    fn add_meta(&mut self, name: &str, value: &[u8]) {
        let Some(name) = name.strip_prefix(META) else {
            return;
        };
        let text = std::str::from_utf8(value).ok();
        let text = text.filter(|text| !text.chars().any(char::is_control));
        match text.filter(|_| is_token(name)) {
            Some(text) => {
                self.metadata.insert(name.to_owned(), text.to_owned());
            }
            None => self.missing += 1,
        }
    }
}

/// A value that a header can carry as it is.
fn printable(value: &[u8]) -> Option<String> {
    let is_printable = value.iter().all(|byte| (b' '..=b'~').contains(byte));
    let text = std::str::from_utf8(value).ok().filter(|_| is_printable)?;
    Some(text.to_owned())
}

fn is_token(name: &str) -> bool {
    let is_ours = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
    };
    !name.is_empty() && name.bytes().all(is_ours)
}

#[cfg(test)]
mod tests;
