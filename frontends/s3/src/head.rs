//! The bound of a request's head.
//!
//! The connection refuses a head once it holds that many bytes of one that has not ended; one that
//! comes whole in a last large read is measured here.

use hyper::StatusCode;
use hyper::http::request::Parts;
use s3s::S3Error;

use crate::error::custom;

/// Bytes of a request's line and headers.
pub(crate) fn head_bytes(parts: &Parts) -> usize {
    let uri = &parts.uri;
    let authority = uri
        .authority()
        .map_or(0, |authority| authority.as_str().len());
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let line = parts.method.as_str().len() + authority + target + "  HTTP/1.1\r\n".len();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + headers.sum::<usize>() + "\r\n".len()
}

pub(crate) fn head_too_large(max: usize) -> S3Error {
    custom(
        "RequestHeaderSectionTooLarge",
        StatusCode::BAD_REQUEST,
        format!("Your request's line and headers exceed the maximum allowed size: {max} bytes."),
    )
}
