//! Names of multipart uploads, as clients see them: the engine's, and what was said about checksums
//! when the upload was created, which is then known without storing it anywhere.

use engine_bucket::UploadId;
use s3s::{S3Result, s3_error};

use crate::digest::Algorithm;
use crate::text::hex;

/// What an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UploadName {
    pub(crate) id: UploadId,
    /// The checksum that its parts have, and whether the object's is one of all its bytes.
    pub(crate) checksum: Option<(Algorithm, bool)>,
}

impl UploadName {
    pub(crate) fn text(&self) -> String {
        let id = hex(&self.id.0);
        match self.checksum {
            None => id,
            Some((algorithm, whole)) => {
                let kind = if whole { "full" } else { "composite" };
                format!("{id}-{}-{kind}", algorithm.name())
            }
        }
    }

    pub(crate) fn parse(text: &str) -> S3Result<Self> {
        Self::try_parse(text).ok_or_else(|| {
            s3_error!(
                NoSuchUpload,
                "The specified upload does not exist: no upload has such an ID."
            )
        })
    }

    fn try_parse(text: &str) -> Option<Self> {
        let (id, rest) = text.split_once('-').unwrap_or((text, ""));
        let bytes = hex_simd::decode_to_vec(id).ok()?;
        let id = UploadId(bytes.try_into().ok()?);
        let checksum = match rest.split_once('-') {
            None if rest.is_empty() => None,
            Some((name, "full")) => Some((Algorithm::named(name)?, true)),
            Some((name, "composite")) => Some((Algorithm::named(name)?, false)),
            _ => return None,
        };
        Some(Self { id, checksum })
    }
}
