//! What the log can fail with.

use engine_base::Lsn;
use engine_device::{DeviceError, Place};
use engine_format::FormatError;

/// A failure of the log. Cheap to clone: one failure answers every member of a group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// No slot is free for a new segment: nothing was written.
    #[error("the pool is full: no free segment; delete or trim something")]
    NoSpace,
    /// The host gave no room for a segment: nothing was written.
    #[error("the host has no room for a segment of the pool")]
    HostNoSpace(#[source] DeviceError),
    /// An earlier write or sync failed; nothing is written any more.
    #[error("writing has stopped after a device error; look at the device, then restart")]
    Poisoned(#[source] DeviceError),
    /// The journal was closed.
    #[error("the pool is closing")]
    Closed,
    /// A batch is larger than the limits allow (the models split before).
    #[error(
        "a batch of {mutation_bytes} mutation bytes and {data_bytes} data bytes is over the limit"
    )]
    BatchTooLarge {
        /// Encoded mutations.
        mutation_bytes: usize,
        /// Data.
        data_bytes: usize,
    },
    /// A device call failed outside the write path.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A group that was once durable cannot be read: not a torn tail but damage.
    #[error(
        "the journal is damaged at {place}: the group of {lsn} is bad, and a later one says it \
         was durable up to {durable}; \
         restore the device, or open with the override that drops everything from {lsn} on"
    )]
    Damaged {
        /// The group that is bad.
        lsn: Lsn,
        /// Where it should be.
        place: Place,
        /// What a later group vouches for.
        durable: Lsn,
    },
    /// The journal cannot be read where a group is or may be: a bad place of a device, or a segment
    /// whose file is missing.
    #[error(
        "the journal cannot be read at {place}, where the group of {lsn} belongs; restore the \
         device, or open with the override that drops everything from {lsn} on"
    )]
    Unreadable {
        /// The group that belongs there.
        lsn: Lsn,
        /// Where.
        place: Place,
        /// Why.
        #[source]
        source: DeviceError,
    },
    /// A structure of the log is wrong.
    #[error("{what} at {place} is damaged")]
    Format {
        /// Which structure.
        what: &'static str,
        /// Where.
        place: Place,
        /// What is wrong with it.
        #[source]
        source: FormatError,
    },
}
