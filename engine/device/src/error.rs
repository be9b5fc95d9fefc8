//! What a device call can fail with.

use std::io;
use std::sync::Arc;

use crate::Place;

/// A failed device call. Cheap to clone, because the first one is kept as the reason why a pool is
/// poisoned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeviceError {
    /// The host refused to give space before a byte was written: nothing changed.
    #[error("{device}: the host has no space for {action} at {place}; free some there")]
    NoSpace {
        /// What was being done.
        action: &'static str,
        /// Path of the device.
        device: Arc<str>,
        /// Where on it.
        place: Place,
        /// The host's error.
        #[source]
        source: Arc<io::Error>,
    },
    /// Any other failure. After a write or a sync the state of the bytes is unknown.
    #[error("{device}: {action} at {place} failed; look at the kernel's log, then restart")]
    Io {
        /// What was being done.
        action: &'static str,
        /// Path of the device.
        device: Arc<str>,
        /// Where on it.
        place: Place,
        /// The host's error.
        #[source]
        source: Arc<io::Error>,
    },
    /// The device cannot be opened or created as asked.
    #[error("{device}: {reason}")]
    Unusable {
        /// Path of the device.
        device: Arc<str>,
        /// What is wrong and what to do.
        reason: String,
        /// The host's error, if there was one.
        #[source]
        source: Option<Arc<io::Error>>,
    },
}

impl DeviceError {
    /// A copy was asked for that the device does not keep.
    pub(crate) fn no_such_copy(device: &str, copy: usize, place: Place) -> Self {
        Self::Io {
            action: "finding the copy",
            device: device.into(),
            place,
            source: Arc::new(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("there is no copy {copy}"),
            )),
        }
    }

    /// Whether it was a read that failed, or did not show what was written: writing may go on.
    #[must_use]
    pub fn is_of_reading(&self) -> bool {
        matches!(self, Self::Io { action, .. } if action.starts_with("reading"))
    }

    /// Whether what was asked for is not there, as is a slot that was never used or was cut; the
    /// device may be fine.
    pub(crate) fn is_no_slot(&self) -> bool {
        let Self::Io { source, .. } = self else {
            return false;
        };
        let kinds = [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof];
        kinds.contains(&source.kind())
    }
}
