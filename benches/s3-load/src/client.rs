//! One connection to a server.

use std::net::TcpStream;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_quickack;

use crate::Target;
use crate::body::Body;
use crate::sign::{EMPTY, Signer};

/// A connection that stays open.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    /// The same connection, for its options.
    socket: TcpStream,
    signer: Signer,
    bucket: String,
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let stream = tokio::net::TcpStream::connect(target.server).await?;
        stream.set_nodelay(true)?;
        let stream = stream.into_std()?;
        let socket = stream.try_clone()?;
        let stream = tokio::net::TcpStream::from_std(stream)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // What goes wrong with a connection, the next request on it reports.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            socket,
            signer: Signer::new(target)?,
            bucket: target.bucket.clone(),
        })
    }

    pub(crate) async fn put(&mut self, key: &str, body: &Body) -> anyhow::Result<()> {
        let path = format!("/{}/{key}", self.bucket);
        let request = self.signer.request(&Method::PUT, &path, &body.sha256)?;
        let (status, _) = self
            .send(request.body(Full::new(body.data.clone()))?)
            .await?;
        ensure!(status.is_success(), "PUT {path}: {status}");
        Ok(())
    }

    /// Gets an object; how many bytes it has.
    pub(crate) async fn get(&mut self, key: &str) -> anyhow::Result<usize> {
        let path = format!("/{}/{key}", self.bucket);
        let request = self.signer.request(&Method::GET, &path, EMPTY)?;
        let (status, bytes) = self.send(request.body(Full::default())?).await?;
        ensure!(status.is_success(), "GET {path}: {status}");
        Ok(bytes)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, usize)> {
        self.sender.ready().await?;
        let mut response = self.sender.send_request(request).await?;
        // Acknowledges what has come: servers that send an answer in two pieces and wait for that
        // in between would be measured by how long it is delayed, 40 ms.
        set_tcp_quickack(&self.socket, true)?;
        let mut bytes = 0;
        while let Some(frame) = response.body_mut().frame().await {
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok((response.status(), bytes))
    }
}

pub(crate) async fn create_bucket(target: &Target) -> anyhow::Result<()> {
    let mut client = Client::connect(target).await?;
    let path = format!("/{}", target.bucket);
    let request = client.signer.request(&Method::PUT, &path, EMPTY)?;
    let sent = client.send(request.body(Full::default())?).await;
    let (status, _) = sent.context("creating the bucket")?;
    ensure!(status.is_success(), "PUT {path}: {status}");
    Ok(())
}
