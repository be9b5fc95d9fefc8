//! What the permissions of files and directories allow the uid and gid of a key, for keys that are
//! bound by them.

use std::collections::HashMap;

use engine_bucket::{Bucket, BucketError, Info, InodeKind, Node};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door};
use crate::error::of_bucket;
use crate::keys::AccessKey;

const READ: u16 = 4;
const WRITE: u16 = 2;
const SEARCH: u16 = 1;
const STICKY: u16 = 0o1000;

/// How far the way to a key goes, and whether all of it may be searched.
struct Walked {
    node: Node,
    info: Info,
    /// All directories of the key are there.
    is_whole: bool,
}

fn denied() -> s3s::S3Error {
    s3_error!(
        AccessDenied,
        "The permissions of the file, or of a directory above it, do not allow it."
    )
}

/// Whether the permissions of a file allow `wanted`. The superuser may do everything.
async fn allows(bucket: &Bucket, key: &AccessKey, node: &Node, wanted: u16) -> S3Result<bool> {
    if key.uid == 0 {
        return Ok(true);
    }
    let allows = bucket.allows(node, (key.uid, key.gid), wanted).await;
    allows.map_err(of_bucket)
}

async fn demand(bucket: &Bucket, key: &AccessKey, node: &Node, wanted: u16) -> S3Result<()> {
    if allows(bucket, key, node, wanted).await? {
        return Ok(());
    }
    Err(denied())
}

/// Follows the directories of `path`, each of which must be searchable.
async fn walk(bucket: &Bucket, key: &AccessKey, path: &str) -> S3Result<Walked> {
    let mut node = bucket.root();
    let mut info = bucket.info(&node).await.map_err(of_bucket)?;
    let directories = path.rsplit_once('/').map_or("", |(above, _)| above);
    for name in directories.split('/').filter(|_| !directories.is_empty()) {
        demand(bucket, key, &node, SEARCH).await?;
        match bucket.lookup(&node, name.as_bytes()).await {
            Ok((next, of_next)) if of_next.kind == InodeKind::Directory => {
                (node, info) = (next, of_next);
            }
            Ok(_) | Err(BucketError::NotFound { .. }) => {
                return Ok(Walked {
                    node,
                    info,
                    is_whole: false,
                });
            }
            Err(error) => return Err(of_bucket(error)),
        }
    }
    demand(bucket, key, &node, SEARCH).await?;
    Ok(Walked {
        node,
        info,
        is_whole: true,
    })
}

/// What a key names, if anything.
async fn object(bucket: &Bucket, path: &str) -> S3Result<Option<(Node, Info)>> {
    match bucket.node_of(path.as_bytes()).await {
        Ok(node) => match bucket.info(&node).await {
            Ok(info) => Ok(Some((node, info))),
            Err(BucketError::NotFound { .. }) => Ok(None),
            Err(error) => Err(of_bucket(error)),
        },
        Err(BucketError::NotFound { .. }) => Ok(None),
        Err(error) => Err(of_bucket(error)),
    }
}

impl Door {
    /// Refuses to read an object that the key may not read.
    pub(crate) async fn allow_read(
        &self,
        bucket: &Bucket,
        call: &Call,
        path: &str,
    ) -> S3Result<()> {
        self.allow_on_object(bucket, call, path, READ).await
    }

    /// Refuses to change an object in place that the key may not write.
    pub(crate) async fn allow_change(
        &self,
        bucket: &Bucket,
        call: &Call,
        path: &str,
    ) -> S3Result<()> {
        self.allow_on_object(bucket, call, path, WRITE).await
    }

    async fn allow_on_object(
        &self,
        bucket: &Bucket,
        call: &Call,
        path: &str,
        wanted: u16,
    ) -> S3Result<()> {
        if !call.key.posix {
            return Ok(());
        }
        walk(bucket, &call.key, path).await?;
        match object(bucket, path).await? {
            Some((node, _)) => demand(bucket, &call.key, &node, wanted).await,
            None => Ok(()),
        }
    }

    /// Refuses to make, replace or remove a name where the key may not.
    pub(crate) async fn allow_write(
        &self,
        bucket: &Bucket,
        call: &Call,
        path: &str,
    ) -> S3Result<()> {
        if !call.key.posix {
            return Ok(());
        }
        // The directory of `dir/` is made in the one above.
        let path = path.strip_suffix('/').unwrap_or(path);
        let walked = walk(bucket, &call.key, path).await?;
        demand(bucket, &call.key, &walked.node, WRITE | SEARCH).await?;
        let is_sticky = walked.info.mode & STICKY != 0 && walked.is_whole;
        if !is_sticky || call.key.uid == 0 || call.key.uid == walked.info.uid {
            return Ok(());
        }
        match object(bucket, path).await? {
            Some((_, info)) if info.uid != call.key.uid => Err(denied()),
            _ => Ok(()),
        }
    }

    /// Refuses to list below a prefix whose directory the key may not read.
    pub(crate) async fn allow_list(
        &self,
        bucket: &Bucket,
        call: &Call,
        prefix: &str,
    ) -> S3Result<()> {
        if !call.key.posix {
            return Ok(());
        }
        let walked = walk(bucket, &call.key, prefix).await?;
        demand(bucket, &call.key, &walked.node, READ).await
    }
}

/// Which directories the key may list, remembered over a page.
#[derive(Default)]
pub(crate) struct Readable {
    known: HashMap<String, bool>,
}

impl Readable {
    /// Whether a key may be listed: all directories above it can be searched, the last one read.
    pub(crate) async fn shows(
        &mut self,
        bucket: &Bucket,
        key: &AccessKey,
        path: &str,
    ) -> S3Result<bool> {
        if !key.posix {
            return Ok(true);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        if let Some(known) = self.known.get(above) {
            return Ok(*known);
        }
        let shows = match walk(bucket, key, path).await {
            Ok(walked) => allows(bucket, key, &walked.node, READ).await?,
            Err(error) if error.code() == &s3s::S3ErrorCode::AccessDenied => false,
            Err(error) => return Err(error),
        };
        self.known.insert(above.to_owned(), shows);
        Ok(shows)
    }
}
