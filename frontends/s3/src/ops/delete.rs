//! Deleting objects.

use engine_bucket::{Ack, Bucket, Info};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door};
use crate::error::of_bucket;
use crate::etag::WriteConditions;
use crate::ops::list_pages::sayable;
use crate::ops::put::refusal;

/// Keys that one request may delete.
const KEYS_MAX: usize = 1000;

impl Door {
    pub(crate) async fn delete_object(
        &self,
        call: &Call,
        input: DeleteObjectInput,
    ) -> S3Result<DeleteObjectOutput> {
        let bucket = self.bucket(call).await?;
        let mut conditions = WriteConditions::new(input.if_match, None);
        conditions.size = input.if_match_size;
        conditions.modified = input.if_match_last_modified_time;
        let key = &call.target.key;
        self.delete(&bucket, call, key, &conditions, Ack::Durable)
            .await?;
        Ok(DeleteObjectOutput::default())
    }

    async fn delete(
        &self,
        bucket: &Bucket,
        call: &Call,
        key: &str,
        conditions: &WriteConditions,
        ack: Ack,
    ) -> S3Result<()> {
        self.allow_write(bucket, call, key).await?;
        let holds = |found: Option<&Info>| conditions.hold(found);
        let precondition = (!conditions.is_none()).then_some(&holds as _);
        let removed = bucket.remove(key.as_bytes(), precondition, ack);
        match removed.await {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(bucket, key, conditions, error).await),
        }
    }

    pub(crate) async fn delete_objects(
        &self,
        call: &Call,
        input: DeleteObjectsInput,
    ) -> S3Result<DeleteObjectsOutput> {
        let objects = input.delete.objects;
        if objects.is_empty() || objects.len() > KEYS_MAX {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided names no keys, or more than 1000."
            ));
        }
        let bucket = self.bucket(call).await?;
        let is_quiet = input.delete.quiet == Some(true);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in objects {
            let key = object.key.clone();
            match self.delete_one(&bucket, call, object).await {
                Ok(()) if is_quiet => {}
                Ok(()) => deleted.push(DeletedObject {
                    key: sayable(&key),
                    ..DeletedObject::default()
                }),
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: sayable(&key),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        bucket.sync().await.map_err(of_bucket)?;
        Ok(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    async fn delete_one(
        &self,
        bucket: &Bucket,
        call: &Call,
        object: ObjectIdentifier,
    ) -> S3Result<()> {
        let version = object.version_id.as_deref().unwrap_or_default();
        if !matches!(version, "" | "null") {
            return Err(s3_error!(
                NoSuchVersion,
                "The specified version does not exist: buckets have no versions."
            ));
        }
        let tag = object.e_tag.map(ETagCondition::ETag);
        let mut conditions = WriteConditions::new(tag, None);
        conditions.size = object.size;
        conditions.modified = object.last_modified_time;
        // All of them are made durable together, before any of it is said.
        self.delete(bucket, call, &object.key, &conditions, Ack::Written)
            .await
    }
}
