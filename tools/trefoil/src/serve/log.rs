//! The log on stderr.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::LevelFilter;

/// Starts logging; a second start in one process changes nothing.
pub(crate) fn start(level: LevelFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .finish();
    // Fails only if a subscriber is set already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
