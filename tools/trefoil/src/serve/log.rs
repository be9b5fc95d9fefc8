//! The log on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

/// Starts logging; a second start in one process changes nothing.
pub(crate) fn start(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // To this library a client that is refused is an error of the server. What went wrong on this
    // side the frontend says itself.
    let filter = Targets::new()
        .with_default(level)
        .with_target("s3s", LevelFilter::OFF);
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    // Fails only if a subscriber is set already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
