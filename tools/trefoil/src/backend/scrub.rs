//! What the control server needs of scrubbing.

use crate::backend::BackendError;
use crate::control::protocol::ScrubReport;
use crate::transfer::Monitor;

/// Scrubbing.
pub(crate) trait Scrubs {
    /// Begins a pass; with `wait` it returns at its end.
    fn scrub(&self, wait: bool, monitor: &mut dyn Monitor) -> Result<ScrubReport, BackendError>;
}
