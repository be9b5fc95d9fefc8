//! Counters of the server, as plain atomics that whoever renders them reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::request::Kind;

/// Counts since the server started, and gauges. All are relaxed: they order nothing.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Requests that were started, by kind: index with [`Kind::index`].
    requests: [AtomicU64; Kind::ALL.len()],
    /// Requests that were answered with an error, whatever the reason.
    pub errors: AtomicU64,
    /// Payload bytes sent in answers to reads, holes included.
    pub read_bytes: AtomicU64,
    /// Payload bytes of writes that were started.
    pub written_bytes: AtomicU64,
    /// Connections accepted, those refused included.
    pub connections_total: AtomicU64,
    /// Connections closed at once because there were too many.
    pub connections_refused: AtomicU64,
    /// Connections that exist now.
    pub connections_open: AtomicU64,
    /// Connections closed because the client broke the protocol.
    pub breaches: AtomicU64,
    /// Requests started and not yet answered, now.
    pub requests_in_flight: AtomicU64,
}

impl Metrics {
    /// Requests of one kind.
    #[must_use]
    pub fn requests(&self, kind: Kind) -> u64 {
        self.requests
            .get(kind.index())
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts a request that starts.
    pub(crate) fn started(&self, kind: Kind) {
        if let Some(count) = self.requests.get(kind.index()) {
            add(count, 1);
        }
        add(&self.requests_in_flight, 1);
    }

    /// Counts requests that were answered or given up.
    pub(crate) fn ended(&self, requests: u64) {
        sub(&self.requests_in_flight, requests);
    }
}

/// Adds to a counter or a gauge.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

/// Takes from a gauge what was added before.
pub(crate) fn sub(gauge: &AtomicU64, amount: u64) {
    gauge.fetch_sub(amount, Ordering::Relaxed);
}

/// Counts a connection while it lives.
#[derive(Debug)]
pub(crate) struct Open(Arc<Metrics>);

impl Open {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        add(&metrics.connections_open, 1);
        Self(metrics)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        sub(&self.0.connections_open, 1);
    }
}
