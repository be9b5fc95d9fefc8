//! Checksums of bodies: what was promised, and what came.

mod hashing;
mod md5;

use crc_fast::CrcAlgorithm;
use hyper::HeaderMap;
use s3s::{S3Result, s3_error};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::text::base64_decode;

pub(crate) use hashing::{Digests, Hashing, Sums};
pub(crate) use md5::{LANES, Lane, Md5, update_together};

/// A checksum that clients may give and ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// Its name in lower case; that of its header is `x-amz-checksum-` and this.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64Nvme => "crc64nvme",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(crate) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name())
    }

    /// The value in a header.
    pub(crate) fn in_headers(self, headers: &HeaderMap) -> S3Result<Option<Vec<u8>>> {
        let Some(value) = headers.get(self.header()) else {
            return Ok(None);
        };
        let decoded = base64_decode(value.as_bytes());
        let decoded = decoded.filter(|decoded| decoded.len() == self.bytes());
        decoded.map(Some).ok_or_else(|| {
            let header = self.header();
            s3_error!(InvalidRequest, "Value for {header} header is invalid.")
        })
    }
}

/// One running checksum.
enum Running {
    Crc(crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Running {
    fn new(algorithm: Algorithm) -> Self {
        let crc = |crc| Self::Crc(crc_fast::Digest::new(crc));
        match algorithm {
            Algorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(data),
            Self::Sha1(sha) => sha.update(data),
            Self::Sha256(sha) => sha.update(data),
        }
    }

    fn finish(self, bytes: usize) -> Vec<u8> {
        match self {
            Self::Crc(crc) => crc.finalize().to_be_bytes()[8 - bytes..].to_vec(),
            Self::Sha1(sha) => sha.finalize().to_vec(),
            Self::Sha256(sha) => sha.finalize().to_vec(),
        }
    }
}

/// The checksum of data that is there as a whole.
pub(crate) fn digest_of(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
    let mut running = Running::new(algorithm);
    running.update(data);
    running.finish(algorithm.bytes())
}

/// The checksum of data from those of its pieces, each with its bytes. Only CRCs have one.
pub(crate) fn combine(algorithm: Algorithm, pieces: &[(Vec<u8>, u64)]) -> Option<Vec<u8>> {
    let crc = match algorithm {
        Algorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        Algorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        Algorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
        Algorithm::Sha1 | Algorithm::Sha256 => return None,
    };
    let number = |value: &[u8]| {
        value
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let mut pieces = pieces.iter();
    let mut all = number(&pieces.next()?.0);
    for (value, bytes) in pieces {
        all = crc_fast::checksum_combine(crc, all, number(value), *bytes);
    }
    Some(all.to_be_bytes()[8 - algorithm.bytes()..].to_vec())
}

/// What a body is promised to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promised {
    md5: Option<Vec<u8>>,
    sha256: Option<[u8; 32]>,
    /// The one checksum of the request; without a value it comes in the trailer or is wanted only.
    pub(crate) checksum: Option<(Algorithm, Option<Vec<u8>>)>,
    /// The value comes behind the body.
    in_trailer: bool,
}

impl Promised {
    /// Reads the headers of a request; `sha256` comes from its signature. Where the body is the
    /// document that completes an upload, a checksum in the headers is one of the object.
    pub(crate) fn of(
        headers: &HeaderMap,
        sha256: Option<[u8; 32]>,
        completes: bool,
    ) -> S3Result<Self> {
        let mut promised = Self {
            sha256,
            ..Self::default()
        };
        if let Some(value) = headers.get("content-md5") {
            let decoded = base64_decode(value.as_bytes()).filter(|decoded| decoded.len() == 16);
            let invalid = || s3_error!(InvalidDigest, "The Content-MD5 you specified is invalid.");
            promised.md5 = Some(decoded.ok_or_else(invalid)?);
        }
        for algorithm in Algorithm::ALL.into_iter().filter(|_| !completes) {
            if let Some(value) = algorithm.in_headers(headers)? {
                promised.add(algorithm, Some(value))?;
            }
        }
        let trailers = headers.get_all("x-amz-trailer").into_iter();
        for names in trailers.filter_map(|value| value.to_str().ok()) {
            for name in names.split(',') {
                let name = name.trim().to_ascii_lowercase();
                let algorithm = name.strip_prefix("x-amz-checksum-");
                if let Some(algorithm) = algorithm.and_then(Algorithm::named) {
                    promised.add(algorithm, None)?;
                    promised.in_trailer = true;
                }
            }
        }
        let wanted = headers.get("x-amz-sdk-checksum-algorithm");
        let wanted = wanted.and_then(|value| value.to_str().ok());
        if let (Some(name), None) = (wanted, &promised.checksum) {
            promised.checksum = Algorithm::named(name).map(|algorithm| (algorithm, None));
        }
        Ok(promised)
    }

    fn add(&mut self, algorithm: Algorithm, value: Option<Vec<u8>>) -> S3Result<()> {
        if self.checksum.is_some() {
            return Err(s3_error!(
                InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not \
                 allowed."
            ));
        }
        self.checksum = Some((algorithm, value));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
