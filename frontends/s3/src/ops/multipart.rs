//! Multipart uploads: beginning them, their parts, giving them up.

use engine_bucket::{Ack, Bucket, Upload};
use hyper::HeaderMap;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, ChecksumAlgorithm,
    ChecksumType, CopyPartResult, CreateMultipartUploadInput, CreateMultipartUploadOutput, ETag,
    Timestamp, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Result, s3_error};

use crate::digest::{Algorithm, Digests, Hashing, Promised};
use crate::door::{Call, Door};
use crate::error::{invalid_argument, no_such_key, of_bucket};
use crate::etag::ReadConditions;
use crate::intake::take;
use crate::moment::Moment;
use crate::ops::copy::stage;
use crate::ops::end;
use crate::ops::list_pages::sayable;
use crate::ops::put::{attributes, check_key, check_room};
use crate::stored::{Stored, with_sums};
use crate::text::hex;
use crate::upload_name::UploadName;

/// A part's number as the engine takes it.
fn part_number(number: i32) -> S3Result<u32> {
    let number = u32::try_from(number).ok();
    number
        .filter(|number| (1..=10_000).contains(number))
        .ok_or_else(|| {
            invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
        })
}

/// What the headers say about the checksum of an upload.
fn checksum_kind(input: &CreateMultipartUploadInput) -> S3Result<Option<(Algorithm, bool)>> {
    let Some(name) = &input.checksum_algorithm else {
        return Ok(None);
    };
    let algorithm = Algorithm::named(name.as_str());
    let algorithm = algorithm.ok_or_else(|| {
        s3_error!(
            InvalidRequest,
            "Checksum algorithm provided is unsupported."
        )
    })?;
    let is_sha = matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
    let is_whole = match input.checksum_type.as_ref().map(ChecksumType::as_str) {
        None => algorithm == Algorithm::Crc64Nvme,
        Some(ChecksumType::FULL_OBJECT) if !is_sha => true,
        Some(ChecksumType::COMPOSITE) if algorithm != Algorithm::Crc64Nvme => false,
        Some(kind) => {
            let name = name.as_str();
            return Err(s3_error!(
                InvalidRequest,
                "The {kind} checksum type cannot be used with the {name} checksum algorithm."
            ));
        }
    };
    Ok(Some((algorithm, is_whole)))
}

impl Door {
    pub(crate) async fn create_upload(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let key = &call.target.key;
        check_key(key)?;
        let checksum = checksum_kind(&input)?;
        let object = engine_bucket::ObjectMetadata {
            metadata: attributes(headers, input.metadata)?,
            ..Default::default()
        };
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, key).await?;
        let owner = call.key.owner();
        let created = bucket.create_upload(key.as_bytes(), owner, &object, Ack::Durable);
        let id = created.await.map_err(of_bucket)?;
        let name = UploadName { id, checksum };
        let kind = |whole| match whole {
            true => ChecksumType::from_static(ChecksumType::FULL_OBJECT),
            false => ChecksumType::from_static(ChecksumType::COMPOSITE),
        };
        Ok(CreateMultipartUploadOutput {
            bucket: Some(call.target.bucket.clone()),
            checksum_algorithm: checksum.map(|(algorithm, _)| {
                ChecksumAlgorithm::from(algorithm.name().to_ascii_uppercase())
            }),
            checksum_type: checksum.map(|(_, whole)| kind(whole)),
            key: sayable(key),
            upload_id: Some(name.text()),
            ..CreateMultipartUploadOutput::default()
        })
    }

    /// The upload of a call, which must be of that key.
    pub(crate) async fn upload_of(
        &self,
        bucket: &Bucket,
        call: &Call,
        id: &str,
    ) -> S3Result<UploadName> {
        let name = UploadName::parse(id)?;
        let key = match bucket.parts(name.id, 0, 0).await {
            Ok((key, _)) => key,
            Err(error) => {
                self.all_shown().await?;
                return Err(of_bucket(error));
            }
        };
        if key != call.target.key.as_bytes() {
            return Err(s3_error!(NoSuchUpload, "The upload is one of another key."));
        }
        Ok(name)
    }

    pub(crate) async fn upload_part(
        &self,
        call: &Call,
        input: UploadPartInput,
    ) -> S3Result<UploadPartOutput> {
        let mut payload = call.take_payload()?;
        let number = part_number(input.part_number)?;
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, &call.target.key).await?;
        let name = self.upload_of(&bucket, call, &input.upload_id).await?;
        check_room(&bucket, payload.declared())?;
        let wanted = name.checksum.map(|checksum| checksum.0);
        let given = call.promised.checksum.as_ref().map(|checksum| checksum.0);
        if let (Some(wanted), Some(given)) = (wanted, given)
            && wanted != given
        {
            let (wanted, given) = (wanted.name(), given.name());
            return Err(s3_error!(
                InvalidRequest,
                "Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual \
                 checksum Type: {given}"
            ));
        }
        let mut upload = bucket.upload();
        let expected = payload.declared().unwrap_or(0);
        let destined = upload.for_part(name.id, number, expected).await;
        destined.map_err(of_bucket)?;
        let taken = take(
            &self.hashers,
            &mut payload,
            &mut upload,
            &call.promised,
            wanted,
        )
        .await?;
        self.count_in(call, taken.bytes);
        let (tag, sums) = finish_part(upload, &name, number, taken.digests).await?;
        Ok(with_sums!(UploadPartOutput, sums, {
            e_tag: Some(tag),
            ..UploadPartOutput::default()
        }))
    }

    pub(crate) async fn upload_part_copy(
        &self,
        call: &Call,
        input: UploadPartCopyInput,
    ) -> S3Result<UploadPartCopyOutput> {
        let number = part_number(input.part_number)?;
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, &call.target.key).await?;
        let name = self.upload_of(&bucket, call, &input.upload_id).await?;
        let source = call.source.clone().ok_or_else(no_such_key)?;
        let from = self.open(&source.bucket).await?;
        self.allow_read(&from, call, &source.key).await?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let reader = self.source_reader(&from, &source.key, &conditions).await?;
        let size = reader.info().size;
        let range = copy_range(input.copy_source_range.as_deref(), size);
        let mut upload = bucket.upload();
        let wanted = name.checksum.map(|checksum| checksum.0);
        let copied = async {
            let range = range?;
            let bytes = range.end - range.start;
            check_room(&bucket, Some(bytes))?;
            let destined = upload.for_part(name.id, number, bytes).await;
            destined.map_err(of_bucket)?;
            let mut hashing = Hashing::new(&Promised::default(), wanted);
            let copied = stage(&reader, range, &mut upload, |data| hashing.update(data)).await;
            copied.map_err(of_bucket)?;
            Ok(hashing)
        };
        let copied: S3Result<Hashing> = copied.await;
        end(reader).await;
        let (tag, sums) = finish_part(upload, &name, number, copied?.finish()).await?;
        let result = with_sums!(CopyPartResult, sums, {
            e_tag: Some(tag),
            last_modified: Some(self.now()),
        });
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        let nanos = self.buckets.pool().unix_nanos();
        Moment::of(nanos.cast_signed()).timestamp()
    }

    pub(crate) async fn abort_upload(
        &self,
        call: &Call,
        input: AbortMultipartUploadInput,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, &call.target.key).await?;
        let name = self.upload_of(&bucket, call, &input.upload_id).await?;
        let aborted = bucket.abort_upload(name.id, Ack::Durable);
        aborted.await.map_err(of_bucket)?;
        Ok(AbortMultipartUploadOutput::default())
    }
}

/// Makes what was staged a part; its tag and its checksums.
async fn finish_part(
    upload: Upload,
    name: &UploadName,
    number: u32,
    digests: Digests,
) -> S3Result<(ETag, Checksum)> {
    let stored = Stored::of_one(digests.checksum);
    let tag = hex(&digests.md5);
    let sums = stored.encode().unwrap_or_default();
    let finished = upload.finish_part(name.id, number, tag.as_bytes(), &sums, Ack::Durable);
    finished.await.map_err(of_bucket)?;
    Ok((ETag::Strong(tag), stored.shown()))
}

/// The bytes of a source that a part is made of: `bytes=FIRST-LAST`, both there.
fn copy_range(text: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let Some(text) = text else {
        return Ok(0..size);
    };
    let invalid = || {
        invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
             and last are the zero-based offsets of the first and last bytes to copy",
        )
    };
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .ok_or_else(invalid)?;
    let first: u64 = first.parse().map_err(|_| invalid())?;
    let last: u64 = last.parse().map_err(|_| invalid())?;
    if first > last {
        return Err(invalid());
    }
    if last >= size {
        return Err(invalid_argument(&format!(
            "Range specified is not valid for source object of size: {size}"
        )));
    }
    Ok(first..last + 1)
}
