//! Taking a body in: received, hashed and staged at the same time, a piece after the other.

use bytes::Bytes;
use engine_bucket::Upload;
use hyper::HeaderMap;
use s3s::S3Result;

use crate::body::Payload;
use crate::digest::{Algorithm, Digests, Md5, Promised, Sums};
use crate::error::of_bucket;
use crate::hashers::{BodyHash, Hashers};

/// Bodies up to this are hashed where they are received: handing them on would take longer.
const INLINE_BYTES: u64 = 64 << 10;

/// The entity tag in the making: here, or on other threads.
enum Tag<'a> {
    Here(Md5),
    Beside(BodyHash<'a>),
}

impl Tag<'_> {
    async fn add(&mut self, data: &Bytes) -> S3Result<()> {
        match self {
            Self::Here(md5) => md5.update(data),
            Self::Beside(hash) => hash.add(data.clone()).await?,
        }
        Ok(())
    }

    async fn finish(self) -> S3Result<[u8; 16]> {
        match self {
            Self::Here(md5) => Ok(md5.finish()),
            Self::Beside(hash) => hash.finish().await,
        }
    }
}

/// A body that came whole and as promised.
pub(crate) struct Taken {
    pub(crate) digests: Digests,
    pub(crate) bytes: u64,
}

/// Stages a body, and checks it against what was promised. If anything is wrong nothing may be
/// published.
pub(crate) async fn take(
    hashers: &Hashers,
    payload: &mut Payload,
    upload: &mut Upload,
    promised: &Promised,
    also: Option<Algorithm>,
) -> S3Result<Taken> {
    let is_small = payload
        .declared()
        .is_some_and(|bytes| bytes <= INLINE_BYTES);
    let mut tag = if is_small {
        Tag::Here(Md5::new())
    } else {
        Tag::Beside(hashers.body())
    };
    let mut sums = Sums::new(promised, also);
    let mut bytes = 0;
    while let Some(data) = payload.next().await? {
        bytes += data.len() as u64;
        // What takes longest first: it goes on beside the rest.
        tag.add(&data).await?;
        sums.update(&data);
        upload.write(&data).await.map_err(of_bucket)?;
    }
    let digests = sums.finish(tag.finish().await?);
    let trailer: HeaderMap = payload.trailer();
    digests.check(promised, &trailer)?;
    Ok(Taken { digests, bytes })
}
