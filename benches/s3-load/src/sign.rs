//! Signatures (AWS Signature Version 4) with a key that is derived once.

use std::fmt::Write as _;

use engine_base::{Clock, SystemClock};
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::http::request::Builder;
use hyper::{Method, Request};
use sha2::{Digest as _, Sha256};

use crate::Target;

/// The hash of nothing.
pub(crate) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const HEADERS: &str = "host;x-amz-content-sha256;x-amz-date";

/// Signs requests to one server within one day.
pub(crate) struct Signer {
    key: [u8; 32],
    credential: String,
    scope: String,
    host: String,
}

impl Signer {
    pub(crate) fn new(target: &Target) -> anyhow::Result<Self> {
        let day = time("%Y%m%d")?;
        let scope = format!("{day}/{}/s3/aws4_request", target.region);
        let mut key = mac(format!("AWS4{}", target.secret).as_bytes(), day.as_bytes());
        for part in [&target.region[..], "s3", "aws4_request"] {
            key = mac(&key, part.as_bytes());
        }
        Ok(Self {
            key,
            credential: format!("{}/{scope}", target.id),
            scope,
            host: target.server.to_string(),
        })
    }

    /// A request whose body has this hash, up to the body. Nothing in `path` needs to be encoded.
    pub(crate) fn request(
        &self,
        method: &Method,
        path: &str,
        hash: &str,
    ) -> anyhow::Result<Builder> {
        let now = time("%Y%m%dT%H%M%SZ")?;
        let host = &self.host;
        let canonical = format!(
            "{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{now}\n\n\
             {HEADERS}\n{hash}"
        );
        let digest = hex(&Sha256::digest(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{}\n{digest}", self.scope);
        let signature = hex(&mac(&self.key, text.as_bytes()));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}, SignedHeaders={HEADERS}, Signature={signature}",
            self.credential
        );
        Ok(Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header("x-amz-content-sha256", hash)
            .header("x-amz-date", now)
            .header("authorization", authorization))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    // Any length of key is taken, so there is no other case.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mac| {
        mac.chain_update(data).finalize().into_bytes().into()
    })
}

fn time(format: &str) -> anyhow::Result<String> {
    let seconds = i64::try_from(SystemClock.unix_nanos() / 1_000_000_000)?;
    let now = jiff::Timestamp::from_second(seconds)?;
    Ok(now.strftime(format).to_string())
}
