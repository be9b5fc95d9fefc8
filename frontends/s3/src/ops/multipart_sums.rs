//! Checksums of an object that is made of parts.

use engine_bucket::PartInfo;
use hyper::HeaderMap;
use s3s::dto::{ChecksumType, CompleteMultipartUploadInput, CompleteMultipartUploadOutput};
use s3s::{S3Result, s3_error};

use crate::digest::{Algorithm, combine, digest_of};
use crate::error::invalid_argument;
use crate::stored::Stored;
use crate::text::base64;
use crate::upload_name::UploadName;

/// The checksum of the whole, where every part has one of that kind.
fn whole(parts: &[(&PartInfo, Stored)], algorithm: Algorithm, is_full: bool) -> Option<Vec<u8>> {
    let mut values = Vec::with_capacity(parts.len());
    for (part, stored) in parts {
        let found = stored.values.iter().find(|value| value.0 == algorithm);
        values.push((found?.1.clone(), part.size));
    }
    if is_full {
        return combine(algorithm, &values);
    }
    let all: Vec<u8> = values.into_iter().flat_map(|value| value.0).collect();
    Some(digest_of(algorithm, &all))
}

/// The checksum of the object that a client gives: its algorithm and what stands there.
fn given_sum(headers: &HeaderMap) -> S3Result<Option<(Algorithm, &[u8])>> {
    let mut all = Algorithm::ALL.into_iter().filter_map(|algorithm| {
        let value = headers.get(algorithm.header())?;
        Some((algorithm, value.as_bytes()))
    });
    let first = all.next();
    if all.next().is_some() {
        return Err(s3_error!(
            InvalidRequest,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        ));
    }
    Ok(first)
}

/// The checksum that the object has, and whether it is one of all its bytes: what was said when the
/// upload was created, or else what its parts have.
fn kind_of(
    parts: &[(&PartInfo, Stored)],
    name: &UploadName,
    wanted: Option<&ChecksumType>,
) -> S3Result<Option<(Algorithm, bool)>> {
    let wants_full = match wanted.map(ChecksumType::as_str) {
        None => None,
        Some(ChecksumType::FULL_OBJECT) => Some(true),
        Some(ChecksumType::COMPOSITE) => Some(false),
        Some(_) => return Err(invalid_argument("The checksum type is unknown.")),
    };
    let first = parts.first().and_then(|(_, stored)| stored.values.first());
    let kind = match (name.checksum, first) {
        (Some(kind), _) => Some(kind),
        (None, Some((algorithm, _))) => {
            let can_be_full = !matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
            let is_full = *algorithm == Algorithm::Crc64Nvme;
            let is_full = is_full || (can_be_full && wants_full == Some(true));
            Some((*algorithm, is_full))
        }
        (None, None) => None,
    };
    match (kind, wants_full) {
        (Some((algorithm, is_full)), Some(wants)) if is_full != wants => {
            let name = algorithm.name();
            Err(s3_error!(
                InvalidRequest,
                "The {name} checksums of this upload are not of the type that \
                 x-amz-checksum-type says."
            ))
        }
        _ => Ok(kind),
    }
}

/// What is stored of the whole. A checksum that a client gives is compared with it, or refused.
pub(super) fn stored_of(
    parts: &[(&PartInfo, Stored)],
    name: &UploadName,
    input: &CompleteMultipartUploadInput,
    headers: &HeaderMap,
) -> S3Result<Stored> {
    let mut stored = Stored::default();
    for (part, _) in parts {
        stored.add_part(part.size);
    }
    let given = given_sum(headers)?;
    let kind = kind_of(parts, name, input.checksum_type.as_ref())?;
    let sum = kind.and_then(|(algorithm, is_full)| {
        let value = whole(parts, algorithm, is_full)?;
        Some((algorithm, is_full, value))
    });
    let Some((algorithm, is_full, value)) = sum else {
        return match given {
            None => Ok(stored),
            Some((given, _)) => {
                let given = given.name();
                Err(s3_error!(
                    InvalidRequest,
                    "The {given} of the object cannot be compared: not every part was uploaded \
                     with one. Create the upload with x-amz-checksum-algorithm."
                ))
            }
        };
    };
    stored.composite = (!is_full).then_some(parts.len());
    if let Some((other, _)) = given.filter(|given| given.0 != algorithm) {
        let (expected, other) = (algorithm.name(), other.name());
        return Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum \
             Type: {other}"
        ));
    }
    let text = stored.value_text(&value);
    let bare = base64(&value);
    let is_right = |given: &[u8]| given == text.as_bytes() || given == bare.as_bytes();
    if given.is_some_and(|given| !is_right(given.1)) {
        let name = algorithm.name();
        return Err(s3_error!(
            BadDigest,
            "The {name} you specified did not match the calculated checksum, {text}."
        ));
    }
    stored.values.push((algorithm, value));
    Ok(stored)
}

/// The answer to a completion that comes again, if what it says of the object is true.
pub(super) fn repeated(
    before: CompleteMultipartUploadOutput,
    headers: &HeaderMap,
) -> S3Result<CompleteMultipartUploadOutput> {
    let Some((algorithm, given)) = given_sum(headers)? else {
        return Ok(before);
    };
    let has = match algorithm {
        Algorithm::Crc32 => &before.checksum_crc32,
        Algorithm::Crc32c => &before.checksum_crc32c,
        Algorithm::Crc64Nvme => &before.checksum_crc64nvme,
        Algorithm::Sha1 => &before.checksum_sha1,
        Algorithm::Sha256 => &before.checksum_sha256,
    };
    let has = has.as_deref().unwrap_or_default();
    let bare = has.split_once('-').map_or(has, |(bare, _)| bare);
    if !has.is_empty() && (given == has.as_bytes() || given == bare.as_bytes()) {
        return Ok(before);
    }
    let name = algorithm.name();
    Err(s3_error!(
        BadDigest,
        "The {name} you specified did not match that of the object."
    ))
}
