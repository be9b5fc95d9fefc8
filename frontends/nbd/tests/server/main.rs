//! The whole server over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

/// Connections with a thread of their own: all.
const OWN_THREADS: usize = usize::MAX;

mod atomic;
mod chaos;
mod endings;
mod gate;
mod limits;
mod listening;
mod old_client;
mod pipelining;
mod relay;
mod stopping;
mod wire;
