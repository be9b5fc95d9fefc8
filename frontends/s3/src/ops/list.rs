//! Listing objects.

use engine_bucket::{Bucket, Info, ListItem, ListOptions, ListPage};
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, EncodingType, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door, shown};
use crate::error::{invalid_argument, of_bucket};
use crate::etag::etag_of;
use crate::moment::Moment;
use crate::ops::buckets::owner;
use crate::ops::list_pages::{Encoding, Wanted, max_items, next_token, token_key};
use crate::posix::Readable;
use crate::stored::Stored;

/// A page as all three listings show it.
struct Page {
    items: Vec<ListItem>,
    is_cut: bool,
    /// The last key, or common prefix, that was looked at.
    last: Option<String>,
}

impl Page {
    fn prefixes(&self, encoding: &Encoding) -> S3Result<Vec<CommonPrefix>> {
        let prefixes = self.items.iter().filter_map(|item| match item {
            ListItem::Prefix(prefix) => Some(prefix),
            ListItem::Object { .. } => None,
        });
        let shown = prefixes.map(|prefix| {
            let prefix = Some(encoding.bytes(prefix)?);
            Ok(CommonPrefix { prefix })
        });
        shown.collect()
    }

    fn objects(&self) -> impl Iterator<Item = (&[u8], &Info)> {
        self.items.iter().filter_map(|item| match item {
            ListItem::Object { key, info } => Some((&key[..], info)),
            ListItem::Prefix(_) => None,
        })
    }

    fn contents(&self, encoding: &Encoding, with_owner: bool) -> S3Result<Vec<Object>> {
        self.objects()
            .map(|(key, info)| {
                let stored = Stored::decode(info.checksums.as_deref());
                let algorithms = algorithms(&stored);
                Ok(Object {
                    checksum_type: algorithms.as_ref().and(stored.shown().checksum_type),
                    checksum_algorithm: algorithms,
                    e_tag: Some(etag_of(info)),
                    key: Some(encoding.bytes(key)?),
                    last_modified: Some(Moment::of(info.modified).timestamp()),
                    owner: with_owner.then(|| owner(info.uid)),
                    size: i64::try_from(info.size).ok(),
                    storage_class: Some(ObjectStorageClass::from_static(
                        ObjectStorageClass::STANDARD,
                    )),
                    ..Object::default()
                })
            })
            .collect()
    }

    fn next(&self) -> Option<&str> {
        self.last.as_deref().filter(|_| self.is_cut)
    }
}

fn algorithms(stored: &Stored) -> Option<Vec<ChecksumAlgorithm>> {
    let names = stored.values.iter().map(|value| value.0.name());
    let all: Vec<_> = names
        .map(|name| ChecksumAlgorithm::from(name.to_ascii_uppercase()))
        .collect();
    (!all.is_empty()).then_some(all)
}

impl Door {
    /// A page, whose changes are on stable storage.
    async fn page(&self, bucket: &Bucket, call: &Call, wanted: &Wanted<'_>) -> S3Result<Page> {
        self.allow_list(bucket, call, wanted.prefix).await?;
        let options = ListOptions {
            prefix: wanted.prefix.as_bytes(),
            delimiter: wanted.delimiter.as_bytes(),
            start_after: wanted.after.as_bytes(),
            max: wanted.max,
        };
        let ListPage {
            mut items,
            truncated,
            lsn,
        } = bucket.list(&options).await.map_err(of_bucket)?;
        shown(bucket, lsn).await?;
        let last = items
            .last()
            .map(|item| String::from_utf8_lossy(item.key()).into_owned());
        if call.key.posix {
            let mut readable = Readable::default();
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                let key = String::from_utf8_lossy(item.key()).into_owned();
                if readable.shows(bucket, &call.key, &key).await? {
                    kept.push(item);
                }
            }
            items = kept;
        }
        Ok(Page {
            items,
            // With room for nothing there is no place to go on from.
            is_cut: truncated && wanted.max > 0,
            last,
        })
    }

    pub(crate) async fn list_v2(
        &self,
        call: &Call,
        input: ListObjectsV2Input,
    ) -> S3Result<ListObjectsV2Output> {
        let bucket = self.bucket(call).await?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let max = max_items(input.max_keys)?;
        let token = input
            .continuation_token
            .as_deref()
            .map(token_key)
            .transpose()?;
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: token
                .as_deref()
                .or(input.start_after.as_deref())
                .unwrap_or_default(),
            max,
        };
        let page = self.page(&bucket, call, &wanted).await?;
        let contents = page.contents(&encoding, input.fetch_owner == Some(true))?;
        let prefixes = page.prefixes(&encoding)?;
        let count = contents.len() + prefixes.len();
        Ok(ListObjectsV2Output {
            common_prefixes: Some(prefixes),
            contents: Some(contents),
            continuation_token: input.continuation_token.clone(),
            delimiter: encoding.optional(input.delimiter.as_deref())?,
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(page.is_cut),
            key_count: i32::try_from(count).ok(),
            max_keys: i32::try_from(max).ok(),
            name: Some(call.target.bucket.clone()),
            next_continuation_token: page.next().map(next_token),
            prefix: Some(encoding.text(wanted.prefix)?),
            start_after: encoding.optional(input.start_after.as_deref())?,
            ..ListObjectsV2Output::default()
        })
    }

    pub(crate) async fn list_v1(
        &self,
        call: &Call,
        input: ListObjectsInput,
    ) -> S3Result<ListObjectsOutput> {
        let bucket = self.bucket(call).await?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let max = max_items(input.max_keys)?;
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.marker.as_deref().unwrap_or_default(),
            max,
        };
        let page = self.page(&bucket, call, &wanted).await?;
        Ok(ListObjectsOutput {
            common_prefixes: Some(page.prefixes(&encoding)?),
            contents: Some(page.contents(&encoding, true)?),
            delimiter: encoding.optional(input.delimiter.as_deref())?,
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(page.is_cut),
            marker: Some(encoding.text(wanted.after)?),
            max_keys: i32::try_from(max).ok(),
            name: Some(call.target.bucket.clone()),
            next_marker: encoding.optional(page.next())?,
            prefix: Some(encoding.text(wanted.prefix)?),
            ..ListObjectsOutput::default()
        })
    }

    /// Each object is the only version of itself.
    pub(crate) async fn list_versions(
        &self,
        call: &Call,
        input: ListObjectVersionsInput,
    ) -> S3Result<ListObjectVersionsOutput> {
        let bucket = self.bucket(call).await?;
        let encoding = Encoding::of(input.encoding_type.as_ref())?;
        let max = max_items(input.max_keys)?;
        if input.version_id_marker.is_some() && input.key_marker.is_none() {
            return Err(invalid_argument(
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        let wanted = Wanted {
            prefix: input.prefix.as_deref().unwrap_or_default(),
            delimiter: input.delimiter.as_deref().unwrap_or_default(),
            after: input.key_marker.as_deref().unwrap_or_default(),
            max,
        };
        let page = self.page(&bucket, call, &wanted).await?;
        let version = |(key, info): (&[u8], &Info)| {
            Ok(ObjectVersion {
                e_tag: Some(etag_of(info)),
                is_latest: Some(true),
                key: Some(encoding.bytes(key)?),
                last_modified: Some(Moment::of(info.modified).timestamp()),
                owner: Some(owner(info.uid)),
                size: i64::try_from(info.size).ok(),
                storage_class: Some("STANDARD".to_owned().into()),
                version_id: Some("null".to_owned()),
                ..ObjectVersion::default()
            })
        };
        let versions: S3Result<Vec<_>> = page.objects().map(version).collect();
        Ok(ListObjectVersionsOutput {
            common_prefixes: Some(page.prefixes(&encoding)?),
            delimiter: encoding.optional(input.delimiter.as_deref())?,
            encoding_type: input.encoding_type.clone(),
            is_truncated: Some(page.is_cut),
            key_marker: Some(encoding.text(wanted.after)?),
            max_keys: i32::try_from(max).ok(),
            name: Some(call.target.bucket.clone()),
            next_key_marker: encoding.optional(page.next())?,
            next_version_id_marker: page.next().map(|_| "null".to_owned()),
            prefix: Some(encoding.text(wanted.prefix)?),
            version_id_marker: input.version_id_marker.clone(),
            versions: Some(versions?),
            ..ListObjectVersionsOutput::default()
        })
    }
}

/// What an encoding is asked for that there is not.
pub(crate) fn unknown_encoding(kind: &EncodingType) -> s3s::S3Error {
    let kind = kind.as_str();
    s3_error!(
        InvalidArgument,
        "Invalid Encoding Method specified in Request: {kind}"
    )
}
