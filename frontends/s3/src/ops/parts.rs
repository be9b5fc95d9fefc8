//! The parts of an object that was uploaded in parts.

use engine_bucket::{Bucket, Info, ObjectReader};
use s3s::S3Result;

use crate::door::shown;
use crate::error::{no_such_key, not_implemented, of_bucket};
use crate::ops::end;
use crate::stored::Stored;

/// How many parts it was uploaded in, if the entity tag says so.
fn parts_of_tag(info: &Info) -> Option<usize> {
    let tag = std::str::from_utf8(info.entity_tag.as_deref()?).ok()?;
    tag.split_once('-')?.1.parse().ok()
}

/// A reader of an object, and what is stored with it, its parts among that if `with_parts`: where
/// too many of them differ in size to be kept with it, the content knows them.
pub(crate) async fn opened(
    bucket: &Bucket,
    key: &str,
    with_parts: bool,
) -> S3Result<(ObjectReader, Stored)> {
    loop {
        let seen = bucket.get(key.as_bytes()).await.map_err(of_bucket)?;
        shown(bucket, seen.lsn).await?;
        let reader = seen.found.ok_or_else(no_such_key)?;
        let mut stored = Stored::decode(reader.info().checksums.as_deref());
        let count = parts_of_tag(reader.info());
        let Some(count) = count.filter(|_| with_parts && stored.parts.is_empty()) else {
            return Ok((reader, stored));
        };
        let starts = reader.parts().await;
        let size = reader.info().size;
        match starts {
            Ok(Some(starts)) if starts.is_empty() || stored.set_parts(&starts, size, count) => {
                return Ok((reader, stored));
            }
            // Changed in place meanwhile: it is another object now.
            Ok(None) => end(reader).await,
            Ok(Some(_)) => {
                end(reader).await;
                return Err(not_implemented(
                    "Reading a part of an upload some of whose parts were empty",
                ));
            }
            Err(error) => {
                end(reader).await;
                return Err(of_bucket(error));
            }
        }
    }
}
