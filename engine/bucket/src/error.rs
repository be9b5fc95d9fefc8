//! The one error of buckets.

use engine_format::FormatError;
use engine_pool::StoreError;

/// Why an operation on a bucket did nothing. Frontends say it in their protocols' words.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BucketError {
    /// There is nothing of that name, or no such bucket, attribute, upload or part.
    #[error("there is no such {what}; list what there is")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
    },
    /// The name is taken.
    #[error("there is a {what} of that name already; choose another one or remove it")]
    Exists {
        /// Kind of thing.
        what: &'static str,
    },
    /// A directory is needed, and this is none.
    #[error("this is no directory")]
    NotDirectory,
    /// It is a directory, and something else is needed.
    #[error("this is a directory")]
    IsDirectory,
    /// It is a symbolic link, a device or the like, where a regular file is needed.
    #[error("this is no regular file")]
    NotRegular,
    /// The directory, or the bucket, holds something.
    #[error("the directory is not empty")]
    NotEmpty,
    /// It is a snapshot: nothing changes it.
    #[error("a snapshot does not change; change the bucket, or create one from the snapshot")]
    ReadOnly,
    /// The bucket has snapshots.
    #[error("the bucket has snapshots ({label:?}); delete those first")]
    HasSnapshots {
        /// One of them.
        label: String,
    },
    /// The bucket is mounted, or files of it are still open there.
    #[error(
        "the bucket is mounted, or files are still open in it; close them and unmount it first"
    )]
    InUse,
    /// A name has no place in this view of the bucket.
    #[error("the name is refused: {why}")]
    Name {
        /// The rule.
        why: &'static str,
    },
    /// A key, a name, a value or a file would be too large.
    #[error("the {what} is too large: at most {max} bytes are allowed")]
    TooLarge {
        /// Kind of thing.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A symbolic link, a device or the like stands in the way of a key.
    #[error("something that is no object has that name; remove it through the mount")]
    InTheWay,
    /// A directory would be moved into itself.
    #[error("a directory cannot be moved below itself")]
    Below,
    /// The file has as many names as it can.
    #[error("the file has {max} names, which is the most")]
    TooManyLinks {
        /// The limit.
        max: u32,
    },
    /// An observer holds content of the file back, or would not see an append to it.
    #[error("the file is held by a mount that writes back; close it there, or try again")]
    Held,
    /// The quota of a directory above, or of the bucket, would be passed. Nothing changed.
    #[error(
        "the quota allows {max} {what} here, and this would be more; remove something or raise it"
    )]
    Quota {
        /// What is limited.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// A name would move from below one quota to below another one.
    #[error("the two directories count for different quotas; copy and remove instead")]
    OtherProject,
    /// What the caller demanded of the state is not so.
    #[error("a precondition does not hold")]
    Precondition,
    /// An argument makes no sense.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The pool.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BucketError {
    pub(crate) const fn no(what: &'static str) -> Self {
        Self::NotFound { what }
    }

    /// A record that does not decode.
    pub(crate) fn damaged(error: &FormatError) -> Self {
        Self::inconsistent(format!("a record of a bucket: {error}"))
    }

    pub(crate) const fn inconsistent(what: String) -> Self {
        Self::Store(StoreError::Inconsistent { what })
    }
}
