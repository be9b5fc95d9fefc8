//! What a client may use, in one place.

use std::time::Duration;

/// Limits of the server. Everything a client sends is bounded by one of them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; more are closed when they arrive.
    pub connections: usize,
    /// Requests with a valid key at once; more are answered 503 `SlowDown`. Each holds a few MiB
    /// at most.
    pub requests: usize,
    /// Bytes of a request's line and headers.
    pub head_bytes: usize,
    /// Bytes of a body that is XML.
    pub document_bytes: usize,
    /// How long the headers of a request may take, from the moment the connection waits for them.
    pub head_time: Duration,
    /// How long a body, or the reading of an answer, may make no progress; and the time over which
    /// a body must not be too slow.
    pub stall_time: Duration,
    /// Threads that serve connections; 0: chosen by the number of processors.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            requests: 256,
            head_bytes: 64 << 10,
            document_bytes: 4 << 20,
            head_time: Duration::from_secs(75),
            stall_time: Duration::from_secs(60),
            threads: 0,
        }
    }
}
