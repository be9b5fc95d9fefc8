//! Reading objects.

use std::ops::Range;

use engine_bucket::{Info, ObjectReader};
use hyper::header::{HeaderValue, IF_RANGE};
use hyper::{HeaderMap, StatusCode};
use s3s::dto::{
    Checksum, ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    StreamingBlob,
};
use s3s::{Body, S3Result, s3_error};

use crate::door::{Call, Door, head_of};
use crate::error::{custom, of_bucket};
use crate::etag::{ReadConditions, etag_of, http_time, is_exactly, with_freshness};
use crate::fields::{Pair, Shown};
use crate::moment::Moment;
use crate::ops::parts::opened;
use crate::stored::{Stored, with_sums};
use crate::stream;

/// Bytes that are read before the answer begins: all of a small object.
const FIRST_BYTES: usize = 1 << 20;

/// Which bytes of an object are asked for.
#[derive(Default)]
struct Wanted {
    range: Option<s3s::dto::Range>,
    part: Option<i32>,
    checksum_mode: Option<ChecksumMode>,
    /// The range is wanted only of what this names.
    if_range: Option<HeaderValue>,
}

/// The bytes that an answer is about.
struct Chosen {
    bytes: Range<u64>,
    /// Not all of them.
    is_part: bool,
    parts: Option<i32>,
}

impl Wanted {
    fn choose(&self, info: &Info, stored: &Stored) -> S3Result<Chosen> {
        let all = |parts| Chosen {
            bytes: 0..info.size,
            is_part: false,
            parts,
        };
        let count = i32::try_from(stored.parts_count()).unwrap_or(i32::MAX);
        let range = self.range.as_ref();
        let is_same = |_: &&s3s::dto::Range| {
            let wanted = self.if_range.as_ref();
            wanted.is_none_or(|wanted| is_exactly(wanted, info))
        };
        match (range, self.part) {
            (Some(_), Some(_)) => Err(s3_error!(
                InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter."
            )),
            (None, None) => Ok(all(None)),
            (Some(_), None) if range.filter(is_same).is_none() => Ok(all(None)),
            (Some(range), None) => {
                let found = range.check(info.size).ok();
                let found = found.filter(|found| !found.is_empty());
                let found = found.ok_or_else(|| not_satisfiable(info.size))?;
                Ok(Chosen {
                    bytes: found,
                    is_part: true,
                    parts: None,
                })
            }
            (None, Some(number)) => {
                let number = u64::try_from(number).unwrap_or(0);
                // Also a copy of what was uploaded in parts, where they are not kept.
                if number == 1 && count == 0 {
                    return Ok(all(None));
                }
                let (start, bytes) = stored.part(number).ok_or_else(no_such_part)?;
                let end = start.saturating_add(bytes);
                if end > info.size {
                    return Err(no_such_part());
                }
                Ok(Chosen {
                    bytes: start..end,
                    is_part: bytes > 0,
                    parts: Some(count),
                })
            }
        }
    }
}

fn no_such_part() -> s3s::S3Error {
    custom(
        "InvalidPartNumber",
        StatusCode::RANGE_NOT_SATISFIABLE,
        "The requested partnumber is not satisfiable",
    )
}

fn not_satisfiable(size: u64) -> s3s::S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    if let Ok(value) = format!("bytes */{size}").try_into() {
        headers.insert(hyper::header::CONTENT_RANGE, value);
    }
    let xml = hyper::header::HeaderValue::from_static("application/xml");
    headers.insert(hyper::header::CONTENT_TYPE, xml);
    error.set_headers(headers);
    error
}

fn length(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn content_range(chosen: &Chosen, info: &Info) -> Option<String> {
    let Range { start, end } = chosen.bytes;
    let text = || format!("bytes {start}-{}/{}", end - 1, info.size);
    chosen.is_part.then(text)
}

/// What GET and HEAD say of an object.
struct Facts {
    info: Info,
    fields: Shown,
    chosen: Chosen,
    sums: Checksum,
}

impl Facts {
    /// Refuses what does not hold, or is not there.
    fn of(
        info: Info,
        stored: &Stored,
        metadata: &[Pair],
        conditions: &ReadConditions,
        wanted: &Wanted,
    ) -> S3Result<Self> {
        let fields = Shown::of(metadata);
        conditions
            .check(&info)
            .map_err(|error| with_freshness(error, &fields))?;
        let chosen = wanted.choose(&info, stored)?;
        let mode = wanted.checksum_mode.as_ref();
        let is_wanted = mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case("ENABLED"));
        let sums = if is_wanted && !chosen.is_part {
            stored.shown()
        } else {
            Checksum::default()
        };
        Ok(Self {
            fields,
            sums,
            chosen,
            info,
        })
    }
}

/// The answer of this kind with the fields that GET and HEAD share, and these others.
macro_rules! described {
    ($kind:ident, $facts:expr, { $($rest:tt)* }) => {{
        let Facts { info, fields, chosen, sums } = $facts;
        let checksum_type = sums.checksum_type.clone();
        with_sums!($kind, sums, {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: fields.cache_control,
            checksum_type,
            content_disposition: fields.content_disposition,
            content_encoding: fields.content_encoding,
            content_language: fields.content_language,
            content_length: Some(length(chosen.bytes.end - chosen.bytes.start)),
            content_range: content_range(&chosen, &info),
            content_type: fields.content_type,
            e_tag: Some(etag_of(&info)),
            expires: fields.expires.as_deref().and_then(http_time),
            last_modified: Some(Moment::of(info.modified).timestamp()),
            metadata: Some(fields.metadata),
            missing_meta: Some(fields.missing).filter(|count| *count > 0),
            parts_count: chosen.parts,
            $($rest)*
            ..$kind::default()
        })
    }};
}

impl Door {
    pub(crate) async fn get_object(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: GetObjectInput,
    ) -> S3Result<GetObjectOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_read(&bucket, call, &call.target.key).await?;
        let opened = opened(&bucket, &call.target.key, input.part_number.is_some());
        let (reader, stored) = opened.await?;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        let wanted = Wanted {
            range: input.range,
            part: input.part_number,
            checksum_mode: input.checksum_mode,
            if_range: headers.get(IF_RANGE).cloned(),
        };
        let info = reader.info().clone();
        let facts = match Facts::of(info, &stored, reader.metadata(), &conditions, &wanted) {
            Ok(facts) => facts,
            Err(error) => {
                end(reader).await;
                return Err(error);
            }
        };
        let body = self.body(reader, facts.chosen.bytes.clone()).await?;
        let tags = i32::try_from(facts.fields.tags).ok();
        Ok(described!(GetObjectOutput, facts, {
            body: Some(StreamingBlob::from(body)),
            tag_count: tags.filter(|count| *count > 0),
        }))
    }

    /// Reads the beginning, so that what cannot be read is an error, and then streams.
    async fn body(&self, reader: ObjectReader, bytes: Range<u64>) -> S3Result<Body> {
        let total = bytes.end - bytes.start;
        let first = usize::try_from(total)
            .unwrap_or(FIRST_BYTES)
            .min(FIRST_BYTES);
        let read = reader.read(bytes.start, first).await;
        let data = match read {
            Ok(data) => data,
            Err(error) => {
                end(reader).await;
                return Err(of_bucket(error));
            }
        };
        if data.len() as u64 == total {
            end(reader).await;
            return Ok(Body::from(data));
        }
        Ok(stream::of_rest(reader, data.into(), bytes, self.stall_time))
    }

    pub(crate) async fn head_object(
        &self,
        call: &Call,
        headers: &HeaderMap,
        input: HeadObjectInput,
    ) -> S3Result<HeadObjectOutput> {
        let bucket = self.bucket(call).await?;
        self.allow_read(&bucket, call, &call.target.key).await?;
        let head = if input.part_number.is_some() {
            let (reader, stored) = opened(&bucket, &call.target.key, true).await?;
            let (info, metadata) = (reader.info().clone(), reader.metadata().to_vec());
            end(reader).await;
            (info, stored, metadata)
        } else {
            let head = head_of(&bucket, &call.target.key).await?;
            let stored = Stored::decode(head.info.checksums.as_deref());
            (head.info, stored, head.metadata)
        };
        let (info, stored, metadata) = head;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        let wanted = Wanted {
            range: input.range,
            part: input.part_number,
            checksum_mode: input.checksum_mode,
            if_range: headers.get(IF_RANGE).cloned(),
        };
        let facts = Facts::of(info, &stored, &metadata, &conditions, &wanted)?;
        Ok(described!(HeadObjectOutput, facts, {}))
    }
}

/// Lets go of an object.
pub(crate) async fn end(reader: ObjectReader) {
    if let Err(error) = reader.close().await {
        tracing::warn!(%error, "space of a removed object is not given back yet");
    }
}
