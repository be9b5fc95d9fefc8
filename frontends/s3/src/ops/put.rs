//! Storing objects, and appending to them.

use engine_bucket::{Ack, Bucket, BucketError, Info, OBJECT_KEY_BYTES_MAX, ObjectMetadata};
use hyper::{HeaderMap, StatusCode};
use s3s::dto::{Metadata, PutObjectInput, PutObjectOutput};
use s3s::{S3ErrorCode, S3Result, s3_error};

use crate::body::Payload;
use crate::digest::Hashing;
use crate::door::{Call, Door, find, head_of};
use crate::error::{custom, invalid_argument, no_space, not_implemented, of_bucket};
use crate::etag::{WriteConditions, etag_of};
use crate::fields::{self, Pair, TAGS};
use crate::intake::take;
use crate::ops::tagging::checked_tags;
use crate::stored::{Stored, with_sums};
use crate::text::hex;

/// Directories that only mounts show, and that nothing is put into.
const RESERVED: [&str; 2] = [".snapshots", ".versions"];
/// Bytes that one append may have.
const APPEND_BYTES_MAX: usize = 16 << 20;

/// Refuses keys that nothing can be put under.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    let is_reserved = |name: &&str| {
        let rest = key.strip_prefix(*name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if RESERVED.iter().any(is_reserved) {
        return Err(invalid_argument(
            "Keys below .snapshots/ and .versions/ belong to the server.",
        ));
    }
    if key.len() > OBJECT_KEY_BYTES_MAX {
        return Err(s3_error!(KeyTooLongError, "Your key is too long"));
    }
    if key.contains('\0') {
        return Err(invalid_argument("Keys have no zero characters."));
    }
    Ok(())
}

/// Refuses a body that the pool has no room for before it is read.
pub(crate) fn check_room(bucket: &Bucket, bytes: Option<u64>) -> S3Result<()> {
    let (_, _, available) = bucket.space();
    if bytes.is_some_and(|bytes| bytes > available.get()) {
        return Err(no_space(format!(
            "The object does not fit: {available} are available. Delete something."
        )));
    }
    Ok(())
}

/// The attributes that a new object's headers ask for.
pub(crate) fn attributes(headers: &HeaderMap, metadata: Option<Metadata>) -> S3Result<Vec<Pair>> {
    let mut attributes = fields::of_request(headers, metadata)?;
    if let Some(tags) = headers.get("x-amz-tagging") {
        let tags = tags
            .to_str()
            .map_err(|_| invalid_argument("Tags are text."))?;
        let tags = checked_tags(tags)?;
        if !tags.is_empty() {
            attributes.push((TAGS.as_bytes().to_vec(), tags.into_bytes()));
        }
    }
    Ok(attributes)
}

/// Waits until what a failed condition has shown of a key is on stable storage.
pub(crate) async fn show_state(bucket: &Bucket, key: &str) -> S3Result<()> {
    find(bucket, key).await.map(drop)
}

/// What to say when nothing was published under a key. What that shows of the key is on stable
/// storage before it is said.
pub(crate) async fn refusal(
    bucket: &Bucket,
    key: &str,
    conditions: &WriteConditions,
    error: BucketError,
) -> s3s::S3Error {
    if !matches!(error, BucketError::Store(_))
        && let Err(error) = show_state(bucket, key).await
    {
        return error;
    }
    match error {
        BucketError::Precondition => conditions.failed(),
        error => of_bucket(error),
    }
}

impl Door {
    pub(crate) async fn put_object(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: PutObjectInput,
    ) -> S3Result<PutObjectOutput> {
        let mut payload = call.take_payload()?;
        let key = &call.target.key;
        check_key(key)?;
        let bucket = self.bucket(call).await?;
        check_room(&bucket, payload.declared())?;
        let metadata = attributes(headers, input.metadata)?;
        let conditions = WriteConditions::new(input.if_match, input.if_none_match);
        if let Some(at) = input.write_offset_bytes {
            let at = u64::try_from(at).map_err(|_| {
                invalid_argument("x-amz-write-offset-bytes is the size of the object.")
            })?;
            if !conditions.is_none() {
                return Err(not_implemented("Appending under a condition"));
            }
            return self.append(call, &bucket, payload, (at, metadata)).await;
        }
        self.allow_write(&bucket, call, key).await?;
        let mut upload = bucket.upload();
        let expected = payload.declared().unwrap_or(0);
        let destined = upload.for_key(key.as_bytes(), expected).await;
        destined.map_err(of_bucket)?;
        let taken = take(
            &self.hashers,
            &mut payload,
            &mut upload,
            &call.promised,
            None,
        )
        .await?;
        self.count_in(call, taken.bytes);
        let stored = Stored::of_one(taken.digests.checksum);
        let object = ObjectMetadata {
            entity_tag: Some(hex(&taken.digests.md5).into_bytes()),
            checksums: stored.encode(),
            metadata,
        };
        let holds = |found: Option<&Info>| conditions.hold(found);
        let precondition = (!conditions.is_none()).then_some(&holds as _);
        let put = upload.finish(
            key.as_bytes(),
            call.key.owner(),
            &object,
            precondition,
            Ack::Durable,
        );
        match put.await {
            Ok(info) => Ok(answer(&info, &stored)),
            Err(error) => Err(refusal(&bucket, key, &conditions, error).await),
        }
    }

    async fn append(
        &self,
        call: &Call,
        bucket: &Bucket,
        mut payload: Payload,
        (at, metadata): (u64, Vec<Pair>),
    ) -> S3Result<PutObjectOutput> {
        let key = &call.target.key;
        if at > 0 {
            self.allow_change(bucket, call, key).await?;
        } else {
            self.allow_write(bucket, call, key).await?;
        }
        // All of it is verified before any of it shows, so all of it is held meanwhile.
        let _place = self.appends.acquire().await;
        let data = payload.collect(APPEND_BYTES_MAX).await.map_err(|error| {
            let is_size = error.code() == &S3ErrorCode::MaxMessageLengthExceeded;
            if is_size { too_much_to_append() } else { error }
        })?;
        let mut hashing = Hashing::new(&call.promised, None);
        hashing.update(&data);
        let digests = hashing.finish();
        digests.check(&call.promised, &payload.trailer())?;
        self.count_in(call, data.len() as u64);
        let owner = call.key.owner();
        let none = WriteConditions::default();
        if at == 0 {
            // Nothing there: an object like any other, with its metadata.
            let mut upload = bucket.upload();
            let destined = upload.for_key(key.as_bytes(), data.len() as u64).await;
            destined.map_err(of_bucket)?;
            upload.write(&data).await.map_err(of_bucket)?;
            let stored = Stored::of_one(digests.checksum);
            let object = ObjectMetadata {
                entity_tag: Some(hex(&digests.md5).into_bytes()),
                checksums: stored.encode(),
                metadata,
            };
            let absent = |found: Option<&Info>| found.is_none();
            let made = upload.finish(key.as_bytes(), owner, &object, Some(&absent), Ack::Durable);
            match made.await {
                Ok(info) => return Ok(answer(&info, &stored)),
                Err(BucketError::Precondition) => {}
                Err(error) => return Err(refusal(bucket, key, &none, error).await),
            }
        }
        let appended = bucket.append_object(key.as_bytes(), at, &data, owner, Ack::Durable);
        match appended.await {
            Ok(()) => {}
            Err(BucketError::Precondition) => {
                show_state(bucket, key).await?;
                return Err(wrong_offset());
            }
            Err(error) => return Err(refusal(bucket, key, &none, error).await),
        }
        let info = head_of(bucket, key).await?.info;
        Ok(PutObjectOutput {
            size: i64::try_from(info.size).ok(),
            ..answer(&info, &Stored::default())
        })
    }

    pub(crate) fn count_in(&self, call: &Call, bytes: u64) {
        crate::metrics::add(&call.metrics.bytes_in, bytes);
    }
}

fn too_much_to_append() -> s3s::S3Error {
    s3_error!(
        EntityTooLarge,
        "One append has at most {APPEND_BYTES_MAX} bytes; append in several steps."
    )
}

fn wrong_offset() -> s3s::S3Error {
    custom(
        "InvalidWriteOffset",
        StatusCode::BAD_REQUEST,
        "The write offset value that you specified does not match the current object size.",
    )
}

fn answer(info: &Info, stored: &Stored) -> PutObjectOutput {
    let sums = stored.shown();
    let checksum_type = sums.checksum_type.clone();
    with_sums!(PutObjectOutput, sums, {
        checksum_type,
        e_tag: Some(etag_of(info)),
        ..PutObjectOutput::default()
    })
}
