//! What the console shows, as whoever starts it provides it.

use crate::{Family, Page};

/// Whether the process can do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Passing,
    /// It can, and something needs a person: a device is missing, say.
    Degraded(String),
    /// It cannot, for this reason.
    Failing(String),
}

/// Where the console gets its answers. Called once per request, on a thread of the runtime: the
/// calls must not block on devices.
pub trait Source: Send + Sync + 'static {
    /// Every metric, in the order in which they are printed.
    fn families(&self) -> Vec<Family>;

    /// The answer of `/healthz`.
    fn health(&self) -> Health;

    /// The page for people.
    fn page(&self) -> Page;
}
