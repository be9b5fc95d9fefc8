//! Why something cannot be printed.

use engine_base::{SegmentId, Slot};
use engine_device::DeviceError;

/// What was asked for cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// How the device is cut is not known.
    #[error(
        "{device}: neither superblock says how large segments are; inspect the superblocks to see \
         what is left of them"
    )]
    NoGeometry {
        /// Path of the device.
        device: String,
    },
    /// There is no such slot.
    #[error("{slot} is not on the device, which has {slots} slots")]
    NoSlot {
        /// What was asked for.
        slot: Slot,
        /// How many there are.
        slots: u32,
    },
    /// The offset is outside the segment.
    #[error("offset {offset} is not in a segment of {segment_bytes} bytes")]
    NoOffset {
        /// What was asked for.
        offset: u32,
        /// Bytes of a segment.
        segment_bytes: u32,
    },
    /// No slot holds this segment.
    #[error("no slot holds {segment}: it was given back, or its header is damaged; name its slot")]
    NoSegment {
        /// What was asked for.
        segment: SegmentId,
    },
}
