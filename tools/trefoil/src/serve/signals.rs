//! SIGTERM and Ctrl-C: the first asks to stop, the second does not wait.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The status of a process that was told twice.
const STATUS_AT_ONCE: i32 = 1;

/// Watches from now on. The receiver changes to true at the first signal; the second ends the
/// process with status 1, which for the pool is a crash like any other: the next start recovers.
pub(crate) fn watch(runtime: &Runtime) -> io::Result<watch::Receiver<bool>> {
    let _inside = runtime.enter();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(async move {
        for told in 1..=2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told == 1 {
                tracing::info!(
                    "stopping: finishing what is in flight; a second signal does not wait"
                );
                stop.send_replace(true);
            }
        }
        tracing::warn!("stopping at once; the next start recovers");
        std::process::exit(STATUS_AT_ONCE);
    });
    Ok(stopped)
}
