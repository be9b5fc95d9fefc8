//! What the threads of one server share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use crate::budget::Budget;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::socket::Socket;

/// State of a server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    /// New requests are refused. Set before the sockets are told.
    pub(crate) stopping: AtomicBool,
    /// What is in flight is given up.
    pub(crate) aborting: AtomicBool,
}

impl Shared {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            metrics: Arc::default(),
            limits,
            budget: Budget::new(limits.total_bytes),
            stopping: AtomicBool::new(false),
            aborting: AtomicBool::new(false),
        }
    }
}

/// One connection, as its threads and the server see it.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who it is, for the log.
    pub(crate) peer: String,
    pub(crate) socket: Socket,
    /// Wake the connection's threads out of their reactors.
    wakers: Mutex<Vec<Waker>>,
}

impl Client {
    pub(crate) const fn new(peer: String, socket: Socket) -> Self {
        Self {
            peer,
            socket,
            wakers: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn add_waker(&self, waker: Waker) {
        let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.push(waker);
    }

    pub(crate) fn wake(&self) {
        let wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.iter().for_each(Waker::wake_by_ref);
    }
}
