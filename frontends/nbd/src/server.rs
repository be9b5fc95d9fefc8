//! The server: listening sockets, a thread for each, and the threads that serve connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::address::Address;
use crate::alone;
use crate::connection::{self, End, Presence, Seat};
use crate::crew::{Crew, Team};
use crate::export::{Export, Exports};
use crate::limits::Limits;
use crate::listener::{ListenError, Listener};
use crate::metrics::{Metrics, add};
use crate::registry::{Refused, Registry};
use crate::shared::{Client, Shared};

/// How long a thread that cannot accept waits: what the system lacks (descriptors, mostly) comes
/// back as connections end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long threads that were cut off have to notice.
const ABORT_GRACE: Duration = Duration::from_secs(5);

/// A running server. Dropping it stops it without waiting for clients; see [`Server::shutdown`]
/// for the graceful way.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    crew: Arc<dyn Team>,
    listeners: Vec<(Arc<Listener>, Address, Option<JoinHandle<()>>)>,
    stopped: bool,
}

/// What [`Server::shutdown`] could not finish in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// Connections that were cut off with requests in flight or replies unread.
    pub cut_off: usize,
    /// Of these, connections whose thread did not even then end: the engine holds it.
    pub stuck: usize,
}

impl Server {
    /// Listens on every address and serves `exports`.
    ///
    /// # Errors
    /// [`ListenError`] for the first address that cannot be had; those before it are closed again.
    pub fn start<X: Exports>(
        exports: Arc<X>,
        addresses: &[Address],
        limits: Limits,
    ) -> Result<Self, ListenError> {
        let shared = Arc::new(Shared::new(limits));
        let crew = Arc::new(Crew::<X::Export>::new(Arc::clone(&shared)));
        let mut server = Self {
            shared,
            registry: Arc::default(),
            crew: Arc::clone(&crew) as Arc<dyn Team>,
            listeners: Vec::new(),
            stopped: false,
        };
        for address in addresses {
            let listener = Arc::new(Listener::bind(address)?);
            server.listen(&exports, &crew, listener, address)?;
        }
        Ok(server)
    }

    fn listen<X: Exports>(
        &mut self,
        exports: &Arc<X>,
        crew: &Arc<Crew<X::Export>>,
        listener: Arc<Listener>,
        address: &Address,
    ) -> Result<(), ListenError> {
        let bound = listener.address().map_err(|source| ListenError::Listen {
            address: address.clone(),
            source,
        })?;
        let (exports, crew) = (Arc::clone(exports), Arc::clone(crew));
        let (shared, registry) = (Arc::clone(&self.shared), Arc::clone(&self.registry));
        let accepting = Arc::clone(&listener);
        let thread = thread::Builder::new()
            .name("nbd-accept".to_owned())
            .spawn(move || accept_all(&accepting, &exports, &crew, &shared, &registry))
            .map_err(|source| ListenError::Thread {
                address: address.clone(),
                source,
            })?;
        self.listeners.push((listener, bound, Some(thread)));
        Ok(())
    }

    /// The addresses, with the ports that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.listeners.iter().map(|(_, address, _)| address)
    }

    /// Counters, for whoever renders them.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.shared.metrics)
    }

    /// Payload bytes in flight over all connections, now.
    #[must_use]
    pub fn bytes_in_flight(&self) -> u64 {
        self.shared.budget.used()
    }

    /// Connections now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.registry.len()
    }

    /// Stops: no new connection, what is in flight is finished and answered, new requests are
    /// refused (`ESHUTDOWN`), connections are closed and all threads joined. What is not done
    /// after `grace` is cut off; that takes seconds at most.
    #[must_use = "what was cut off is worth a line of the log"]
    pub fn shutdown(mut self, grace: Duration) -> Shutdown {
        self.stop(grace)
    }

    fn stop(&mut self, grace: Duration) -> Shutdown {
        self.stopped = true;
        self.shared.stopping.store(true, Ordering::Release);
        for (listener, _, thread) in &mut self.listeners {
            listener.close();
            if thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a thread that accepted connections panicked");
            }
        }
        self.shared.budget.close();
        self.registry.close(|client| {
            client.socket.stop_receiving();
            client.wake();
        });
        let cut_off = self.registry.wait_empty(grace);
        if cut_off == 0 {
            self.crew.stop(false);
            return Shutdown { cut_off, stuck: 0 };
        }
        self.shared.aborting.store(true, Ordering::Release);
        self.registry.close(|client| {
            client.socket.abort();
            client.wake();
        });
        let stuck = self.registry.wait_empty(ABORT_GRACE);
        self.crew.stop(stuck > 0);
        Shutdown { cut_off, stuck }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stopped {
            self.stop(Duration::ZERO);
        }
    }
}

/// Accepts until the listener is closed.
fn accept_all<X: Exports>(
    listener: &Listener,
    exports: &Arc<X>,
    crew: &Arc<Crew<X::Export>>,
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
) {
    loop {
        match listener.accept() {
            Ok(client) => welcome(client, exports, crew, shared, registry),
            Err(_) if shared.stopping.load(Ordering::Acquire) => return,
            Err(error) if is_of_client(&error) => {
                tracing::debug!(%error, "a client left before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections now; trying again");
                if registry.pause(ACCEPT_PAUSE) {
                    return;
                }
            }
        }
    }
}

fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
    )
}

fn welcome<X: Exports>(
    client: Client,
    exports: &Arc<X>,
    crew: &Arc<Crew<X::Export>>,
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
) {
    let metrics = &shared.metrics;
    add(&metrics.connections_total, 1);
    let client = Arc::new(client);
    let (exports, crew, state) = (Arc::clone(exports), Arc::clone(crew), Arc::clone(shared));
    let serve = move |client: &Arc<Client>, membership| {
        let presence = Presence::new(membership, &state.metrics);
        let result = connection::welcome(client, &*exports, &state, presence);
        let result = result.and_then(|seat| seat.map_or(Ok(true), |seat| begin(seat, &crew)));
        match result {
            Ok(true) => connection::report(client, &state, Ok(())),
            // Its thread says how it ends.
            Ok(false) => {}
            Err(error) => connection::report(client, &state, Err(error)),
        }
    };
    match registry.add(&client, shared.limits.connections, serve) {
        Ok(()) | Err(Refused::Closed) => {}
        Err(reason) => {
            add(&metrics.connections_refused, 1);
            tracing::warn!(peer = %client.peer, %reason, "a connection was refused");
        }
    }
}

/// Serves a connection on this thread to its end (`true`), or hands it on.
fn begin<E: Export>(seat: Seat<E>, crew: &Crew<E>) -> Result<bool, End> {
    if let Some(_claim) = crew.alone() {
        return alone::serve(seat).map(|()| true);
    }
    crew.serve(seat).map(|()| false)
}
