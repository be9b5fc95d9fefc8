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

/// One connection, as its own thread and the server see it.
#[derive(Debug)]
pub(crate) struct Client {
    /// Who it is, for the log.
    pub(crate) peer: String,
    pub(crate) socket: Socket,
    /// Wakes the connection's thread out of its reactor.
    waker: Mutex<Option<Waker>>,
}

impl Client {
    pub(crate) const fn new(peer: String, socket: Socket) -> Self {
        Self {
            peer,
            socket,
            waker: Mutex::new(None),
        }
    }

    pub(crate) fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    pub(crate) fn wake(&self) {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = &*waker {
            waker.wake_by_ref();
        }
    }
}
