//! The connections of a server and the threads that they began on.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::shared::Client;

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By number, which is never used twice.
    connections: HashMap<u64, Connection>,
    next: u64,
    /// Threads that have nothing left to do.
    ended: Vec<JoinHandle<()>>,
    closed: bool,
}

#[derive(Debug)]
struct Connection {
    client: Arc<Client>,
    /// `None` until the thread was started.
    thread: Option<JoinHandle<()>>,
}

/// Why a connection was not added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there are {0} connections, which is the limit")]
    TooMany(usize),
    #[error("the server is stopping")]
    Closed,
    #[error("no thread can be started for it: {0}")]
    Thread(io::Error),
}

/// Takes a connection out when it ends, however it ends.
pub(crate) struct Membership {
    registry: Arc<Registry>,
    number: u64,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `serve` for `client` on a new thread; the connection lasts as long as its membership. A
    /// client that is refused is closed by whoever holds it last.
    pub(crate) fn add(
        self: &Arc<Self>,
        client: &Arc<Client>,
        limit: usize,
        serve: impl FnOnce(&Arc<Client>, Membership) + Send + 'static,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        let ended = std::mem::take(&mut state.ended);
        let full = state.connections.len() >= limit;
        if full || state.closed {
            let refused = if full {
                Refused::TooMany(limit)
            } else {
                Refused::Closed
            };
            drop(state);
            join(ended);
            return Err(refused);
        }
        let number = state.next;
        state.next += 1;
        let membership = Membership {
            registry: Arc::clone(self),
            number,
        };
        let (client, served) = (Arc::clone(client), Arc::clone(client));
        // The lock is held until the handle is stored: the thread cannot take itself out before.
        state.connections.insert(
            number,
            Connection {
                client,
                thread: None,
            },
        );
        let spawned = thread::Builder::new()
            .name(format!("nbd-{number}"))
            .spawn(move || serve(&served, membership));
        let result = match spawned {
            Ok(thread) => {
                if let Some(connection) = state.connections.get_mut(&number) {
                    connection.thread = Some(thread);
                }
                Ok(())
            }
            Err(error) => {
                state.connections.remove(&number);
                Err(Refused::Thread(error))
            }
        };
        drop(state);
        join(ended);
        result
    }

    /// Adds nothing any more, and calls `tell` for every connection.
    pub(crate) fn close(&self, tell: impl Fn(&Client)) {
        let mut state = self.lock();
        state.closed = true;
        for connection in state.connections.values() {
            tell(&connection.client);
        }
        self.changed.notify_all();
    }

    /// Waits until no connection is left, and joins the threads; returns how many are left when
    /// the time is over.
    pub(crate) fn wait_empty(&self, timeout: Duration) -> usize {
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| !state.connections.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::take(&mut state.ended);
        let left = state.connections.len();
        drop(state);
        join(ended);
        left
    }

    /// Waits for a while, or until the registry is closed; returns whether it is.
    pub(crate) fn pause(&self, timeout: Duration) -> bool {
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |state| !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.closed
    }

    /// Connections now.
    pub(crate) fn len(&self) -> usize {
        self.lock().connections.len()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        let connection = state.connections.remove(&self.number);
        if let Some(thread) = connection.and_then(|connection| connection.thread) {
            state.ended.push(thread);
        }
        self.registry.changed.notify_all();
    }
}

fn join(ended: Vec<JoinHandle<()>>) {
    for thread in ended {
        if thread.join().is_err() {
            tracing::error!("a connection's thread panicked; its client was cut off, others go on");
        }
    }
}
