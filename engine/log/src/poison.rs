//! The latch of the first failed write or sync.

use std::sync::OnceLock;

use engine_device::DeviceError;

/// Set once, by the first failed write or sync of a pool; from then on every mutation is refused
/// with that cause.
///
/// A failed sync is never retried: the kernel may have dropped the pages that it could not write.
#[derive(Debug, Default)]
pub struct Poison {
    cause: OnceLock<DeviceError>,
}

impl Poison {
    /// Latches `cause` if nothing was latched before, and says so in the log.
    pub fn set(&self, cause: &DeviceError) {
        if self.cause.set(cause.clone()).is_ok() {
            tracing::error!(error = %cause, source = ?std::error::Error::source(cause),
                "a device write or sync failed: the pool is read-only until it is restarted");
        }
    }

    /// The first failure, if there was one.
    #[must_use]
    pub fn cause(&self) -> Option<&DeviceError> {
        self.cause.get()
    }
}
