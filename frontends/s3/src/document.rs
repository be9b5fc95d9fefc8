//! Bodies that are XML: before the library reads them, and after it wrote them.

use hyper::header::CONTENT_TYPE;
use hyper::{Method, Response};
use s3s::{Body, S3Result, s3_error};

use crate::query::Query;
use crate::target::Target;

/// What the library passes over: a key with such a section in it would be read as another key, and
/// declarations of entities as none.
const PASSED_OVER: [&[u8]; 3] = [b"<![CDATA[", b"<!DOCTYPE", b"<!ENTITY"];

/// Refuses a document that the library would not read as it was meant.
pub(crate) fn check(document: &[u8]) -> S3Result<()> {
    let mut rest = document;
    while let Some(at) = rest.windows(2).position(|two| two == b"<!") {
        rest = rest.get(at..).unwrap_or_default();
        if PASSED_OVER.iter().any(|begin| rest.starts_with(begin)) {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided has a CDATA section or a document type, which are not taken."
            ));
        }
        rest = rest.get(2..).unwrap_or_default();
    }
    Ok(())
}

/// What the body of an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes of an object, whatever they are.
    Object,
    /// What is known of an object.
    Attributes,
    Document,
}

impl Kind {
    pub(crate) fn of(method: &Method, target: &Target, query: &Query) -> Self {
        let is_about = |name: &str| query.has(name);
        if method != Method::GET || target.key.is_empty() {
            Self::Document
        } else if is_about("attributes") {
            Self::Attributes
        } else if ["tagging", "uploadId"].into_iter().any(is_about) {
            Self::Document
        } else {
            Self::Object
        }
    }

    /// Says in a document what the library does not: a carriage return would be read as a line
    /// feed, and the entity tag among the attributes of an object has no quotes.
    pub(crate) fn amend(self, answer: &mut Response<Body>) {
        let is_xml = answer.headers().get(CONTENT_TYPE);
        let is_xml = is_xml.is_some_and(|kind| kind.as_bytes() == b"application/xml");
        let Some(bytes) = answer.body().bytes().filter(|_| is_xml) else {
            return;
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return;
        };
        let has_tag = self == Self::Attributes && text.contains(TAG_BEGIN);
        if self == Self::Object || !(has_tag || text.contains('\r')) {
            return;
        }
        let text = text.replace('\r', "&#13;");
        let text = if has_tag { with_bare_tag(&text) } else { text };
        *answer.body_mut() = Body::from(text);
    }
}

const TAG_BEGIN: &str = "<ETag>";

fn with_bare_tag(text: &str) -> String {
    let tag = text.split_once(TAG_BEGIN).and_then(|(before, rest)| {
        let (tag, rest) = rest.split_once('<')?;
        Some((before, tag, rest))
    });
    let Some((before, tag, rest)) = tag else {
        return text.to_owned();
    };
    let tag = tag.replace("&quot;", "\"");
    let tag = tag.trim_matches('"');
    format!("{before}{TAG_BEGIN}{tag}<{rest}")
}
