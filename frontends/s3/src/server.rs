//! The server: its runtime, its listening socket, and how it ends.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine_bucket::Buckets;
use s3s::service::S3ServiceBuilder;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::connection::serve;
use crate::door::{Door, NoSecrets, OfCall};
use crate::gate::Gate;
use crate::hashers::Hashers;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::metrics::{Metrics, add, sub};
use crate::service::Operations;
use crate::tls::{Acceptor, TlsError};

/// How long accepting pauses when the system lacks something, mostly descriptors: it comes back as
/// connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Appends at once, whose bodies are held in memory.
const APPENDS: usize = 8;
/// How long threads have to end.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Where the certificate of the server is. Both files are PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, and those that lead to the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub address: SocketAddr,
    /// The name under which buckets are reached as `BUCKET.DOMAIN`; addresses with the bucket in
    /// the path always work.
    pub domain: Option<String>,
    /// Speak TLS.
    pub tls: Option<Tls>,
    /// The region that buckets are said to be in.
    pub region: String,
    /// What clients may use.
    pub limits: Limits,
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}; choose another address, or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Threads cannot be started.
    #[error("cannot start the threads that serve connections")]
    Threads(#[source] io::Error),
    /// The certificate is no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A running server, with threads of its own. Dropping it stops it without waiting for requests;
/// see [`Server::shutdown`] for the graceful way.
#[derive(Debug)]
pub struct Server {
    runtime: Option<Runtime>,
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    /// Closed when the last connection has ended.
    alive: mpsc::Receiver<Infallible>,
}

/// What [`Server::shutdown`] could not finish in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Requests that were cut off.
    pub cut_off: u64,
}

/// What the loop that accepts connections works with.
struct Accepting {
    listener: TcpListener,
    gate: Arc<Gate>,
    tls: Option<Acceptor>,
    stop: watch::Receiver<bool>,
    /// Held by every connection.
    alive: mpsc::Sender<Infallible>,
}

impl Server {
    /// Listens, and serves `buckets` to who has one of `keys`.
    ///
    /// # Errors
    /// [`ServerError`]; nothing runs then.
    pub fn start(
        buckets: Buckets,
        keys: Arc<dyn Keys>,
        options: Options,
    ) -> Result<Self, ServerError> {
        let tls = options.tls.as_ref().map(Acceptor::load).transpose()?;
        let address = options.address;
        let failed = |source| ServerError::Listen { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = runtime(&options.limits).map_err(ServerError::Threads)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        // One hashes several bodies faster than the rest of two processors brings them.
        let hashers = Hashers::start(processors().div_ceil(2)).map_err(ServerError::Threads)?;
        let metrics = Arc::new(Metrics::default());
        let (stop, stopped) = watch::channel(false);
        let (held, alive) = mpsc::channel(1);
        let accepting = Accepting {
            listener,
            gate: Arc::new(gate(buckets, keys, options, hashers, Arc::clone(&metrics))),
            tls,
            stop: stopped,
            alive: held,
        };
        runtime.spawn(accepting.run());
        Ok(Self {
            runtime: Some(runtime),
            address,
            metrics,
            stop,
            alive,
        })
    }

    /// Where it listens, with the port that the system chose.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Counters, for whoever renders them.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Stops: no new connection and no new request; those in flight are finished. What is not done
    /// after `grace` is cut off.
    #[must_use = "what was cut off is worth a line of the log"]
    pub fn shutdown(mut self, grace: Duration) -> Left {
        self.stop.send_replace(true);
        let Some(runtime) = self.runtime.take() else {
            return Left { cut_off: 0 };
        };
        let ended =
            runtime.block_on(async { tokio::time::timeout(grace, self.alive.recv()).await });
        let cut_off = match ended {
            Ok(_) => 0,
            Err(_) => self.metrics.requests_in_flight.load(Ordering::Relaxed),
        };
        runtime.shutdown_timeout(STOP_GRACE);
        Left { cut_off }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// More threads than processors: a write or a read of the log may hold one of them up.
fn runtime(limits: &Limits) -> io::Result<Runtime> {
    let threads = match limits.threads {
        0 => (2 * processors()).max(8),
        threads => threads,
    };
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("s3")
        .enable_all()
        .build()
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn gate(
    buckets: Buckets,
    keys: Arc<dyn Keys>,
    options: Options,
    hashers: Hashers,
    metrics: Arc<Metrics>,
) -> Gate {
    let limits = options.limits;
    let door = Arc::new(Door {
        buckets,
        region: options.region,
        stall_time: limits.stall_time,
        appends: Semaphore::new(APPENDS),
        hashers,
    });
    let mut service = S3ServiceBuilder::new(Operations(Arc::clone(&door)));
    service.set_auth(NoSecrets);
    service.set_access(OfCall);
    Gate {
        door,
        service: service.build(),
        keys,
        domain: options.domain,
        limits,
        metrics,
        places: Arc::new(Semaphore::new(limits.requests)),
        numbers: AtomicU64::new(1),
    }
}

impl Accepting {
    async fn run(mut self) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = self.stop.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) if is_of_client(&error) => {
                    tracing::debug!(%error, "a client left before it was accepted");
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections now; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream) {
        let metrics = &self.gate.metrics;
        add(&metrics.connections_total, 1);
        let open = metrics.connections_open.load(Ordering::Relaxed);
        if open >= self.gate.limits.connections as u64 {
            add(&metrics.connections_refused, 1);
            return;
        }
        add(&metrics.connections_open, 1);
        let counted = Counted {
            metrics: Arc::clone(metrics),
            _alive: self.alive.clone(),
        };
        let (gate, tls, stop) = (Arc::clone(&self.gate), self.tls.clone(), self.stop.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(stream, gate, tls, stop).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(counted);
        });
    }
}

/// A connection, counted until this is dropped.
struct Counted {
    metrics: Arc<Metrics>,
    _alive: mpsc::Sender<Infallible>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        sub(&self.metrics.connections_open, 1);
    }
}

fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
    )
}
