//! Putting very many small objects.

use std::future::poll_fn;
use std::task::Poll;

use engine_bucket::{Ack, Bucket, ObjectMetadata};
use engine_pool::Pool;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::OWNER;

/// What each object holds.
pub(crate) const CONTENT: [u8; 100] = [0xc5; 100];
/// Puts in flight.
const DEPTH: usize = 64;

/// Puts an object as an object API does.
pub(crate) async fn put(bucket: &Bucket, key: &str, ack: Ack) -> anyhow::Result<()> {
    let mut upload = bucket.upload();
    upload.write(&CONTENT).await?;
    let object = ObjectMetadata {
        entity_tag: Some(vec![b'e'; 16]),
        ..ObjectMetadata::default()
    };
    let put = upload.finish(key.as_bytes(), OWNER, &object, None, ack);
    put.await?;
    Ok(())
}

/// Puts all `keys`, many at once. Tells how many there are from time to time.
pub(crate) async fn load(
    pool: &Pool,
    bucket: &Bucket,
    mut keys: impl Iterator<Item = String>,
    tell: impl Fn(usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut count = 0;
    loop {
        let next: Vec<String> = keys.by_ref().take(DEPTH).collect();
        if next.is_empty() {
            return Ok(());
        }
        let puts = next.iter().map(|key| put(bucket, key, Ack::Written));
        let mut puts: FuturesUnordered<_> = puts.collect();
        // Polled once under the plug, all of them join one group.
        {
            let plug = pool.plug();
            let first = poll_fn(|cx| Poll::Ready(puts.poll_next_unpin(cx))).await;
            if let Poll::Ready(Some(result)) = first {
                result?;
            }
            drop(plug);
        }
        while let Some(result) = puts.next().await {
            result?;
        }
        count += next.len();
        if count % (1 << 20) < DEPTH {
            tell(count)?;
        }
    }
}
