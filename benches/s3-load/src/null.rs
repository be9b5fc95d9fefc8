//! A server that keeps nothing.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Longest content that is sent.
const SIZE_MAX: usize = 64 << 20;

pub(crate) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    let zeroes = Bytes::from(vec![0; SIZE_MAX]);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let zeroes = zeroes.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, zeroes.clone()));
            // A client that goes away ends its connection, and that is all.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// PUT: reads the body. GET: sends what the key, `SIZE/...`, says.
async fn answer(
    mut request: Request<Incoming>,
    zeroes: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    while let Some(Ok(_)) = request.body_mut().frame().await {}
    if request.method() != Method::GET {
        return Ok(Response::new(Full::default()));
    }
    let size = request.uri().path().split('/').nth(2);
    let size = size.and_then(|size| size.parse().ok()).unwrap_or(0);
    let data = zeroes.slice(..SIZE_MAX.min(size));
    Ok(Response::new(Full::new(data)))
}
