//! Listing uploads and their parts.

use engine_bucket::{Bucket, UploadId, UploadInfo};
use s3s::dto::{
    CommonPrefix, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, Part, StorageClass,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door};
use crate::error::{invalid_argument, of_bucket};
use crate::moment::Moment;
use crate::ops::buckets::owner;
use crate::ops::list_pages::{Encoding, sayable};
use crate::stored::{Stored, with_sums};
use crate::upload_name::UploadName;

/// Items of a page.
const ITEMS_MAX: usize = 1000;

fn max_of(wanted: Option<i32>, what: &str) -> S3Result<usize> {
    let wanted = usize::try_from(wanted.unwrap_or(i32::MAX));
    let negative = |_| invalid_argument(&format!("{what} is a number from 0 on."));
    Ok(wanted.map_err(negative)?.min(ITEMS_MAX))
}

fn standard() -> StorageClass {
    StorageClass::from_static(StorageClass::STANDARD)
}

impl Door {
    pub(crate) async fn list_parts(
        &self,
        call: &Call,
        input: ListPartsInput,
    ) -> S3Result<ListPartsOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_write(&bucket, call, &call.target.key).await?;
        let name = self.upload_of(&bucket, call, &input.upload_id).await?;
        let max = max_of(input.max_parts, "max-parts")?;
        let after = u32::try_from(input.part_number_marker.unwrap_or(0))
            .map_err(|_| invalid_argument("part-number-marker is a number from 0 on."))?;
        let found = bucket.parts(name.id, after, max + 1).await;
        let (_, mut parts) = found.map_err(of_bucket)?;
        self.all_shown().await?;
        let is_cut = parts.len() > max && max > 0;
        parts.truncate(max);
        let last = parts.last().and_then(|part| i32::try_from(part.part).ok());
        let shown = parts.into_iter().map(|part| {
            let sums = Stored::decode(Some(&part.checksums)).shown();
            let tag = String::from_utf8_lossy(&part.entity_tag).into_owned();
            with_sums!(Part, sums, {
                e_tag: Some(ETag::Strong(tag)),
                last_modified: Some(Moment::of(part.modified).timestamp()),
                part_number: i32::try_from(part.part).ok(),
                size: i64::try_from(part.size).ok(),
            })
        });
        Ok(ListPartsOutput {
            bucket: Some(call.target.bucket.clone()),
            is_truncated: Some(is_cut),
            key: sayable(&call.target.key),
            max_parts: i32::try_from(max).ok(),
            next_part_number_marker: last.filter(|_| is_cut),
            owner: Some(owner(call.key.uid)),
            part_number_marker: i32::try_from(after).ok(),
            parts: Some(shown.collect()),
            storage_class: Some(standard()),
            upload_id: Some(input.upload_id),
            ..ListPartsOutput::default()
        })
    }

    pub(crate) async fn list_uploads(
        &self,
        call: &Call,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let bucket = self.bucket(call).await?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let max = max_of(input.max_uploads, "max-uploads")?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let page = uploads(&bucket, &input, prefix, max).await?;
        self.all_shown().await?;
        let mut shown = Vec::new();
        for upload in &page.uploads {
            let name = UploadName {
                id: upload.id,
                checksum: None,
            };
            shown.push(MultipartUpload {
                initiated: Some(Moment::of(upload.created).timestamp()),
                key: Some(encoding.bytes(&upload.key)?),
                owner: Some(owner(call.key.uid)),
                storage_class: Some(standard()),
                upload_id: Some(name.text()),
                ..MultipartUpload::default()
            });
        }
        let prefixes: S3Result<Vec<_>> = page
            .prefixes
            .iter()
            .map(|prefix| {
                let prefix = Some(encoding.text(prefix)?);
                Ok(CommonPrefix { prefix })
            })
            .collect();
        let next = page.next();
        Ok(ListMultipartUploadsOutput {
            bucket: Some(call.target.bucket.clone()),
            common_prefixes: Some(prefixes?),
            delimiter: encoding.optional(input.delimiter.as_deref())?,
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(next.is_some()),
            key_marker: Some(encoding.text(input.key_marker.as_deref().unwrap_or_default())?),
            max_uploads: i32::try_from(max).ok(),
            next_key_marker: encoding.optional(next.map(|next| &next.0[..]))?,
            next_upload_id_marker: next.map(|next| next.1.clone()),
            prefix: Some(encoding.text(prefix)?),
            upload_id_marker: input.upload_id_marker.clone(),
            uploads: Some(shown),
            ..ListMultipartUploadsOutput::default()
        })
    }
}

#[derive(Default)]
struct Page {
    uploads: Vec<UploadInfo>,
    prefixes: Vec<String>,
    /// Key and upload that were looked at last.
    last: Option<(String, String)>,
    /// There is more.
    is_cut: bool,
}

impl Page {
    /// Key and upload that the next page comes after.
    fn next(&self) -> Option<&(String, String)> {
        self.last.as_ref().filter(|_| self.is_cut)
    }
}

/// A page of uploads, rolled up by the delimiter.
async fn uploads(
    bucket: &Bucket,
    input: &ListMultipartUploadsInput,
    prefix: &str,
    max: usize,
) -> S3Result<Page> {
    let marker = input.key_marker.as_deref().unwrap_or_default();
    let after = input
        .upload_id_marker
        .as_deref()
        .filter(|_| !marker.is_empty());
    let after = after.filter(|id| !id.is_empty());
    let after = after.map(UploadName::parse).transpose();
    let after = after.map_err(|_| s3_error!(InvalidArgument, "Invalid uploadId marker"))?;
    let mut from = Place {
        key: marker.as_bytes().to_vec(),
        id: after.map(|name| name.id),
    };
    let delimiter = input.delimiter.as_deref().unwrap_or_default();
    let rolled_up = |key: &str| {
        let at = key.get(prefix.len()..)?.find(delimiter)?;
        let end = prefix.len() + at + delimiter.len();
        (!delimiter.is_empty()).then(|| key[..end].to_owned())
    };
    // What was rolled up on the page before is not shown again.
    if let Some(rolled) = rolled_up(marker).filter(|_| marker.starts_with(prefix)) {
        from.pass(&rolled);
    }
    let mut page = Page::default();
    loop {
        let found = bucket.uploads_after(prefix.as_bytes(), &from.key, from.id, ITEMS_MAX);
        let (found, is_more) = found.await.map_err(of_bucket)?;
        for upload in found {
            let key = String::from_utf8_lossy(&upload.key).into_owned();
            let rolled = rolled_up(&key);
            let is_known = rolled.is_some() && rolled.as_ref() == page.prefixes.last();
            if !is_known && page.uploads.len() + page.prefixes.len() >= max {
                page.is_cut = max > 0;
                return Ok(page);
            }
            let name = UploadName {
                id: upload.id,
                checksum: None,
            };
            page.last = Some((key, name.text()));
            from = Place {
                key: upload.key.clone(),
                id: Some(upload.id),
            };
            match rolled {
                Some(rolled) => {
                    from.pass(&rolled);
                    if !is_known {
                        page.prefixes.push(rolled);
                    }
                }
                None => page.uploads.push(upload),
            }
        }
        if !is_more {
            return Ok(page);
        }
    }
}

/// Where a listing goes on: behind this upload of this key, or behind all of the key.
struct Place {
    key: Vec<u8>,
    id: Option<UploadId>,
}

impl Place {
    /// Goes on behind all keys that begin with `prefix`: no key has the byte that follows it here.
    fn pass(&mut self, prefix: &str) {
        self.key = [prefix.as_bytes(), &[0xff]].concat();
        self.id = None;
    }
}
