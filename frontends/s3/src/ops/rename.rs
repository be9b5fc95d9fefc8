//! Renaming objects.

use engine_bucket::{Ack, Info, RenamePreconditions};
use hyper::{HeaderMap, Response};
use s3s::{Body, S3Result};

use crate::door::{Call, Door};
use crate::error::invalid_argument;
use crate::etag::{ReadConditions, WriteConditions, condition, moment};
use crate::ops::put::{check_key, refusal, show_state};

impl Door {
    pub(crate) async fn rename(
        &self,
        call: &Call,
        headers: &HeaderMap,
    ) -> S3Result<Response<Body>> {
        let source = call.source.as_ref().ok_or_else(|| {
            invalid_argument("x-amz-rename-source names the object to rename: /BUCKET/KEY.")
        })?;
        if source.bucket != call.target.bucket {
            return Err(invalid_argument("An object is renamed within its bucket."));
        }
        let (from, to) = (&source.key, &call.target.key);
        check_key(to)?;
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, from).await?;
        self.allow_write(&bucket, call, to).await?;
        let of_source = ReadConditions {
            if_match: condition(headers, "x-amz-rename-source-if-match")?,
            if_none_match: condition(headers, "x-amz-rename-source-if-none-match")?,
            if_modified_since: moment(headers, "x-amz-rename-source-if-modified-since")?,
            if_unmodified_since: moment(headers, "x-amz-rename-source-if-unmodified-since")?,
        };
        let mut conditions = WriteConditions::new(
            condition(headers, "if-match")?,
            condition(headers, "if-none-match")?,
        );
        conditions.modified_since = moment(headers, "if-modified-since")?;
        conditions.unmodified_since = moment(headers, "if-unmodified-since")?;
        let moved = |found: Option<&Info>| found.is_some_and(|info| of_source.check(info).is_ok());
        let replaced = |found: Option<&Info>| conditions.hold(found);
        let preconditions = RenamePreconditions {
            moved: (!of_source.is_none()).then_some(&moved as _),
            replaced: (!conditions.is_none()).then_some(&replaced as _),
        };
        let renamed = bucket.rename_object(
            from.as_bytes(),
            to.as_bytes(),
            call.key.owner(),
            preconditions,
            Ack::Durable,
        );
        match renamed.await {
            Ok(()) => Ok(Response::new(Body::empty())),
            Err(error) => {
                // A refusal says something of both ends.
                show_state(&bucket, from).await?;
                Err(refusal(&bucket, to, &conditions, error).await)
            }
        }
    }
}
