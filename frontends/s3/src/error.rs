//! Failures in the words of S3.

use std::borrow::Cow;

use engine_base::ErrorKind;
use engine_bucket::{BucketError, OBJECT_METADATA_BYTES_MAX};
use engine_pool::StoreError;
use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// An error with a code that the library has no name for.
pub(crate) fn custom(
    code: &'static str,
    status: StatusCode,
    message: impl Into<Cow<'static, str>>,
) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

/// There is no room for what a client wants to store. No retry helps before somebody deletes
/// something, and 507 is what clients do not retry.
pub(crate) fn no_space(message: String) -> S3Error {
    custom(
        "InsufficientStorage",
        StatusCode::INSUFFICIENT_STORAGE,
        message,
    )
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(crate) fn read_only() -> S3Error {
    s3_error!(
        MethodNotAllowed,
        "The bucket is a snapshot, which nothing changes: write to the bucket it was taken of."
    )
}

pub(crate) fn precondition_failed() -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold"
    )
}

/// What the client asks for is not there, and nothing pretends that it is.
pub(crate) fn not_implemented(what: &str) -> S3Error {
    s3_error!(NotImplemented, "{what} is not implemented.")
}

pub(crate) fn invalid_argument(what: &str) -> S3Error {
    s3_error!(InvalidArgument, "{what}")
}

pub(crate) fn metadata_too_large() -> S3Error {
    s3_error!(
        MetadataTooLarge,
        "Your metadata headers exceed the maximum allowed metadata size: \
         {OBJECT_METADATA_BYTES_MAX} bytes of names and values, content type and the like included"
    )
}

/// Says what an operation on a bucket failed of.
pub(crate) fn of_bucket(error: BucketError) -> S3Error {
    match error {
        BucketError::NotFound { what } => match what {
            "bucket" | "snapshot" => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
            "upload" => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload \
                 may have been aborted or completed."
            ),
            "part" => s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found, or its ETag is another."
            ),
            _ => no_such_key(),
        },
        BucketError::Exists { .. } => custom(
            "BucketAlreadyExists",
            StatusCode::CONFLICT,
            "The requested bucket name is not available.",
        ),
        BucketError::ReadOnly => read_only(),
        BucketError::HasSnapshots { .. } => {
            let text = error.to_string();
            s3_error!(BucketNotEmpty, "{text}")
        }
        BucketError::NotEmpty => s3_error!(
            BucketNotEmpty,
            "The bucket, or the directory, you tried to replace or delete is not empty"
        ),
        BucketError::InUse => custom(
            "BucketInUse",
            StatusCode::CONFLICT,
            "The bucket is mounted, or files are still open in it: unmount it first.",
        ),
        BucketError::TooLarge { what: "key", .. } => {
            s3_error!(KeyTooLongError, "Your key is too long")
        }
        BucketError::TooLarge { what, .. } if what.starts_with("metadata") => metadata_too_large(),
        BucketError::TooLarge { .. } => s3_error!(
            EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed size"
        ),
        // A name that the mount made, or one below or above it.
        BucketError::InTheWay | BucketError::NotRegular => custom(
            "KeyConflict",
            StatusCode::CONFLICT,
            "A symbolic link, a device or the like has that name, or one above it; remove it \
             through the mount.",
        ),
        BucketError::NotDirectory
        | BucketError::IsDirectory
        | BucketError::Below
        | BucketError::TooManyLinks { .. } => {
            let text = error.to_string();
            custom("KeyConflict", StatusCode::CONFLICT, text)
        }
        BucketError::Held => custom("OperationAborted", StatusCode::CONFLICT, error.to_string()),
        BucketError::Quota { .. } => {
            let text = error.to_string();
            custom("QuotaExceeded", StatusCode::FORBIDDEN, text)
        }
        BucketError::OtherProject => {
            let text = error.to_string();
            s3_error!(InvalidRequest, "{text}")
        }
        BucketError::Precondition => precondition_failed(),
        BucketError::Name { .. } | BucketError::Invalid { .. } => {
            invalid_argument(&error.to_string())
        }
        BucketError::Store(error) => of_store(error),
    }
}

fn of_store(error: StoreError) -> S3Error {
    match error.kind() {
        ErrorKind::NotFound => s3_error!(NoSuchBucket, "The specified bucket does not exist"),
        ErrorKind::Exists => custom(
            "BucketAlreadyExists",
            StatusCode::CONFLICT,
            "The requested bucket name is not available.",
        ),
        ErrorKind::Invalid => invalid_argument(&error.to_string()),
        ErrorKind::NoSpace => no_space(error.to_string()),
        ErrorKind::Busy => s3_error!(SlowDown, "Please reduce your request rate."),
        ErrorKind::Locked => s3_error!(AccessDenied, "The key of the bucket is not here."),
        // A retry after a restart, or on another server, may find it well.
        ErrorKind::Poisoned | ErrorKind::Closed => {
            tracing::error!(%error, "the pool takes no changes");
            s3_error!(
                ServiceUnavailable,
                "The storage does not take requests now."
            )
        }
        ErrorKind::Corrupt | ErrorKind::Io => {
            tracing::error!(%error, "a request failed");
            s3_error!(
                InternalError,
                "We encountered an internal error: stored data could not be read or written."
            )
        }
    }
}
