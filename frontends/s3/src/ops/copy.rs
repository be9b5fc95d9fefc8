//! Copying objects.

use std::ops::Range;

use engine_bucket::{
    Ack, Bucket, BucketError, Info, ObjectHead, ObjectMetadata, ObjectReader, Precondition, Upload,
};
use hyper::HeaderMap;
use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door, head_of, shown};
use crate::error::{no_such_key, of_bucket, precondition_failed};
use crate::etag::{ReadConditions, WriteConditions, condition, etag_of};
use crate::moment::Moment;
use crate::ops::copy_fields::Replaced;
use crate::ops::end;
use crate::ops::put::{check_key, check_room, refusal};
use crate::stored::{Stored, with_sums};

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

impl Door {
    /// The head of a source that the conditions hold for. What they say of it is that it is not to
    /// be copied, so a known one is an error too.
    async fn source_head(
        &self,
        from: &Bucket,
        key: &str,
        conditions: &ReadConditions,
    ) -> S3Result<ObjectHead> {
        let head = head_of(from, key).await?;
        check_source(conditions, &head.info)?;
        Ok(head)
    }

    /// A reader of a source that the conditions hold for.
    pub(crate) async fn source_reader(
        &self,
        from: &Bucket,
        key: &str,
        conditions: &ReadConditions,
    ) -> S3Result<ObjectReader> {
        let seen = from.get(key.as_bytes()).await.map_err(of_bucket)?;
        shown(from, seen.lsn).await?;
        let reader = seen.found.ok_or_else(no_such_key)?;
        if let Err(error) = check_source(conditions, reader.info()) {
            end(reader).await;
            return Err(error);
        }
        Ok(reader)
    }

    pub(crate) async fn copy_object(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: CopyObjectInput,
    ) -> S3Result<CopyObjectOutput> {
        let source = call.source.clone().ok_or_else(no_such_key)?;
        let key = &call.target.key;
        check_key(key)?;
        let replaced = Replaced::of(headers, &input)?;
        let conditions = WriteConditions::new(
            condition(headers, "if-match")?,
            condition(headers, "if-none-match")?,
        );
        let of_source = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let from = self.open(&source.bucket).await?;
        self.allow_read(&from, call, &source.key).await?;
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, key).await?;
        let copied = if source == call.target {
            let both = (&of_source, &conditions);
            replace(&bucket, key, &replaced, both).await
        } else {
            let holds = |found: Option<&Info>| conditions.hold(found);
            let precondition = (!conditions.is_none()).then_some(&holds as Precondition<'_>);
            let copy = Copy {
                from: &from,
                from_key: &source.key,
                bucket: &bucket,
                key,
                replaced: &replaced,
                of_source: &of_source,
                precondition,
            };
            if source.bucket == call.target.bucket {
                self.copy_within(call, &copy).await
            } else {
                self.copy_across(call, &copy).await
            }
        };
        match copied {
            Ok(info) => Ok(answer(&info)),
            Err(Failed::Of(error)) => Err(error),
            Err(Failed::Target(error)) => Err(refusal(&bucket, key, &conditions, error).await),
        }
    }

    /// Within a bucket the engine copies, as cheaply as it can: metadata and content are those of
    /// one moment, and the conditions on the source hold for it.
    async fn copy_within(&self, call: &Call, copy: &Copy<'_>) -> Result<Info, Failed> {
        // What is known to fail needs no copying.
        let head = self.source_head(copy.from, copy.from_key, copy.of_source);
        check_room(copy.bucket, Some(head.await?.info.size))?;
        let revise = |head: &ObjectHead| match copy.of_source.check(&head.info) {
            Ok(()) => Ok(copy.replaced.over(&head.metadata)),
            Err(_) => Err(BucketError::Precondition),
        };
        let copied = copy.bucket.copy_object(
            copy.from_key.as_bytes(),
            copy.key.as_bytes(),
            call.key.owner(),
            &revise,
            copy.precondition,
        );
        copied.await.map_err(Failed::Target)
    }

    /// From another bucket: read and written.
    async fn copy_across(&self, call: &Call, copy: &Copy<'_>) -> Result<Info, Failed> {
        let reader = self
            .source_reader(copy.from, copy.from_key, copy.of_source)
            .await?;
        let mut upload = copy.bucket.upload();
        let object = ObjectMetadata {
            entity_tag: reader.info().entity_tag.clone(),
            checksums: reader.info().checksums.clone(),
            metadata: copy.replaced.over(reader.metadata()),
        };
        let staged = async {
            let bytes = reader.info().size;
            check_room(copy.bucket, Some(bytes))?;
            let destined = upload.for_key(copy.key.as_bytes(), bytes).await;
            destined.map_err(of_bucket)?;
            let staged = stage(&reader, 0..bytes, &mut upload, |_| ()).await;
            staged.map_err(of_bucket)
        };
        let staged = staged.await;
        end(reader).await;
        staged?;
        let owner = call.key.owner();
        let key = copy.key.as_bytes();
        let finished = upload.finish(key, owner, &object, copy.precondition, Ack::Durable);
        finished.await.map_err(Failed::Target)
    }
}

/// A copy to make.
struct Copy<'a> {
    from: &'a Bucket,
    from_key: &'a str,
    bucket: &'a Bucket,
    key: &'a str,
    replaced: &'a Replaced,
    of_source: &'a ReadConditions,
    precondition: Option<Precondition<'a>>,
}

/// Why there is no copy.
enum Failed {
    Of(s3s::S3Error),
    /// It could not be published.
    Target(BucketError),
}

impl From<s3s::S3Error> for Failed {
    fn from(error: s3s::S3Error) -> Self {
        Self::Of(error)
    }
}

/// An object copied onto itself: only its metadata changes, if the conditions hold for what it is
/// then.
async fn replace(
    bucket: &Bucket,
    key: &str,
    replaced: &Replaced,
    (of_source, conditions): (&ReadConditions, &WriteConditions),
) -> Result<Info, Failed> {
    if !replaced.fields && !replaced.tags {
        return Err(Failed::Of(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself \
             without changing the object's metadata, storage class, website redirect location \
             or encryption attributes."
        )));
    }
    let revise = |head: &ObjectHead| {
        if conditions.hold(Some(&head.info)) && of_source.check(&head.info).is_ok() {
            Ok(replaced.over(&head.metadata))
        } else {
            Err(BucketError::Precondition)
        }
    };
    let revised = bucket.revise_metadata(key.as_bytes(), &revise, Ack::Durable);
    revised.await.map_err(Failed::Target)
}

fn check_source(conditions: &ReadConditions, info: &Info) -> S3Result<()> {
    conditions.check(info).map_err(|_| precondition_failed())
}

/// Copies bytes of an object into an upload; shows each of them to `see`.
pub(crate) async fn stage(
    reader: &ObjectReader,
    range: Range<u64>,
    upload: &mut Upload,
    mut see: impl FnMut(&[u8]),
) -> Result<(), BucketError> {
    let mut at = range.start;
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(COPY_BYTES);
        let data = reader.read(at, wanted.min(COPY_BYTES)).await?;
        at += data.len() as u64;
        see(&data);
        upload.write(&data).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn answer(info: &Info) -> CopyObjectOutput {
    let sums = Stored::decode(info.checksums.as_deref()).shown();
    let checksum_type = sums.checksum_type.clone();
    let result = with_sums!(CopyObjectResult, sums, {
        checksum_type,
        e_tag: Some(etag_of(info)),
        last_modified: Some(Moment::of(info.modified).timestamp()),
    });
    CopyObjectOutput {
        copy_object_result: Some(result),
        ..CopyObjectOutput::default()
    }
}
