//! What serves operations, and what each of them is told.

use std::sync::Arc;
use std::time::Duration;

use engine_base::Lsn;
use engine_bucket::{Bucket, Buckets, ObjectHead};
use hyper::http::Extensions;
use parking_lot::Mutex;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use tokio::sync::Semaphore;

use crate::body::Payload;
use crate::digest::Promised;
use crate::error::{no_such_key, of_bucket, read_only};
use crate::hashers::Hashers;
use crate::keys::AccessKey;
use crate::metrics::{Class, Metrics};
use crate::target::{Target, snapshot_in};

/// The buckets, as operations see them.
pub(crate) struct Door {
    pub(crate) buckets: Buckets,
    pub(crate) region: String,
    /// How long a client may take nothing of an answer.
    pub(crate) stall_time: Duration,
    /// Places for appends, whose bodies are held in memory.
    pub(crate) appends: Semaphore,
    pub(crate) hashers: Hashers,
}

/// One request: who, what about, and what came with it.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) key: Arc<AccessKey>,
    pub(crate) target: Target,
    /// Of copies and renames.
    pub(crate) source: Option<Target>,
    pub(crate) promised: Promised,
    /// A body that becomes an object.
    pub(crate) payload: Arc<Mutex<Option<Payload>>>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Call {
    /// The call that a request is.
    pub(crate) fn of(extensions: &mut Extensions) -> S3Result<Self> {
        let call = extensions.remove::<Self>();
        call.ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))
    }

    /// Refuses what the key may not do, and counts what it may.
    pub(crate) fn check(&self, operation: &str) -> S3Result<()> {
        let reads = ["Get", "Head", "List"];
        let is_read = reads.iter().any(|verb| operation.starts_with(verb));
        let of_buckets = matches!(operation, "CreateBucket" | "DeleteBucket");
        // A name that nobody can create is refused as such.
        if self.target.is_snapshot() && !is_read && operation != "CreateBucket" {
            return Err(read_only());
        }
        if (self.key.read_only && !is_read) || (self.key.bucket.is_some() && of_buckets) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        self.metrics.started(Class::of(operation));
        Ok(())
    }

    /// The body that becomes an object.
    pub(crate) fn take_payload(&self) -> S3Result<Payload> {
        let payload = self.payload.lock().take();
        payload.ok_or_else(|| s3_error!(InternalError, "The body of the request is gone."))
    }
}

impl Door {
    /// Seconds since 1970 UTC.
    pub(crate) fn now_seconds(&self) -> i64 {
        let seconds = self.buckets.pool().unix_nanos() / 1_000_000_000;
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }

    /// The bucket of a call.
    pub(crate) async fn bucket(&self, call: &Call) -> S3Result<Bucket> {
        self.open(&call.target.bucket).await
    }

    pub(crate) async fn open(&self, name: &str) -> S3Result<Bucket> {
        let opened = match snapshot_in(name) {
            Some((bucket, label)) => self.buckets.open_snapshot(bucket, label).await,
            None => self.buckets.open(name).await,
        };
        match opened {
            Ok(bucket) => Ok(bucket),
            Err(error) => {
                self.all_shown().await?;
                Err(of_bucket(error))
            }
        }
    }

    /// Waits until everything that can be seen now is on stable storage: before buckets or uploads
    /// as such are shown, or that there are none.
    pub(crate) async fn all_shown(&self) -> S3Result<()> {
        let flushed = self.buckets.pool().flush().await;
        flushed.map_err(|error| of_bucket(error.into()))
    }
}

/// Waits until what was seen at `lsn` is on stable storage: nothing is shown before.
pub(crate) async fn shown(bucket: &Bucket, lsn: Lsn) -> S3Result<()> {
    bucket.durable(lsn).await.map_err(of_bucket)
}

/// What is known of an object; it is on stable storage, also that there is none.
pub(crate) async fn find(bucket: &Bucket, key: &str) -> S3Result<Option<ObjectHead>> {
    let seen = bucket.head(key.as_bytes()).await.map_err(of_bucket)?;
    shown(bucket, seen.lsn).await?;
    Ok(seen.found)
}

/// What is known of an object that there must be.
pub(crate) async fn head_of(bucket: &Bucket, key: &str) -> S3Result<ObjectHead> {
    find(bucket, key).await?.ok_or_else(no_such_key)
}

/// Signatures were verified before the library sees a request; it is given none.
pub(crate) struct NoSecrets;

#[async_trait::async_trait]
impl S3Auth for NoSecrets {
    async fn get_secret_key(&self, _: &str) -> S3Result<SecretKey> {
        Err(s3_error!(AccessDenied, "Access Denied"))
    }
}

/// Asks the call what its key may do.
pub(crate) struct OfCall;

#[async_trait::async_trait]
impl S3Access for OfCall {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let operation = context.s3_op().name().to_owned();
        let call = context.extensions_mut().get::<Call>();
        let call = call.ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))?;
        call.check(&operation)
    }
}
