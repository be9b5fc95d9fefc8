//! Errors of the engine in the kernel's numbers.

use engine_base::ErrorKind;
use engine_bucket::BucketError;
use fuser::Errno;

/// What a system call answers.
pub(crate) fn errno(error: &BucketError) -> Errno {
    match error {
        // Deleted while somebody is in it.
        BucketError::NotFound { what: "snapshot" } => Errno::ESTALE,
        BucketError::NotFound { .. } => Errno::ENOENT,
        // In the way of a key: as if the name were taken.
        BucketError::Exists { .. } | BucketError::InTheWay => Errno::EEXIST,
        BucketError::NotDirectory => Errno::ENOTDIR,
        BucketError::IsDirectory => Errno::EISDIR,
        BucketError::NotRegular
        | BucketError::Name { .. }
        | BucketError::Below
        | BucketError::Invalid { .. } => Errno::EINVAL,
        BucketError::NotEmpty => Errno::ENOTEMPTY,
        BucketError::InUse | BucketError::HasSnapshots { .. } => Errno::EBUSY,
        BucketError::ReadOnly => Errno::EROFS,
        BucketError::TooLarge { what, .. } => too_large(what),
        BucketError::TooManyLinks { .. } => Errno::EMLINK,
        BucketError::Quota { .. } => Errno::EDQUOT,
        BucketError::OtherProject => Errno::EXDEV,
        // No request of a mount has one.
        BucketError::Precondition | BucketError::Held => Errno::EIO,
        BucketError::Store(source) => {
            let number = of_kind(source.kind());
            if number == Errno::EIO {
                tracing::error!(error = %source, "a request of a mount failed");
            }
            number
        }
    }
}

/// The limit that was crossed has a number of its own where POSIX has one.
fn too_large(what: &str) -> Errno {
    match what {
        "name" | "target" | "key" => Errno::ENAMETOOLONG,
        "attribute" | "metadata of the object" => Errno::E2BIG,
        "file" => Errno::EFBIG,
        // The sum of all attributes: as where there is no room for more.
        _ => Errno::ENOSPC,
    }
}

const fn of_kind(kind: ErrorKind) -> Errno {
    match kind {
        ErrorKind::NotFound => Errno::ENOENT,
        ErrorKind::Exists => Errno::EEXIST,
        ErrorKind::Invalid => Errno::EINVAL,
        ErrorKind::NoSpace => Errno::ENOSPC,
        ErrorKind::Busy => Errno::EBUSY,
        ErrorKind::Locked => Errno::EACCES,
        // A pool that cannot write any more answers as a disk that failed.
        ErrorKind::Corrupt | ErrorKind::Poisoned | ErrorKind::Io | ErrorKind::Closed => Errno::EIO,
    }
}

/// The error of an extended attribute: what is not there has a number of its own.
pub(crate) fn attribute_errno(error: &BucketError) -> Errno {
    match error {
        BucketError::NotFound { what: "attribute" } => Errno::ENODATA,
        // As in [`crate::door::run_on`].
        BucketError::NotFound { what: "file" } => Errno::ESTALE,
        BucketError::Name { .. } => Errno::ERANGE,
        error => errno(error),
    }
}
