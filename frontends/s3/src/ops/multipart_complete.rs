//! Making an object of the parts of an upload.

use engine_bucket::{Ack, Bucket, Completion, Info, ObjectMetadata, PartInfo};
use hyper::HeaderMap;
use s3s::dto::{
    Checksum, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door, find};
use crate::error::{invalid_argument, of_bucket};
use crate::etag::{WriteConditions, etag_of, tag_of};
use crate::ops::list_pages::sayable;
use crate::ops::multipart_sums::{repeated, stored_of};
use crate::ops::put::refusal;
use crate::stored::{Stored, with_sums};
use crate::text::hex;

const PARTS_MAX: usize = 10_000;

/// The parts that a client named, with their tags.
type Chosen = Vec<(u32, Vec<u8>)>;

fn chosen(parts: &[CompletedPart]) -> S3Result<Chosen> {
    if parts.is_empty() || parts.len() > PARTS_MAX {
        return Err(s3_error!(
            MalformedXML,
            "The XML you provided names no parts, or more than 10000."
        ));
    }
    let mut chosen: Chosen = Vec::with_capacity(parts.len());
    for part in parts {
        let number = part
            .part_number
            .and_then(|number| u32::try_from(number).ok());
        let tag = part
            .e_tag
            .as_ref()
            .map(|tag| tag.value().as_bytes().to_vec());
        let (Some(number), Some(tag)) = (number, tag) else {
            return Err(s3_error!(MalformedXML, "A part has no number or no ETag."));
        };
        if chosen.last().is_some_and(|(last, _)| *last >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order. The parts list must be specified \
                 in order by part number."
            ));
        }
        chosen.push((number, tag));
    }
    Ok(chosen)
}

/// The entity tag of an object of these parts: a checksum of their checksums, and how many.
fn entity_tag(chosen: &Chosen) -> Option<String> {
    let mut all = Vec::with_capacity(chosen.len() * 16);
    for (_, tag) in chosen {
        all.extend(hex_simd::decode_to_vec(tag).ok()?);
    }
    let mut hashing = crate::digest::Hashing::new(&Default::default(), None);
    hashing.update(&all);
    Some(format!("{}-{}", hex(&hashing.finish().md5), chosen.len()))
}

/// The parts that were named, as they were uploaded.
fn matched<'a>(
    chosen: &Chosen,
    given: &[CompletedPart],
    parts: &'a [PartInfo],
) -> S3Result<Vec<(&'a PartInfo, Stored)>> {
    let missing = || {
        s3_error!(
            InvalidPart,
            "One or more of the specified parts could not be found. The part may not have been \
             uploaded, or the specified entity tag may not match the part's entity tag."
        )
    };
    let mut all = Vec::with_capacity(chosen.len());
    for ((number, tag), given) in chosen.iter().zip(given) {
        let index = parts.binary_search_by_key(number, |part| part.part);
        let part = index.ok().and_then(|index| parts.get(index));
        let part = part
            .filter(|part| part.entity_tag == *tag)
            .ok_or_else(missing)?;
        let stored = Stored::decode(Some(&part.checksums));
        if !agrees(given, &stored.shown()) {
            return Err(missing());
        }
        if part.size == 0 && all.len() + 1 < chosen.len() {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size: only the last part \
                 may be empty."
            ));
        }
        all.push((part, stored));
    }
    Ok(all)
}

/// Whether the checksums that a client names a part with are those it has.
fn agrees(given: &CompletedPart, has: &Checksum) -> bool {
    let pairs = [
        (&given.checksum_crc32, &has.checksum_crc32),
        (&given.checksum_crc32c, &has.checksum_crc32c),
        (&given.checksum_crc64nvme, &has.checksum_crc64nvme),
        (&given.checksum_sha1, &has.checksum_sha1),
        (&given.checksum_sha256, &has.checksum_sha256),
    ];
    pairs
        .into_iter()
        .all(|(given, has)| given.is_none() || given == has)
}

impl Door {
    pub(crate) async fn complete_upload(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let bucket = self.bucket(call).await?;
        let named = input.multipart_upload.as_ref();
        let given = named
            .and_then(|upload| upload.parts.as_deref())
            .unwrap_or_default();
        let chosen = chosen(given)?;
        self.allow_write(&bucket, call, &call.target.key).await?;
        let name = match self.upload_of(&bucket, call, &input.upload_id).await {
            Ok(name) => name,
            Err(error) => {
                let before = self.completed_before(&bucket, call, &chosen, error).await?;
                return repeated(before, headers);
            }
        };
        let (_, parts) = bucket
            .parts(name.id, 0, PARTS_MAX)
            .await
            .map_err(of_bucket)?;
        let parts = matched(&chosen, given, &parts)?;
        let size: u64 = parts.iter().map(|(part, _)| part.size).sum();
        let expected = input.mpu_object_size.map(u64::try_from);
        if expected.is_some_and(|expected| expected != Ok(size)) {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header does not match the size of the parts."
            ));
        }
        let stored = stored_of(&parts, &name, &input, headers)?;
        let tag = entity_tag(&chosen).ok_or_else(|| invalid_argument("An ETag is no ETag."))?;
        let object = ObjectMetadata {
            entity_tag: Some(tag.into_bytes()),
            checksums: stored.encode(),
            metadata: Vec::new(),
        };
        let completion = Completion {
            parts: &chosen,
            owner: call.key.owner(),
            object: &object,
        };
        let conditions = WriteConditions::new(input.if_match, input.if_none_match);
        let holds = |found: Option<&Info>| conditions.hold(found);
        let precondition = (!conditions.is_none()).then_some(&holds as _);
        let completed = bucket.complete_upload(name.id, &completion, precondition, Ack::Durable);
        match completed.await {
            Ok(info) => Ok(answer(call, &info, &stored)),
            Err(error) => Err(refusal(&bucket, &call.target.key, &conditions, error).await),
        }
    }

    /// A client that did not get the answer asks again: the upload is gone, its object is there.
    async fn completed_before(
        &self,
        bucket: &Bucket,
        call: &Call,
        chosen: &Chosen,
        error: s3s::S3Error,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let found = find(bucket, &call.target.key).await?;
        let is_it = |info: &Info| Some(tag_of(info)) == entity_tag(chosen);
        match found.map(|head| head.info).filter(is_it) {
            Some(info) => {
                let stored = Stored::decode(info.checksums.as_deref());
                Ok(answer(call, &info, &stored))
            }
            None => Err(error),
        }
    }
}

fn answer(call: &Call, info: &Info, stored: &Stored) -> CompleteMultipartUploadOutput {
    let sums = stored.shown();
    let checksum_type = sums.checksum_type.clone();
    let key = &call.target.key;
    let path = crate::text::percent_encode(key.as_bytes(), false);
    with_sums!(CompleteMultipartUploadOutput, sums, {
        bucket: Some(call.target.bucket.clone()),
        checksum_type,
        e_tag: Some(etag_of(info)),
        key: sayable(key),
        location: Some(format!("/{}/{path}", call.target.bucket)),
        ..CompleteMultipartUploadOutput::default()
    })
}
