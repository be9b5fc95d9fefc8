//! What a request is about: bucket and key, in the path or in the name of the host.

use hyper::http::request::Parts;
use s3s::path::check_bucket_name;
use s3s::{S3Result, s3_error};

use crate::text::percent_decode;

/// A bucket and a key, each empty if there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Target {
    pub(crate) bucket: String,
    pub(crate) key: String,
}

impl Target {
    /// Reads it from a request to a server that is reached under `domain`.
    pub(crate) fn of(parts: &Parts, domain: Option<&str>) -> S3Result<Self> {
        let path = percent_decode(parts.uri.path(), false);
        let path = String::from_utf8(path)
            .map_err(|error| s3_error!(error, InvalidURI, "The key is not UTF-8."))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        if let Some(bucket) = domain.and_then(|domain| bucket_in_host(parts, domain)) {
            return Ok(Self {
                bucket,
                key: path.to_owned(),
            });
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Parses the value of `x-amz-copy-source` and the like.
    pub(crate) fn of_source(value: &[u8]) -> S3Result<Self> {
        let invalid = || {
            s3_error!(
                InvalidArgument,
                "The source must be /BUCKET/KEY with the key percent-encoded."
            )
        };
        let text = std::str::from_utf8(value).map_err(|_| invalid())?;
        let (path, version) = text.split_once("?versionId=").unwrap_or((text, ""));
        if !matches!(version, "" | "null") {
            return Err(s3_error!(
                NoSuchVersion,
                "The specified version does not exist."
            ));
        }
        let decoded = String::from_utf8(percent_decode(path, false)).map_err(|_| invalid())?;
        let path = decoded.strip_prefix('/').unwrap_or(&decoded);
        let (bucket, key) = path.split_once('/').ok_or_else(invalid)?;
        if bucket.is_empty() || key.is_empty() {
            return Err(invalid());
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }

    /// Parses the value of `x-amz-rename-source`: a key of this bucket, or `/BUCKET/KEY`.
    pub(crate) fn rename_source(&self, value: &[u8]) -> S3Result<Self> {
        let decoded = std::str::from_utf8(value).map(|text| percent_decode(text, false));
        let key = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match key {
            Some(key) if !key.is_empty() && !key.starts_with('/') => Ok(Self {
                bucket: self.bucket.clone(),
                key,
            }),
            _ => Self::of_source(value),
        }
    }

    /// Whether the bucket is a snapshot: nothing changes it.
    pub(crate) fn is_snapshot(&self) -> bool {
        snapshot_in(&self.bucket).is_some()
    }

    /// A path for the library, which routes by its shape alone: the names in it are not used.
    pub(crate) const fn shape(&self) -> &'static str {
        match (self.bucket.is_empty(), self.key.is_empty()) {
            (true, _) => "/",
            (false, true) => "/bucket",
            (false, false) => "/bucket/key",
        }
    }
}

/// What stands between a bucket and the label of its snapshot.
const SNAPSHOT: &str = "--at--";
/// What a bucket's name must not end with, so that a snapshot's is taken apart in one way only.
const BEFORE_SNAPSHOT: &str = "--at";

/// The bucket and the label that the name of a snapshot is made of.
pub(crate) fn snapshot_in(bucket: &str) -> Option<(&str, &str)> {
    bucket.split_once(SNAPSHOT)
}

/// Whether a bucket of this name can be made: S3's rules, and nothing that may be a snapshot's.
#[must_use]
pub fn is_bucket_name(name: &str) -> bool {
    let may_be_snapshot = name.contains(SNAPSHOT) || name.ends_with(BEFORE_SNAPSHOT);
    check_bucket_name(name) && !may_be_snapshot
}

/// The bucket in `BUCKET.DOMAIN`.
fn bucket_in_host(parts: &Parts, domain: &str) -> Option<String> {
    let host = parts
        .headers
        .get("host")
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()))?;
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let at = name.len().checked_sub(domain.len())?;
    let (head, tail) = name.split_at_checked(at)?;
    let bucket = head.strip_suffix('.')?;
    let is_ours = tail.eq_ignore_ascii_case(domain) && !bucket.is_empty();
    is_ours.then(|| bucket.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
