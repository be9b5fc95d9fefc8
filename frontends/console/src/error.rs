//! What starting the console can fail with.

use std::io;
use std::net::SocketAddr;

/// A console that could not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address is taken, not of this machine, or not permitted.
    #[error(
        "the console cannot listen on {address}; stop what listens there or choose another \
             address with --console"
    )]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// The host's error.
        #[source]
        source: io::Error,
    },
}
