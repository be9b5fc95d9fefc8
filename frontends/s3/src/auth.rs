//! Who sends a request: signature version 4, in headers or in the URL.
//!
//! * Nothing is looked at before it is known that the secret of a key that exists has signed it.
//! * Every header that changes what a request does (`x-amz-*`, `host`) must be signed.
//! * Secrets and signatures are never logged; signatures are compared in constant time.

mod canonical;
mod credential;
mod presented;
mod sign;

use std::sync::Arc;

use hyper::StatusCode;
use hyper::http::request::Parts;
use s3s::{S3Result, s3_error};

use crate::error::custom;
use crate::keys::{AccessKey, Keys};
pub(crate) use credential::Scope;
pub(crate) use presented::Presented;
pub(crate) use sign::{Signer, is_same};

/// Seconds that the clock of a client may differ.
const SKEW_SECONDS: i64 = 15 * 60;
/// Seconds that a signed URL may be valid: seven days.
const EXPIRES_MAX: i64 = 7 * 24 * 3600;

/// How the body of a request is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Not by the signature.
    None,
    /// Its SHA-256 is signed.
    Sha256([u8; 32]),
    /// It comes in chunks.
    Chunked {
        /// Each of them is signed.
        signed: bool,
        /// Headers come behind them.
        trailer: bool,
    },
}

impl Protection {
    pub(crate) const fn sha256(self) -> Option<[u8; 32]> {
        match self {
            Self::Sha256(hash) => Some(hash),
            Self::None | Self::Chunked { .. } => None,
        }
    }
}

/// A request whose signature is right.
pub(crate) struct Verified {
    pub(crate) key: Arc<AccessKey>,
    pub(crate) protection: Protection,
    /// What chunks are verified with.
    pub(crate) signer: Signer,
    /// The signature, with which that of the first chunk begins.
    pub(crate) signature: String,
}

/// Finds out who signed a request.
///
/// # Errors
/// With status 403, or 400 where a key that exists signed something that makes no sense.
pub(crate) fn verify(parts: &Parts, keys: &dyn Keys, now: i64) -> S3Result<Verified> {
    let presented = Presented::of(parts)?;
    let key = keys
        .find(&presented.scope.key)
        .ok_or_else(|| s3_error!(InvalidAccessKeyId, "There is no such access key."))?;
    let signed = presented.time(parts)?;
    let protection = presented.protection(parts)?;
    let signer = Signer::new(&key.secret, &presented.scope, &signed.text);
    check_headers(parts, &presented)?;
    let is_right = canonical::requests(parts, &presented).any(|request| {
        let expected = signer.sign_request(request.as_bytes());
        is_same(expected.as_bytes(), presented.signature.as_bytes())
    });
    if !is_right {
        return Err(s3_error!(
            SignatureDoesNotMatch,
            "The signature does not match; check the secret and how the request is signed."
        ));
    }
    check_time(&presented, signed.unix, now)?;
    if parts.headers.contains_key("x-amz-security-token") {
        return Err(custom(
            "InvalidToken",
            StatusCode::FORBIDDEN,
            "There are no session tokens here.",
        ));
    }
    Ok(Verified {
        key,
        protection,
        signature: presented.signature,
        signer,
    })
}

/// Refuses headers that change what is done and that the signer did not know of.
fn check_headers(parts: &Parts, presented: &Presented) -> S3Result<()> {
    let is_signed = |name: &str| presented.signed_headers.iter().any(|signed| signed == name);
    let missing = presented
        .signed_headers
        .iter()
        .any(|name| !parts.headers.contains_key(name) && name != "host");
    if missing || !is_signed("host") {
        return Err(s3_error!(
            SignatureDoesNotMatch,
            "A signed header is missing, or the host is not signed."
        ));
    }
    for name in parts.headers.keys() {
        let name = name.as_str();
        // These two are part of what is signed in another place.
        let elsewhere = matches!(name, "x-amz-date" | "x-amz-content-sha256");
        if name.starts_with("x-amz-") && !elsewhere && !is_signed(name) {
            return Err(s3_error!(
                AccessDenied,
                "There were headers present in the request which were not signed: {name}"
            ));
        }
    }
    Ok(())
}

fn check_time(presented: &Presented, signed: i64, now: i64) -> S3Result<()> {
    let age = now - signed;
    let Some(expires) = presented.expires else {
        if age.abs() > SKEW_SECONDS {
            return Err(s3_error!(
                RequestTimeTooSkewed,
                "The difference between the request time and the server's time is too large."
            ));
        }
        return Ok(());
    };
    if !(1..=EXPIRES_MAX).contains(&expires) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires must be at least 1 and less than a week (in seconds)"
        ));
    }
    if age < -SKEW_SECONDS {
        return Err(s3_error!(AccessDenied, "Request is not valid yet"));
    }
    if age > expires {
        return Err(s3_error!(AccessDenied, "Request has expired"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
