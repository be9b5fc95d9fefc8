//! The way of a request: who sends it, what it is about, its body; then the operation; then the
//! answer.
//!
//! Signatures, bodies in chunks and addresses are dealt with here, and the library that parses and
//! routes operations sees a request without any of them. So it needs no secrets, keeps nothing of a
//! body in memory, and puts no bound on keys that only a mount can make.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, EXPECT, HeaderValue, RANGE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Uri};
use parking_lot::Mutex;
use s3s::dto::Range;
use s3s::service::S3Service;
use s3s::{Body, S3Error, S3Result, s3_error};
use tokio::sync::Semaphore;

use crate::answer::{Answer, InFlight};
use crate::auth::{self, Protection, Verified};
use crate::body::{Chunks, Payload, Sent};
use crate::digest::{Hashing, Promised};
use crate::document;
use crate::door::{Call, Door};
use crate::head::{head_bytes, head_too_large};
use crate::keys::Keys;
use crate::leftovers::Leftovers;
use crate::limits::Limits;
use crate::metrics::{Metrics, add};
use crate::query::Query;
use crate::target::Target;
use crate::unsupported::refuse;

/// What all connections share.
pub(crate) struct Gate {
    pub(crate) door: Arc<Door>,
    pub(crate) service: S3Service,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) domain: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) numbers: AtomicU64,
}

impl Gate {
    /// Answers a request, whatever it is.
    pub(crate) async fn serve(&self, request: Request<Incoming>) -> Response<Answer> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let is_head = request.method() == Method::HEAD;
        let (parts, body) = request.into_parts();
        let is_unasked = parts.headers.contains_key(EXPECT) && body.is_end_stream();
        // What came in one read with the rest may be more than the connection takes in alone.
        let is_too_large = head_bytes(&parts) > self.limits.head_bytes;
        let verified = if is_too_large {
            Err(head_too_large(self.limits.head_bytes))
        } else {
            auth::verify(&parts, &*self.keys, self.door.now_seconds())
        };
        let mut in_flight = InFlight::new(Arc::clone(&self.metrics));
        let result = match verified {
            Err(error) => {
                add(&self.metrics.denied, 1);
                Err(error)
            }
            Ok(verified) => match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => {
                    in_flight.place = Some(place);
                    self.admitted(parts, body, verified).await
                }
                Err(_) => {
                    add(&self.metrics.slowed_down, 1);
                    Err(s3_error!(SlowDown, "Please reduce your request rate."))
                }
            },
        };
        let mut response = result.unwrap_or_else(|error| in_xml(error, number));
        self.finish(&mut response, number);
        if is_unasked || is_too_large {
            // An empty body is not asked for by `100 Continue`, and clients built on botocore
            // misread what follows such an answer on its connection.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        if is_head
            && response.headers().contains_key(CONTENT_RANGE)
            && response.status().is_success()
        {
            // The library says 200 of a part to HEAD.
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        if is_head || response.status() == StatusCode::NOT_MODIFIED {
            *response.body_mut() = Body::empty();
        }
        response.map(|body| Answer::new(body, in_flight))
    }

    fn finish(&self, response: &mut Response<Body>, number: u64) {
        let status = response.status();
        if status.is_client_error() {
            add(&self.metrics.client_errors, 1);
        } else if status.is_server_error() {
            add(&self.metrics.server_errors, 1);
        }
        if let Ok(value) = HeaderValue::try_from(format!("{number:016X}")) {
            response.headers_mut().insert("x-amz-request-id", value);
        }
    }

    /// Serves a request whose sender is known.
    async fn admitted(
        &self,
        mut parts: Parts,
        body: Incoming,
        verified: Verified,
    ) -> S3Result<Response<Body>> {
        let body = Sent::new(body, &parts.headers, self.limits.stall_time);
        let target = Target::of(&parts, self.domain.as_deref())?;
        let source = match (
            parts.headers.get("x-amz-copy-source"),
            parts.headers.get("x-amz-rename-source"),
        ) {
            (Some(value), _) => Some(Target::of_source(value.as_bytes())?),
            (None, Some(value)) => Some(target.rename_source(value.as_bytes())?),
            (None, None) => None,
        };
        let query = Query::of(&parts.uri);
        let foreign = [Some(&target), source.as_ref()].into_iter().flatten();
        if foreign
            .into_iter()
            .any(|target| !target.bucket.is_empty() && !verified.key.may_use(&target.bucket))
        {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        refuse(&parts, &target, &query)?;
        quote_tags(&mut parts);
        let completes = parts.method == Method::POST && query.has("uploadId");
        let promised = Promised::of(&parts.headers, verified.protection.sha256(), completes)?;
        let streams = is_stored(&parts, &target, &query);
        let mut payload = payload(&parts, body, &verified, streams)?;
        let collected = if streams {
            Body::empty()
        } else {
            self.collect(&mut payload, &promised).await?
        };
        let call = Call {
            key: verified.key,
            target,
            source,
            promised,
            payload: Arc::new(Mutex::new(streams.then_some(payload))),
            metrics: Arc::clone(&self.metrics),
        };
        if parts.method == Method::PUT && query.has("renameObject") {
            call.check("RenameObject")?;
            return self.door.rename(&call, &parts.headers).await;
        }
        rewrite(&mut parts, &call, &query, &collected)?;
        let targets = [Some(&call.target), call.source.as_ref()];
        let names = targets.into_iter().flatten();
        let leftovers = Leftovers::of(&self.door, names.map(|target| target.bucket.clone()));
        let may_stage = matches!(parts.method, Method::PUT | Method::POST);
        let kind = document::Kind::of(&parts.method, &call.target, &query);
        parts.extensions.insert(call);
        let answered = self.service.call(Request::from_parts(parts, collected));
        let mut answer = answered.await.map_err(|error| {
            let error = s3s::StdError::from(error);
            tracing::error!(%error, "an answer could not be made");
            s3_error!(InternalError, "We encountered an internal error.")
        })?;
        if answer.status().is_success() || !may_stage {
            leftovers.none();
        }
        kind.amend(&mut answer);
        Ok(answer)
    }

    /// Reads a body that is a document, and checks what was promised of it.
    async fn collect(&self, payload: &mut Payload, promised: &Promised) -> S3Result<Body> {
        let all = payload.collect(self.limits.document_bytes).await?;
        add(&self.metrics.bytes_in, all.len() as u64);
        let mut hashing = Hashing::new(promised, None);
        hashing.update(&all);
        hashing.finish().check(promised, &payload.trailer())?;
        document::check(&all)?;
        Ok(Body::from(all))
    }
}

/// The body of a request, with what was declared of it. One that is stored is never taken for
/// empty because nothing was said of it.
fn payload(parts: &Parts, body: Sent, verified: &Verified, is_stored: bool) -> S3Result<Payload> {
    let number = |name: &str| {
        let value = parts.headers.get(name).map(|value| value.to_str());
        match value {
            None => Ok(None),
            Some(text) => {
                let number = text.ok().and_then(|text| text.parse::<u64>().ok());
                let invalid = || s3_error!(InvalidArgument, "{name} is no number.");
                number.map(Some).ok_or_else(invalid)
            }
        }
    };
    if let Protection::Chunked { signed, trailer } = verified.protection {
        let declared = number("x-amz-decoded-content-length")?;
        let declared = declared.ok_or_else(|| {
            s3_error!(
                MissingContentLength,
                "You must provide the x-amz-decoded-content-length HTTP header."
            )
        })?;
        let with = (verified.signer.clone(), verified.signature.clone());
        let chunks = Chunks::new(signed.then_some(with), trailer);
        return Ok(Payload::new(body, Some(chunks), Some(declared)));
    }
    let declared = number("content-length")?;
    if declared.is_none() && (is_stored || parts.headers.contains_key("transfer-encoding")) {
        return Err(s3_error!(
            MissingContentLength,
            "You must provide the Content-Length HTTP header."
        ));
    }
    let declared = Some(declared.unwrap_or(0));
    Ok(Payload::new(body, None, declared))
}

/// Whether the body becomes an object or a part: then it is taken as it comes.
fn is_stored(parts: &Parts, target: &Target, query: &Query) -> bool {
    let is_other = ["acl", "legal-hold", "retention", "tagging", "renameObject"];
    parts.method == Method::PUT
        && !target.key.is_empty()
        && !parts.headers.contains_key("x-amz-copy-source")
        && !is_other.iter().any(|name| query.has(name))
}

/// Clients may leave the quotes of entity tags out.
fn quote_tags(parts: &mut Parts) {
    for (name, value) in &mut parts.headers {
        let is_tag =
            name.as_str().ends_with("if-match") || name.as_str().ends_with("if-none-match");
        let bytes = value.as_bytes();
        let is_bare = !bytes.is_empty()
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        if !is_tag || !is_bare {
            continue;
        }
        let quoted = [b"\"", bytes, b"\""].concat();
        if let Ok(quoted) = HeaderValue::from_bytes(&quoted) {
            *value = quoted;
        }
    }
}

/// Makes the request what the library shall see of it.
fn rewrite(parts: &mut Parts, call: &Call, query: &Query, body: &Body) -> S3Result<()> {
    let uri = format!("{}{}", call.target.shape(), query.without_signature());
    parts.uri = Uri::try_from(uri)
        .map_err(|error| s3_error!(error, InvalidURI, "Couldn't parse the specified URI."))?;
    for name in ["authorization", "x-amz-content-sha256", "x-amz-trailer"] {
        parts.headers.remove(name);
    }
    if call.source.is_some() && parts.headers.contains_key("x-amz-copy-source") {
        let value = HeaderValue::from_static("bucket/key");
        parts.headers.insert("x-amz-copy-source", value);
    }
    // A range that makes no sense, or several of them: all of it is the answer. The library takes
    // one without numbers for the last 0 bytes.
    let makes_sense = |text: &str| text != "bytes=-" && Range::parse(text).is_ok();
    let range = parts.headers.get(RANGE).map(HeaderValue::to_str);
    if range.is_some_and(|range| !range.is_ok_and(makes_sense)) {
        parts.headers.remove(RANGE);
    }
    let bytes = body.bytes().map_or(0, |bytes| bytes.len());
    parts.headers.insert(CONTENT_LENGTH, bytes.into());
    Ok(())
}

/// An error as the document that clients expect.
fn in_xml(mut error: S3Error, number: u64) -> Response<Body> {
    error.set_request_id(format!("{number:016X}"));
    error.to_http_response().unwrap_or_else(|error| {
        tracing::error!(%error, "an error could not be put into words");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
