//! Why a mount was not made or not taken away.

use std::io;
use std::path::PathBuf;

use engine_bucket::BucketError;

/// Why a mount was not made or not taken away.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The bucket cannot be opened.
    #[error("bucket {bucket} cannot be mounted: {source}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// Why.
        #[source]
        source: Box<BucketError>,
    },
    /// It is mounted with other caching, and all mounts of a bucket share one cache.
    #[error(
        "bucket {bucket} is mounted with another setting of write-back; unmount it first or mount \
         it the same way"
    )]
    OtherCaching {
        /// Its name.
        bucket: String,
    },
    /// Something is mounted there already.
    #[error("something is mounted at {}; unmount it or choose another directory", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// There is no directory to mount on, and none could be made.
    #[error("{} is no directory to mount on: {source}", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("{step} for {} failed: {source}; mounting needs root and /dev/fuse", path.display())]
    System {
        /// What was done.
        step: &'static str,
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No bucket of this server is mounted there.
    #[error("no bucket is mounted at {}; list the mounts", path.display())]
    NotMounted {
        /// The directory.
        path: PathBuf,
    },
    /// Somebody has files open there.
    #[error("{} is in use; close what is open below it and try again", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
}
