//! A small HTTP/1 server: bounded in connections, header time and header size.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::{ConsoleError, Health, Source, render_metrics, render_page};

/// Connections served at once; further ones wait in the kernel's backlog. A scraper and a few
/// browsers need a handful.
const CONNECTIONS_MAX: usize = 64;
/// Time for a client to send a request's head, and to send the next one on the same connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Pause after a failed accept (out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A console that listens. Nothing is answered before [`Console::serve`] runs.
#[derive(Debug)]
pub struct Console {
    listener: TcpListener,
    address: SocketAddr,
}

impl Console {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// [`ConsoleError::Bind`].
    pub async fn bind(address: SocketAddr) -> Result<Self, ConsoleError> {
        let failed = |source| ConsoleError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` completes, then finishes the requests that have begun.
    pub async fn serve(self, source: Arc<dyn Source>, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = async {
                // The semaphore is never closed, so the only failure cannot happen.
                let permit = Arc::clone(&permits).acquire_owned().await.ok();
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = &mut stop => break,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let source = Arc::clone(&source);
                    let stopped = stopped.clone();
                    connections.spawn(async move {
                        connection_serve(stream, source, stopped).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the console could not accept a connection; it goes on");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
        drop(self.listener);
        // Receivers may all be gone already.
        let _ = stopping.send(true);
        while connections.join_next().await.is_some() {}
    }
}

async fn connection_serve(
    stream: TcpStream,
    source: Arc<dyn Source>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let source = Arc::clone(&source);
        async move { Ok::<_, Infallible>(answer(source.as_ref(), &request)) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let finished = tokio::select! {
        finished = &mut connection => finished,
        // A dropped sender means the same as a change.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            // A client that does not read its answer must not hold up the stop.
            match tokio::time::timeout(HEAD_TIMEOUT, connection).await {
                Ok(finished) => finished,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = finished {
        tracing::debug!(%error, "a console connection ended early");
    }
}

fn answer<B>(source: &dyn Source, request: &Request<B>) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = respond(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "only GET and HEAD\n".to_owned(),
        );
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/" => respond(StatusCode::OK, HTML, render_page(&source.page())),
        "/metrics" => respond(
            StatusCode::OK,
            PROMETHEUS,
            render_metrics(&source.families()),
        ),
        "/healthz" => match source.health() {
            Health::Passing => respond(StatusCode::OK, TEXT, "ok\n".to_owned()),
            // Not 503: whoever restarts or bypasses what fails would make it worse.
            Health::Degraded(reason) => {
                respond(StatusCode::OK, TEXT, format!("degraded: {reason}\n"))
            }
            Health::Failing(reason) => {
                respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n"))
            }
        },
        _ => respond(StatusCode::NOT_FOUND, TEXT, "not found\n".to_owned()),
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    response
}

#[cfg(test)]
mod tests;
