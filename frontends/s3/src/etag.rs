//! Entity tags, and conditions on them.

use std::sync::atomic::{AtomicBool, Ordering};

use engine_bucket::Info;
use hyper::HeaderMap;
use hyper::header::{CACHE_CONTROL, EXPIRES, HeaderValue};
use s3s::dto::{ETag, ETagCondition, Timestamp, TimestampFormat};
use s3s::header::{ETAG, LAST_MODIFIED};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::error::{no_such_key, precondition_failed};
use crate::fields::Shown;
use crate::moment::Moment;

/// The entity tag of a content: the one it was given, or, where it was last changed in place, its
/// inode and the number of changes, which never come again together.
pub(crate) fn tag_of(info: &Info) -> String {
    let given = info.entity_tag.as_deref();
    let given = given.and_then(|tag| std::str::from_utf8(tag).ok());
    match given.filter(|tag| {
        tag.bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"')
    }) {
        Some(tag) => tag.to_owned(),
        None => format!("{:016x}{:016x}-0", info.id.get(), info.changes),
    }
}

pub(crate) fn etag_of(info: &Info) -> ETag {
    ETag::Strong(tag_of(info))
}

/// A condition in a header that the library does not read.
pub(crate) fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<ETagCondition>> {
    let value = headers.get(name);
    let parsed = value.map(|value| ETagCondition::parse_http_header(value.as_bytes()));
    let invalid = |error| s3_error!(error, InvalidArgument, "The header {name} is no ETag.");
    parsed.transpose().map_err(invalid)
}

/// A time in a header that the library does not read.
pub(crate) fn moment(headers: &HeaderMap, name: &str) -> S3Result<Option<Timestamp>> {
    let value = headers.get(name).map(|value| value.to_str().ok());
    let parsed = value.map(|text| {
        let text = text.unwrap_or_default();
        Timestamp::parse(TimestampFormat::HttpDate, text)
    });
    let invalid = |error| s3_error!(error, InvalidArgument, "The header {name} is no time.");
    parsed.transpose().map_err(invalid)
}

/// Whether a condition names that object.
pub(crate) fn names(condition: &ETagCondition, info: Option<&Info>) -> bool {
    match (condition, info) {
        (_, None) => false,
        (ETagCondition::Any, Some(_)) => true,
        (ETagCondition::ETag(tag), Some(info)) => tag.value() == tag_of(info),
    }
}

/// Conditions of reading.
#[derive(Default)]
pub(crate) struct ReadConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    pub(crate) const fn is_none(&self) -> bool {
        self.if_match.is_none()
            && self.if_none_match.is_none()
            && self.if_modified_since.is_none()
            && self.if_unmodified_since.is_none()
    }

    /// In the order of RFC 9110, section 13.2.2.
    pub(crate) fn check(&self, info: &Info) -> S3Result<()> {
        let modified = Moment::of(info.modified);
        let since = |limit: &Timestamp| modified.seconds() > Moment::from(limit).seconds();
        let fails = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !names(condition, Some(info)),
            (None, Some(limit)) => since(limit),
            (None, None) => false,
        };
        if fails {
            return Err(precondition_failed());
        }
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => names(condition, Some(info)),
            (None, Some(limit)) => !since(limit),
            (None, None) => false,
        };
        if is_known {
            return Err(not_modified(info));
        }
        Ok(())
    }
}

fn not_modified(info: &Info) -> S3Error {
    let mut error = s3_error!(NotModified, "Not Modified");
    let mut headers = HeaderMap::new();
    if let Ok(tag) = etag_of(info).to_http_header() {
        headers.insert(ETAG, tag);
    }
    if let Ok(modified) = Moment::of(info.modified).http().try_into() {
        headers.insert(LAST_MODIFIED, modified);
    }
    error.set_headers(headers);
    error
}

/// RFC 9110, section 13.1.5: the strong entity tag, or the very time of the last change.
pub(crate) fn is_exactly(wanted: &HeaderValue, info: &Info) -> bool {
    let tag = format!("\"{}\"", tag_of(info));
    let wanted = wanted.as_bytes();
    wanted == tag.as_bytes() || wanted == Moment::of(info.modified).http().as_bytes()
}

/// A time that a header can say; anything may have been set through a mount.
pub(crate) fn http_time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, text).ok()
}

/// What says "not modified" says too how long that is so: RFC 9110, section 15.4.5.
pub(crate) fn with_freshness(mut error: S3Error, fields: &Shown) -> S3Error {
    if error.code() != &S3ErrorCode::NotModified {
        return error;
    }
    let mut headers = error.headers().cloned().unwrap_or_default();
    let expires = fields.expires.as_deref();
    let expires = expires.filter(|text| http_time(text).is_some());
    for (name, value) in [
        (CACHE_CONTROL, fields.cache_control.as_deref()),
        (EXPIRES, expires),
    ] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    error.set_headers(headers);
    error
}

/// Conditions of changing what a key names, which hold when the change is committed.
#[derive(Default)]
pub(crate) struct WriteConditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) size: Option<i64>,
    pub(crate) modified: Option<Timestamp>,
    /// There is something, and it was modified after that.
    pub(crate) modified_since: Option<Timestamp>,
    /// What there is was not modified after that.
    pub(crate) unmodified_since: Option<Timestamp>,
    /// There was nothing when a condition was looked at.
    absent: AtomicBool,
}

impl WriteConditions {
    pub(crate) fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> Self {
        Self {
            if_match,
            if_none_match,
            ..Self::default()
        }
    }

    pub(crate) const fn is_none(&self) -> bool {
        self.if_match.is_none()
            && self.if_none_match.is_none()
            && self.size.is_none()
            && self.modified.is_none()
            && self.modified_since.is_none()
            && self.unmodified_since.is_none()
    }

    /// Whether they hold for what is there.
    pub(crate) fn hold(&self, found: Option<&Info>) -> bool {
        self.absent.store(found.is_none(), Ordering::Relaxed);
        let size =
            |wanted: &i64| found.is_some_and(|info| i128::from(info.size) == (*wanted).into());
        let modified = |wanted: &Timestamp| {
            let wanted = Moment::from(wanted).seconds();
            found.is_some_and(|info| Moment::of(info.modified).seconds() == wanted)
        };
        let matches = |condition: &ETagCondition| names(condition, found);
        let is_after = |info: &Info, limit: &Timestamp| {
            Moment::of(info.modified).seconds() > Moment::from(limit).seconds()
        };
        // As for reading: the tag says more than the time.
        let modified_since = self.modified_since.as_ref();
        let modified_since = modified_since.filter(|_| self.if_none_match.is_none());
        let unmodified_since = self.unmodified_since.as_ref();
        let unmodified_since = unmodified_since.filter(|_| self.if_match.is_none());
        let is_modified = |limit| found.is_some_and(|info| is_after(info, limit));
        let is_unmodified = |limit| !found.is_some_and(|info| is_after(info, limit));
        modified_since.is_none_or(is_modified)
            && unmodified_since.is_none_or(is_unmodified)
            && self.if_match.as_ref().is_none_or(matches)
            && !self.if_none_match.as_ref().is_some_and(matches)
            && self.size.as_ref().is_none_or(size)
            && self.modified.as_ref().is_none_or(modified)
    }

    /// What to say when they did not hold: a match with nothing is that there is nothing.
    pub(crate) fn failed(&self) -> S3Error {
        let is_match = self.if_none_match.is_none() && self.modified_since.is_none();
        if self.absent.load(Ordering::Relaxed) && is_match {
            return no_such_key();
        }
        precondition_failed()
    }
}
