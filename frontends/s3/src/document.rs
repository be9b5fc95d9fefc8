//! Bodies that are XML, before the library reads them.

use s3s::{S3Result, s3_error};

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
