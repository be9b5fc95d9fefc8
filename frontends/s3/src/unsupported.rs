//! What is not there, and must not look as if it were: it is refused before anything is done.

use hyper::Method;
use hyper::http::request::Parts;
use s3s::{S3Result, s3_error};

use crate::digest::Algorithm;
use crate::error::{custom, invalid_argument, not_implemented};
use crate::query::Query;
use crate::target::Target;

/// Headers that ask for more than storing an object, by their beginnings.
const PROMISES: [(&str, &str); 7] = [
    ("x-amz-server-side-encryption", "Encryption by the server"),
    (
        "x-amz-copy-source-server-side-encryption",
        "Encryption by the server",
    ),
    ("x-amz-object-lock-", "Object lock"),
    ("x-amz-bucket-object-lock-enabled", "Object lock"),
    ("x-amz-website-redirect-location", "Redirecting"),
    ("x-amz-grant-", "An access control list"),
    ("x-amz-object-ownership", "Object ownership"),
];
/// What S3 has besides an object or a bucket as such. A request for one of them that is not there
/// must not act on the object or the bucket instead.
const PARTS_OF_THE_API: [&str; 40] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "events",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
];

/// Those that are there.
fn is_there(method: &Method, target: &Target, name: &str) -> bool {
    let names: &[&str] = match (method.as_str(), target.key.is_empty()) {
        ("GET", false) => &["attributes", "partNumber", "tagging", "uploadId"],
        ("HEAD", false) => &["partNumber"],
        ("PUT", false) => &["partNumber", "renameObject", "tagging", "uploadId"],
        ("POST", false) => &["uploadId", "uploads"],
        ("DELETE", false) => &["tagging", "uploadId"],
        ("GET", true) => &["location", "uploads", "versioning", "versions"],
        ("POST", true) => &["delete"],
        _ => &[],
    };
    names.contains(&name)
}

/// Access control lists that say what is so anyway: what a key may do, it may do to all objects.
const USUAL_LISTS: [&str; 2] = ["private", "bucket-owner-full-control"];
const USUAL_OWNERSHIP: &str = "BucketOwnerEnforced";
const USUAL_CLASS: &str = "STANDARD";
/// Headers that name the account a bucket should be owned by.
const OWNERS: [&str; 2] = [
    "x-amz-expected-bucket-owner",
    "x-amz-source-expected-bucket-owner",
];

/// Refuses what is not there, and what the library would take for something else or read into
/// memory.
pub(crate) fn refuse(parts: &Parts, target: &Target, query: &Query) -> S3Result<()> {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let is_form =
        header("content-type").is_some_and(|text| text.starts_with("multipart/form-data"));
    if parts.method == Method::POST && is_form {
        return Err(not_implemented("Uploading by a form (POST Object)"));
    }
    if target.bucket.is_empty() && !target.key.is_empty() {
        return Err(s3_error!(
            InvalidBucketName,
            "The specified bucket is not valid."
        ));
    }
    if !matches!(query.get("versionId").unwrap_or_default(), "" | "null") {
        return Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist: buckets have no versions."
        ));
    }
    let missing = PARTS_OF_THE_API
        .iter()
        .find(|name| query.has(name) && !is_there(&parts.method, target, name));
    if let Some(name) = missing {
        let text = format!("{} of ?{name}", parts.method);
        return Err(not_implemented(&text));
    }
    if parts.method == Method::PUT && query.has("partNumber") != query.has("uploadId") {
        return Err(invalid_argument(
            "A part needs both partNumber and uploadId.",
        ));
    }
    let is_off = |name: &str| match name {
        "x-amz-object-ownership" => header(name) == Some(USUAL_OWNERSHIP),
        "x-amz-bucket-object-lock-enabled" => header(name) == Some("false"),
        _ => false,
    };
    for name in parts.headers.keys().map(hyper::header::HeaderName::as_str) {
        let promise = PROMISES.iter().find(|(begin, _)| name.starts_with(begin));
        if let Some((_, what)) = promise.filter(|_| !is_off(name)) {
            return Err(not_implemented(what));
        }
    }
    refuse_checksums(parts)?;
    if header("x-amz-acl").is_some_and(|list| !USUAL_LISTS.contains(&list)) {
        return Err(not_implemented("An access control list other than private"));
    }
    if header("x-amz-storage-class").is_some_and(|class| class != USUAL_CLASS) {
        return Err(s3_error!(
            InvalidStorageClass,
            "The storage class you specified is not valid: there is STANDARD."
        ));
    }
    if OWNERS.iter().any(|name| parts.headers.contains_key(*name)) {
        return Err(custom(
            "AccessDenied",
            hyper::StatusCode::FORBIDDEN,
            "Buckets are not owned by accounts here.",
        ));
    }
    if target.key.contains('\0') && parts.method == Method::PUT {
        return Err(invalid_argument("Keys have no zero characters."));
    }
    Ok(())
}

/// What begins like the header of a checksum, and is about checksums.
const ABOUT_CHECKSUMS: [&str; 3] = ["algorithm", "mode", "type"];

/// Refuses checksums that nobody here can verify, before the body or behind it.
fn refuse_checksums(parts: &Parts) -> S3Result<()> {
    let check = |name: &str| match name.strip_prefix("x-amz-checksum-") {
        Some(kind) if Algorithm::named(kind).is_none() => {
            Err(not_implemented(&format!("The checksum {kind}")))
        }
        _ => Ok(()),
    };
    for name in parts.headers.keys().map(hyper::header::HeaderName::as_str) {
        let kind = name.strip_prefix("x-amz-checksum-").unwrap_or_default();
        if !ABOUT_CHECKSUMS.contains(&kind) {
            check(name)?;
        }
    }
    for value in parts.headers.get_all("x-amz-trailer") {
        let names = value
            .to_str()
            .map_err(|_| invalid_argument("x-amz-trailer is text."))?;
        for name in names.split(',') {
            check(&name.trim().to_ascii_lowercase())?;
        }
    }
    Ok(())
}
