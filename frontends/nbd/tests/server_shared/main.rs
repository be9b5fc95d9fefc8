//! The same tests of the whole server with every connection on a thread that serves many.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

/// Connections with a thread of their own.
const OWN_THREADS: usize = 0;

#[path = "../server/atomic.rs"]
mod atomic;
#[path = "../server/chaos.rs"]
mod chaos;
#[path = "../server/endings.rs"]
mod endings;
#[path = "../server/gate.rs"]
mod gate;
#[path = "../server/limits.rs"]
mod limits;
#[path = "../server/old_client.rs"]
mod old_client;
#[path = "../server/pipelining.rs"]
mod pipelining;
#[path = "../server/stopping.rs"]
mod stopping;
#[path = "../server/wire.rs"]
mod wire;
