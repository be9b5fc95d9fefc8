//! The whole server over real sockets.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod atomic;
mod chaos;
mod endings;
mod gate;
mod limits;
mod listening;
mod old_client;
mod pipelining;
mod stopping;
mod wire;
