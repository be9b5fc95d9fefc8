//! What is computed of a body while it comes.

use hyper::{HeaderMap, StatusCode};
use s3s::{S3Result, s3_error};
use sha2::{Digest as _, Sha256};

use super::{Algorithm, Md5, Promised, Running};
use crate::error::custom;
use crate::text::base64;

/// Running checksums over a body.
pub(crate) struct Hashing {
    md5: Md5,
    sums: Sums,
}

/// Those of them that are no entity tag.
pub(crate) struct Sums {
    sha256: Option<Sha256>,
    checksum: Option<(Algorithm, Running)>,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Digests {
    pub(crate) md5: [u8; 16],
    sha256: Option<[u8; 32]>,
    pub(crate) checksum: Option<(Algorithm, Vec<u8>)>,
}

impl Hashing {
    /// The checksums that `promised` needs, and one more if `also` names another.
    pub(crate) fn new(promised: &Promised, also: Option<Algorithm>) -> Self {
        Self {
            md5: Md5::new(),
            sums: Sums::new(promised, also),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.md5.update(data);
        self.sums.update(data);
    }

    pub(crate) fn finish(self) -> Digests {
        self.sums.finish(self.md5.finish())
    }
}

impl Sums {
    /// As [`Hashing::new`].
    pub(crate) fn new(promised: &Promised, also: Option<Algorithm>) -> Self {
        let wanted = promised.checksum.as_ref().map(|checksum| checksum.0);
        Self {
            sha256: promised.sha256.map(|_| Sha256::new()),
            checksum: wanted
                .or(also)
                .map(|algorithm| (algorithm, Running::new(algorithm))),
        }
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(data);
        }
        if let Some((_, running)) = &mut self.checksum {
            running.update(data);
        }
    }

    /// All checksums of a body with that MD5.
    pub(crate) fn finish(self, md5: [u8; 16]) -> Digests {
        Digests {
            md5,
            sha256: self.sha256.map(|sha256| sha256.finalize().into()),
            checksum: self
                .checksum
                .map(|(algorithm, running)| (algorithm, running.finish(algorithm.bytes()))),
        }
    }
}

impl Digests {
    /// Compares what came with what was promised, in headers or in the trailer.
    pub(crate) fn check(&self, promised: &Promised, trailer: &HeaderMap) -> S3Result<()> {
        if promised.md5.as_ref().is_some_and(|md5| md5[..] != self.md5) {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
        if promised.sha256 != self.sha256 {
            return Err(custom(
                "XAmzContentSHA256Mismatch",
                StatusCode::BAD_REQUEST,
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ));
        }
        let (Some((algorithm, given)), Some((_, came))) = (&promised.checksum, &self.checksum)
        else {
            return Ok(());
        };
        let given = match given {
            None if promised.in_trailer => algorithm.in_headers(trailer)?.map_or_else(
                || {
                    let header = algorithm.header();
                    Err(malformed_trailer(&header))
                },
                |value| Ok(Some(value)),
            )?,
            given => given.clone(),
        };
        if given.is_some_and(|given| given != *came) {
            let name = algorithm.name().to_ascii_uppercase();
            return Err(s3_error!(
                BadDigest,
                "The {name} you specified did not match the calculated checksum, {}.",
                base64(came)
            ));
        }
        Ok(())
    }
}

fn malformed_trailer(header: &str) -> s3s::S3Error {
    custom(
        "MalformedTrailerError",
        StatusCode::BAD_REQUEST,
        format!("The trailer has no {header}."),
    )
}
