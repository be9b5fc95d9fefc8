//! What a request presents to prove who sends it.

use hyper::http::request::Parts;
use s3s::{S3Result, s3_error};

use super::Protection;
use super::credential::{Scope, SignedTime};
use crate::query::Query;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const PAYLOAD_HEADER: &str = "x-amz-content-sha256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A signature and what it is about.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) scope: Scope,
    /// Lower-case names, in order.
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
    /// Of a signed URL: seconds that it is valid, and its time.
    pub(crate) expires: Option<i64>,
    time: Option<String>,
    /// Of the body, as it is signed.
    pub(crate) payload: String,
}

impl Presented {
    /// Finds the signature in a request.
    pub(crate) fn of(parts: &Parts) -> S3Result<Self> {
        if let Some(header) = parts.headers.get("authorization") {
            let text = header.to_str().ok();
            let found = text.and_then(|text| Self::from_header(parts, text));
            return found.ok_or_else(|| not_supported(text));
        }
        let query = Query::of(&parts.uri);
        if query.get("X-Amz-Signature").is_some() {
            return Self::from_query(parts, &query).ok_or_else(|| {
                s3_error!(AccessDenied, "The parameters of the signed URL are wrong.")
            });
        }
        if query.get("Signature").is_some() {
            return Err(not_supported(None));
        }
        Err(s3_error!(
            AccessDenied,
            "Access Denied: a signature is required."
        ))
    }

    fn from_header(parts: &Parts, text: &str) -> Option<Self> {
        let fields = text.strip_prefix(ALGORITHM)?;
        let (mut scope, mut headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=')?;
            match name {
                "Credential" => scope = Scope::parse(value),
                "SignedHeaders" => headers = Some(names(value)),
                "Signature" => signature = Some(value.to_owned()),
                _ => return None,
            }
        }
        Some(Self {
            scope: scope?,
            signed_headers: headers?,
            signature: signature?,
            expires: None,
            time: None,
            payload: header(parts, PAYLOAD_HEADER)?.to_owned(),
        })
    }

    fn from_query(parts: &Parts, query: &Query) -> Option<Self> {
        if query.get("X-Amz-Algorithm") != Some(ALGORITHM) {
            return None;
        }
        let signed_headers = names(query.get("X-Amz-SignedHeaders")?);
        let is_signed = signed_headers.iter().any(|name| name == PAYLOAD_HEADER);
        // Where it is in the URL, it is signed with the URL.
        let payload = query.get("X-Amz-Content-Sha256");
        let payload = payload.or_else(|| header(parts, PAYLOAD_HEADER).filter(|_| is_signed));
        Some(Self {
            scope: Scope::parse(query.get("X-Amz-Credential")?)?,
            signed_headers,
            signature: query.get("X-Amz-Signature")?.to_owned(),
            expires: Some(query.get("X-Amz-Expires")?.parse().ok()?),
            time: Some(query.get("X-Amz-Date")?.to_owned()),
            payload: payload.unwrap_or(UNSIGNED).to_owned(),
        })
    }

    /// When it was signed.
    pub(crate) fn time(&self, parts: &Parts) -> S3Result<SignedTime> {
        let text = self.time.as_deref();
        let text = text.or_else(|| header(parts, "x-amz-date"));
        let time = text.and_then(SignedTime::parse);
        time.filter(|time| time.day() == self.scope.day)
            .ok_or_else(|| {
                s3_error!(
                    AccessDenied,
                    "x-amz-date is missing, is no time, or is not on the day of the credential."
                )
            })
    }

    /// How the body is protected.
    pub(crate) fn protection(&self, parts: &Parts) -> S3Result<Protection> {
        let chunked = |signed, trailer| Ok(Protection::Chunked { signed, trailer });
        // A signed URL may leave the body open; then a header that nobody signed can say more, and
        // never less than what was signed.
        let unsigned = header(parts, PAYLOAD_HEADER).filter(|_| self.payload == UNSIGNED);
        match unsigned.unwrap_or(&self.payload) {
            UNSIGNED => Ok(Protection::None),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => chunked(true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => chunked(true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => chunked(false, true),
            text => {
                let mut hash = [0; 32];
                let out = hex_simd::Out::from_slice(&mut hash);
                let is_hash = text.len() == 64 && hex_simd::decode(text.as_bytes(), out).is_ok();
                is_hash.then_some(Protection::Sha256(hash)).ok_or_else(|| {
                    s3_error!(
                        AccessDenied,
                        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING value or a \
                         SHA-256 in hexadecimal digits."
                    )
                })
            }
        }
    }
}

fn not_supported(text: Option<&str>) -> s3s::S3Error {
    let is_ours = text.is_some_and(|text| text.starts_with(ALGORITHM));
    if is_ours {
        return s3_error!(
            AccessDenied,
            "The authorization header, or x-amz-content-sha256, is missing or malformed."
        );
    }
    s3_error!(
        AccessDenied,
        "The authorization mechanism you have provided is not supported. Please use \
         AWS4-HMAC-SHA256."
    )
}

fn names(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text.split(';').map(str::to_ascii_lowercase).collect();
    names.sort();
    names
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}
