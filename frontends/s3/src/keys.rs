//! Access keys: who may do what.

use std::fmt;
use std::sync::Arc;

use engine_bucket::Owner;

use crate::target::snapshot_in;

/// An access key and what it may do.
#[derive(Clone)]
pub struct AccessKey {
    /// Its public name.
    pub id: String,
    /// What requests are signed with.
    pub secret: String,
    /// The only bucket that it may use, with its snapshots; `None`: all, and it may create and
    /// delete buckets.
    pub bucket: Option<String>,
    /// It may only read.
    pub read_only: bool,
    /// Owner of files and directories that it makes.
    pub uid: u32,
    /// Group of files and directories that it makes.
    pub gid: u32,
    /// Permissions that these do not get.
    pub umask: u16,
    /// It may do only what the permissions of files and directories allow that uid and gid.
    pub posix: bool,
}

impl AccessKey {
    /// Whose new files are.
    pub(crate) const fn owner(&self) -> Owner {
        Owner {
            uid: self.uid,
            gid: self.gid,
            umask: self.umask,
        }
    }

    /// Whether it may use `bucket`, or the bucket that it is a snapshot of, at all.
    pub(crate) fn may_use(&self, bucket: &str) -> bool {
        let of = snapshot_in(bucket).map_or(bucket, |(of, _)| of);
        self.bucket.as_deref().is_none_or(|only| only == of)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("id", &self.id)
            .field("bucket", &self.bucket)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// Where access keys are found.
pub trait Keys: Send + Sync + 'static {
    /// The key with that id. Asked once for each request, so it must be cheap and not block.
    fn find(&self, id: &str) -> Option<Arc<AccessKey>>;
}
