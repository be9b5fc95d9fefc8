//! One connection.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::StdError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::gate::Gate;
use crate::linger::Lingering;
use crate::pace::Paced;
use crate::tls::Acceptor;

/// Headers of a request.
const HEADERS_MAX: usize = 128;

/// Serves a connection to its end.
pub(crate) async fn serve(
    stream: TcpStream,
    gate: Arc<Gate>,
    tls: Option<Acceptor>,
    stop: watch::Receiver<bool>,
) -> Result<(), StdError> {
    // An answer is one write: nothing is gained by waiting for more of it.
    stream.set_nodelay(true)?;
    let stream = Lingering::new(Paced::new(stream, gate.limits.stall_time), stop.clone());
    match tls {
        None => speak(stream, gate, stop).await,
        Some(tls) => {
            let accepted = tokio::time::timeout(gate.limits.head_time, tls.accept(stream));
            speak(accepted.await??, gate, stop).await
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    gate: Arc<Gate>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), StdError> {
    let limits = gate.limits;
    let service = service_fn(move |request| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, Infallible>(gate.serve(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_headers(HEADERS_MAX)
        .max_buf_size(limits.head_bytes)
        // Who says that it sends no more still waits for its answer (RFC 9112, section 9.6).
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return Ok(ended?),
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}
