//! Renaming objects.

use engine_bucket::{Ack, Info};
use hyper::{HeaderMap, Response};
use s3s::{Body, S3Result};

use crate::door::{Call, Door, shown};
use crate::error::{invalid_argument, no_such_key, of_bucket, precondition_failed};
use crate::etag::{ReadConditions, WriteConditions, condition};
use crate::ops::put::{check_key, refusal};

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
            ..ReadConditions::default()
        };
        let seen = bucket.head(from.as_bytes()).await.map_err(of_bucket)?;
        shown(&bucket, seen.lsn).await?;
        if let Some(head) = seen.found {
            of_source
                .check(&head.info)
                .map_err(|_| precondition_failed())?;
        } else if !from.ends_with('/') {
            return Err(no_such_key());
        }
        let conditions = WriteConditions::new(
            condition(headers, "if-match")?,
            condition(headers, "if-none-match")?,
        );
        let holds = |found: Option<&Info>| conditions.hold(found);
        let precondition = (!conditions.is_none()).then_some(&holds as _);
        let renamed = bucket.rename_object(
            from.as_bytes(),
            to.as_bytes(),
            call.key.owner(),
            precondition,
            Ack::Durable,
        );
        match renamed.await {
            Ok(()) => Ok(Response::new(Body::empty())),
            Err(error) => Err(refusal(&bucket, to, &conditions, error).await),
        }
    }
}
