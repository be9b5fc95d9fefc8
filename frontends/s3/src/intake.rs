//! Taking a body in: received, hashed and staged at the same time, a block after the other.

use bytes::Bytes;
use engine_bucket::Upload;
use hyper::HeaderMap;
use s3s::{S3Result, s3_error};
use tokio::task::JoinHandle;

use crate::body::Payload;
use crate::digest::{Algorithm, Digests, Hashing, Promised};
use crate::error::of_bucket;

/// Bytes that are hashed and staged at once.
const BLOCK_BYTES: usize = 1 << 20;
/// Bodies up to this are hashed where they are received: handing them on would take longer.
const INLINE_BYTES: u64 = 64 << 10;

/// The running checksums: here, or on their way on another thread.
enum Hasher {
    Here(Box<Hashing>),
    Away(JoinHandle<Box<Hashing>>),
}

impl Hasher {
    async fn here(self) -> S3Result<Box<Hashing>> {
        match self {
            Self::Here(hashing) => Ok(hashing),
            Self::Away(task) => {
                let failed = |error| s3_error!(error, InternalError, "Hashing the body failed.");
                task.await.map_err(failed)
            }
        }
    }

    /// Hashes `block`, on another thread if `away` says so.
    async fn add(self, block: &[Bytes], away: bool) -> S3Result<Self> {
        let mut hashing = self.here().await?;
        if !away {
            block.iter().for_each(|data| hashing.update(data));
            return Ok(Self::Here(hashing));
        }
        let block = block.to_vec();
        let task = tokio::task::spawn_blocking(move || {
            block.iter().for_each(|data| hashing.update(data));
            hashing
        });
        Ok(Self::Away(task))
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
    payload: &mut Payload,
    upload: &mut Upload,
    promised: &Promised,
    also: Option<Algorithm>,
) -> S3Result<Taken> {
    let away = payload.declared().is_none_or(|bytes| bytes > INLINE_BYTES);
    let mut hasher = Hasher::Here(Box::new(Hashing::new(promised, also)));
    let mut bytes = 0;
    loop {
        let (block, is_last) = next_block(payload).await?;
        hasher = hasher.add(&block, away).await?;
        for data in &block {
            bytes += data.len() as u64;
            upload.write(data).await.map_err(of_bucket)?;
        }
        if is_last {
            break;
        }
    }
    let digests = hasher.here().await?.finish();
    let trailer: HeaderMap = payload.trailer();
    digests.check(promised, &trailer)?;
    Ok(Taken { digests, bytes })
}

/// Some more of the body, and whether that was the end.
async fn next_block(payload: &mut Payload) -> S3Result<(Vec<Bytes>, bool)> {
    let (mut block, mut bytes) = (Vec::new(), 0);
    while bytes < BLOCK_BYTES {
        match payload.next().await? {
            Some(data) => {
                bytes += data.len();
                block.push(data);
            }
            None => return Ok((block, true)),
        }
    }
    Ok((block, false))
}
